"""What two records are worth to each other beyond their own bits: under which key they meet, and
what the blocks of their common mailboxes and numbers say. Both engines go by this, and nothing
else, so that they come to the same."""

from collections.abc import Mapping, Sequence

from transforms.identity.evidence import is_held_by_several
from transforms.identity.messages import HOT
from transforms.identity.rules import people_conflict
from transforms.identity.weighed.bearers import (
    NOBODY,
    SOLE_BEARER,
    Ambiguous,
    Bits,
    ambiguous,
    sole_bearer,
)
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import MUST_LINK, Judge
from transforms.identity.weighed.keys import value_keys

IDS = "id:"
"""A source's own word."""
NAMES = "n:"
"""The sounds of both names."""
NUMBER = "t:"
VALUES = ("e:", NUMBER)
"""Families of mailboxes and numbers: what their blocks are bears on the evidence under other keys
too."""
Context = bool | Ambiguous
Crowds = Mapping[str, int]
"""Keys of mailboxes and numbers that are not one person's, and what they are."""


def context_of(key: str, members: Sequence[Features], bits: Bits) -> Context:
    """What a block as a whole says of each pair in it: of a mailbox or number, whether it is a
    household's, an office's or a switchboard's; of a name's sound, the names that several known
    people bear."""
    if key.startswith(NAMES):
        return ambiguous(members, bits)
    return is_held_by_several(key, members)


def bits_under(key: str, context: Context, a: Features, b: Features, weighed: Bits) -> int:
    """Bits of a pair that shares a key, where `weighed` are those of its fields; a sighting is
    joined by its name at a shared mailbox, and by nothing at a shared number."""
    if a.kind != b.kind:
        return 0
    if key.startswith(IDS):
        return MUST_LINK
    if key.startswith(NAMES):
        if sole_bearer(a, b, known_as_several(context)):
            return max(SOLE_BEARER, weighed(a, b))
    elif context and is_undecided(a, b, number=key.startswith(NUMBER)):
        return 0
    return weighed(a, b)


def known_as_several(context: Context) -> Ambiguous:
    """The names that several people bear, where the context is that of names."""
    return context if isinstance(context, frozenset) else NOBODY


def depends_on_key(a: Features, b: Features) -> bool:
    """False of nearly all pairs of registers' records: under whichever key they meet, they weigh
    the same."""
    return bool(a.observed or b.observed or a.same or b.same)


def bits_in_crowd(a: Features, b: Features, crowds: Crowds, judge: Judge) -> int | None:
    """Bits of a pair that has a mailbox or number of a crowd in common; None of another."""
    mail, phone = crowded(a, b, crowds)
    return judge.bits(a, b, hot_mail=mail, hot_phone=phone) if mail or phone else None


def is_unsaid(a: Features, b: Features) -> bool:
    """True of a pair without an edge of which nothing can be said.

    A sighting is an address or a number and perhaps a name: it goes where that is known, and what
    else is known there is no word against it.
    """
    return a.kind == b.kind and (a.observed or b.observed)


def is_undecided(a: Features, b: Features, *, number: bool) -> bool:
    """A sighting whose name does not say whose of a crowd it is. Beside a number stands whom the
    address book has for it, whoever calls: that says nothing."""
    if not (a.observed or b.observed):
        return False
    if number:
        return True
    whole = a.given and a.family and b.given and b.family and min(len(a.given), len(b.given)) > 1
    return not whole or people_conflict(a.given, a.family, b.given, b.family, family_counts=True)


def crowded(
    a: Features, b: Features, crowds: Crowds, *, hot_alone: bool = False
) -> tuple[bool, bool]:
    """Whether a mailbox, and whether a number, that both have says nothing of these two; with
    `hot_alone` as if a sighting's name always said whose it is."""
    mail = phone = False
    for key in set(value_keys(a)).intersection(value_keys(b)):
        crowd = crowds.get(key, 0)
        number = key.startswith(NUMBER)
        if crowd == HOT or (crowd and not hot_alone and is_undecided(a, b, number=number)):
            mail, phone = mail or not number, phone or number
    return mail, phone
