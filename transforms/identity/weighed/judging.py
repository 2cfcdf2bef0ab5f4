"""A pair judged: its bits under the model, and the rules that no weight may outvote.

Each rule has its switch. What a rule forbids is told from what evidence speaks against.
"""

from collections.abc import Callable

import msgspec

from transforms.identity.rules import both_known, family_conflict, given_conflict
from transforms.identity.weighed.bounds import Bound
from transforms.identity.weighed.comparisons import (
    BORN,
    FAMILY,
    GIVEN,
    IDS,
    MAIL,
    MAIL_NAMED,
    ORG,
    PHONE,
    STREET_PHONED,
    Levels,
    compared,
    shared,
)
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.weights import BIT, Model, Scorer
from transforms.identity.weighed.words import edits, likeness

MUST_LINK = 40 * BIT
"""A source's own word that two records are one."""
FORBIDDEN = -20 * BIT
"""What a rule leaves of the bits of two records that it holds apart."""
VETOED = FORBIDDEN - 1
"""The same where nothing joins them either: what others share with both must not."""
DOUBTED = FORBIDDEN + 1
"""The same of a rule that the other records of the two may outvote (see `BINDING`)."""
HELD_APART = (FORBIDDEN, VETOED, DOUBTED)
NOISY_IDS = 0.03
"""Share of matches with different identifiers above which a model says that they are no proof."""
SAME_DOMAIN = 13 * BIT
"""Two accounts with one domain, before their names, numbers and streets are held against each
other: branches of a house share it."""
NOTHING_IN_COMMON = 0.62
"""Jaro-Winkler below which two given names are no spellings, slips or parts of each other."""
LONG_NAME, SLIPS = 5, 2
"""Letters from which two family names are one with as many slips."""
SIGHTED = 13 * BIT
"""A sighting of a person's own mailbox, whatever name stands beside it."""


UNBOUNDED = 1_000 * BIT


class Rules(msgspec.Struct, frozen=True):
    """Which rules hold."""

    person_evidence: bool = True
    """Given names that conflict are never joined by what a household or an office shares."""
    exclusive_ids: bool = True
    """An owner has one official identifier of a type."""
    generation: bool = True
    """A senior is no junior."""
    shared_mailbox: bool = True
    """A mailbox held under two known given names that differ belongs to neither alone; of one
    family, under two of any names that have nothing in common."""
    siblings: bool = True
    """Twins share all but a given name: two known ones that differ are two people's."""
    office: bool = True
    """Family names that conflict are never joined by what an office shares, nor by a number
    alone; in one house it may be a new name."""
    role_mailbox: bool = True
    """info@ and its like say nothing of who writes."""
    two_sides: bool = True
    """One of us is a customer for a mailbox that both have alone; whose a number is that called or
    was called, it says."""


EVERY_RULE = Rules()
BINDING = ("generation", "shared_mailbox", "office")
"""Rules that hold for whole entities. What the others hold apart the rest of the records may
outvote: a name or an identifier may be a slip, which shows where third records agree with both."""


class Judge:
    """Bits of pairs: a pure function of the two records' features, the model and the rules."""

    def __init__(self, model: Model, rules: Rules = EVERY_RULE) -> None:
        self.model = model
        self.rules = rules
        self.person = Scorer(model.person)
        self.account = Scorer(model.account)
        self._person_bound = Bound(self.person)
        self._account_bound = Bound(self.account)
        self._ids_are_exclusive = rules.exclusive_ids and all(
            weights.fields["ids"].m[0] <= NOISY_IDS for weights in (model.person, model.account)
        )

    def bits(
        self, a: Features, b: Features, *, hot_mail: bool = False, hot_phone: bool = False
    ) -> int:
        """Bits for the two being one, in 1/256; one of `HELD_APART` where a rule holds them apart.

        A mailbox or number that is hot says nothing."""
        if a.kind != b.kind:
            return FORBIDDEN
        if b.own < a.own:
            a, b = b, a
        if (a.same or b.same) and (a.own in b.same or b.own in a.same):
            return MUST_LINK
        levels = compared(a, b)
        if hot_mail:
            levels = without_mail(levels)
        if hot_phone:
            levels = without_phone(levels)
        if a.kind != "person":
            bits = self.account.bits(a, b, levels)
            if a.domains and b.domains and shared(a.domains, b.domains):
                bits += SAME_DOMAIN
        else:
            bits = self.person.bits(a, b, levels)
            if (a.observed or b.observed) and levels[MAIL] == 5 and bits < SIGHTED:
                bits = SIGHTED
        if bits > 0:
            rule = self.forbids(a, b, levels)
            if rule:
                return FORBIDDEN if rule in BINDING else DOUBTED
        elif self.rules.generation and _generation(a, b, levels):
            return VETOED
        return bits

    def edge_bits(self, a: Features, b: Features, floor: int = 0) -> int:
        """The same where it is above a floor, and anything at or below it otherwise: what blocks
        need to know, at a fraction of the cost. Under every floor the same pairs are above zero."""
        if b.own < a.own:
            a, b = b, a
        if a.kind != b.kind or a.same or b.same:
            return self.bits(a, b)
        most = self._most(a, b)
        if most <= floor:
            return floor
        return self.bits(a, b) if most > 0 else min(0, self.bits(a, b))

    def parts(
        self, a: Features, b: Features, *, hot_mail: bool = False, hot_phone: bool = False
    ) -> list[tuple[str, int]]:
        """What `bits` adds up of two of a kind, by field: all but what a rule then makes of it."""
        if b.own < a.own:
            a, b = b, a
        levels = compared(a, b)
        if hot_mail:
            levels = without_mail(levels)
        if hot_phone:
            levels = without_phone(levels)
        scorer = self.person if a.kind == "person" else self.account
        found = [(name, bits) for name, _, bits in scorer.by_field(a, b, levels)]
        return [("before", scorer.prior), *found]

    def _most(self, a: Features, b: Features) -> int:
        """The most bits that a look at two of a kind says can come of them."""
        if a.kind == "person":
            return UNBOUNDED if a.observed or b.observed else self._person_bound.of(a, b)
        return UNBOUNDED if a.domains and b.domains else self._account_bound.of(a, b)

    def forbids(self, a: Features, b: Features, levels: Levels) -> str:
        """The rule that holds the two apart; empty where none does."""
        if levels[IDS] == 0 and self._ids_are_exclusive and levels[BORN] < 4:
            return "exclusive_ids"
        if a.kind == "person":
            for name, holds in _RULES:
                if getattr(self.rules, name) and holds(a, b, levels):
                    return name
        return ""


def _generation(a: Features, b: Features, levels: Levels) -> bool:
    return bool(a.suffix and b.suffix and a.suffix != b.suffix)


def _person_evidence(a: Features, b: Features, levels: Levels) -> bool:
    return not personal(levels, levels[FAMILY]) and _given_names_conflict(a, b, levels)


def _shared_mailbox(a: Features, b: Features, levels: Levels) -> bool:
    if levels[MAIL] != 5 or levels[BORN] >= 3 or levels[IDS] >= 1:
        return False
    if not _given_names_conflict(a, b, levels):
        return False
    return both_known(a.given, b.given) or (levels[FAMILY] >= 1 and _are_unlike(a.given, b.given))


def _are_unlike(given: str, other: str) -> bool:
    if min(len(given), len(other)) < 3 or given in other or other in given:
        return False
    return likeness(given, other) < NOTHING_IN_COMMON


def _siblings(a: Features, b: Features, levels: Levels) -> bool:
    if levels[BORN] < 3 or levels[FAMILY] < 3 or levels[IDS] >= 1:
        return False
    if max(levels[MAIL], levels[MAIL_NAMED]) >= 3:
        return False
    return _given_names_conflict(a, b, levels) and both_known(a.given, b.given)


def _office(a: Features, b: Features, levels: Levels) -> bool:
    if not 0 <= levels[FAMILY] < 2 or personal(levels, levels[GIVEN]):
        return False
    if levels[ORG] < 3 and (levels[PHONE] < 4 or levels[STREET_PHONED] >= 3):
        return False
    if a.observed or b.observed or not family_conflict(a.family, b.family):
        return False
    # A slip at the front of a long name makes it look like another one.
    return min(len(a.family), len(b.family)) < LONG_NAME or edits(a.family, b.family) > SLIPS


def _two_sides(a: Features, b: Features, levels: Levels) -> bool:
    if a.internal == b.internal or levels[MAIL] == 5 or levels[MAIL_NAMED] == 5:
        return False
    return not (levels[PHONE] == 4 and (a.observed or b.observed))


def _given_names_conflict(a: Features, b: Features, levels: Levels) -> bool:
    """Of registers' records alone: beside a sighted mailbox or number stands any name."""
    if not 0 <= levels[GIVEN] < 5 or levels[GIVEN] == 2 or a.observed or b.observed:
        return False
    if levels[GIVEN] > 2:
        # However alike: eric and erica are two, jo hn and john are not.
        split = a.given.replace(" ", "") == b.given.replace(" ", "")
        return both_known(a.given, b.given) and not split
    return given_conflict(a.given, b.given)


_RULES: tuple[tuple[str, Callable[[Features, Features, Levels], bool]], ...] = (
    ("generation", _generation),
    ("person_evidence", _person_evidence),
    ("shared_mailbox", _shared_mailbox),
    ("siblings", _siblings),
    ("office", _office),
    ("two_sides", _two_sides),
)


def personal(levels: Levels, other_name: int) -> bool:
    """True where the two agree on what one person has, and no household or office. Mailboxes that
    are nearly one are those of two where the other of the names agrees: ann.lee and jan.lee."""
    return (
        levels[MAIL] == 5
        or (levels[MAIL] >= 3 and other_name < 3)
        or levels[BORN] >= 3
        or levels[IDS] >= 1
        or levels[GIVEN] == 2
        or levels[FAMILY] == 2
    )


def without_mail(levels: Levels) -> Levels:
    """The levels as if no mailbox were known."""
    g, f, _, p, d, s, o, n, i, _, q = levels
    return (g, f, -1, p, d, s, o, n, i, -1, q)


def without_phone(levels: Levels) -> Levels:
    """The levels as if no number were known."""
    g, f, m, _, d, s, o, n, i, q, t = levels
    return (g, f, m, -1, d, max(s, t), o, n, i, q, -1)
