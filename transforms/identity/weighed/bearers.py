"""A private mailbox and the one person known by its owner's name.

Who writes from a mail provider's mailbox shows a name and nothing else. Where the sources' own
records know one person of that whole name, and no other, it is theirs; where they know two, it is
nobody's: a candidate, never the toss of a coin.
"""

from collections.abc import Callable, Sequence

from transforms.identity.evidence import is_host
from transforms.identity.rules import main_form
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.weights import BIT

SOLE_BEARER = 4 * BIT
"""A mailbox of the only person known by the name: some are a namesake's whom nobody knows yet."""
Name = tuple[str, str]
Bits = Callable[[Features, Features], int]
"""What says whether two records are one: above zero where they are."""
Ambiguous = frozenset[Name]
"""Whole names that more than one known person bears."""
NOBODY: Ambiguous = frozenset()


def whole_name(f: Features) -> Name | None:
    """Given name in its main form and family name, with the generation; None where not whole."""
    if f.kind != "person" or len(f.given) < 2 or len(f.family) < 2:
        return None
    return main_form(f.given), f"{f.family} {f.suffix or ''}"


def is_private(f: Features) -> bool:
    """True of a sighting of a mail provider's mailbox that is a person's."""
    return f.observed and bool(f.mail) and is_host(f.mail.rpartition("@")[2])


def ambiguous(members: Sequence[Features], bits: Bits) -> Ambiguous:
    """Of the names of private mailboxes among these, those that several known people bear.

    Records that are one by themselves, or over others, are one person: a name borne in two CRMs
    with one mailbox is borne once.
    """
    asked = {whole_name(f) for f in members if is_private(f)} - {None}
    if not asked:
        return NOBODY
    bearers: dict[Name, list[Features]] = {}
    for f in members:
        name = None if f.observed else whole_name(f)
        if name is not None and name in asked:
            bearers.setdefault(name, []).append(f)
    return frozenset(name for name, some in bearers.items() if not _are_one(some, bits))


def _are_one(some: list[Features], bits: Bits) -> bool:
    apart = some[1:]
    reached = some[:1]
    while reached and apart:
        one = reached.pop()
        joined = [other for other in apart if bits(one, other) > 0]
        apart = [other for other in apart if other not in joined]
        reached += joined
    return not apart


def sole_bearer(a: Features, b: Features, known_as_several: Ambiguous) -> bool:
    """True of a private mailbox and a known person of its whole name, whom nobody shares it with.

    A person with a private mailbox of their own at a provider may have another one. A name alone
    puts nobody on our side: a customer may be a colleague's namesake.
    """
    if a.observed == b.observed or not (is_private(a) or is_private(b)):
        return False
    if a.internal != b.internal:
        return False
    name = whole_name(a)
    return name is not None and name == whole_name(b) and name not in known_as_several
