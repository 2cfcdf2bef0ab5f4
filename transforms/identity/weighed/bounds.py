"""The most that a pair can reach, from what is cheap to see.

Most pairs that share a key are strangers; to know that, no spelling need be compared. What is cut
off here has no edge, and so a bound may be a little too low at the cost of a match, never of order.
"""

from transforms.identity.weighed.comparisons import (
    BORN,
    FAMILY,
    GIVEN,
    IDS,
    MAIL,
    MAIL_NAMED,
    ORG,
    PHONE,
    PLACE,
    STREET,
    STREET_PHONED,
    family_level,
    given_level,
    mail_level,
    org_level,
    phone_level,
)
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.weights import Scorer

MOST_DIFFERENT = 3
"""Places in which two identifiers of one length differ, above which they are others."""
_differ = str.__ne__


class Bound:
    """The most bits that two records can have under one kind's weights."""

    __slots__ = (
        *("_born", "_family", "_family_rates", "_given", "_given_rates", "_ids", "_low_born"),
        *("_low_mail", "_low_named", "_low_place", "_low_street", "_mail", "_mail_rates", "_named"),
        *("_near_born", "_near_ids", "_near_org"),
        *("_near_place", "_near_street", "_org", "_org_rates", "_phone", "_phone_rates"),
        *("_phoned", "_place", "_place_rare", "_place_rates", "_prior", "_street"),
        *("_street_rates", "_swap"),
    )

    def __init__(self, scorer: Scorer) -> None:
        table, rates = scorer.table, scorer.rates
        self._prior = scorer.prior
        self._given, self._family, self._org = table(GIVEN), table(FAMILY), table(ORG)
        self._swap = self._given[2] + self._family[2]
        self._mail, self._named = table(MAIL), table(MAIL_NAMED)
        self._low_mail, self._low_named = max(self._mail[:2]), max(self._named[:2])
        self._phone = table(PHONE)
        self._born, self._near_born = table(BORN), max(table(BORN)[:5])
        self._low_born = max(table(BORN)[0], table(BORN)[3])
        street, phoned = table(STREET), table(STREET_PHONED)
        self._street, self._phoned = street, phoned
        self._near_street = max(*street[:5], *phoned[:5])
        self._low_street = max(street[:2])
        place = table(PLACE)
        self._place, self._near_place, self._low_place = place, max(place[:5]), max(place[:3])
        self._near_org = max(self._org[:5])
        self._ids, self._near_ids = table(IDS), max(table(IDS)[:3])
        self._given_rates, self._family_rates = rates(GIVEN), rates(FAMILY)
        self._mail_rates, self._phone_rates = rates(MAIL), rates(PHONE)
        self._street_rates, self._org_rates = rates(STREET), rates(ORG)
        self._place_rates = rates(PLACE)
        self._place_rare = max(0, rates(PLACE)[1])

    def of(self, a: Features, b: Features) -> int:
        """The bound in 1/256 bit; below zero or zero the two are strangers."""
        bound = self._prior + self._of_place(a, b)
        named = False
        x, y = a.given, b.given
        v, w = a.family, b.family
        if x or v:
            given = family = -1
            if x and y:
                given = 5 if x == y else given_level(x, y)
            if v and w:
                family = 5 if v == w else family_level(v, w)
            if given < 3 and family < 3 and ((w and x[:1] == w[0]) or (v and y[:1] == v[0])):
                # They may stand in each other's place.
                bound += max(self._swap, self._given[given] + self._family[family])
                named = True
            else:
                bound += self._given[given] + self._family[family]
                named = given > 1 and family > 1
                if given == 5:
                    bound += self._given_rates[0].get(x, self._given_rates[1])
                if family == 5:
                    bound += self._family_rates[0].get(v, self._family_rates[1])
        x, y = a.mail, b.mail
        if x and y:
            if x == y or a.mails or b.mails:
                bound += (self._named if named else self._mail)[5]
                bound += self._mail_rates[0].get(x, self._mail_rates[1])
            elif x[:3] == y[:3]:
                # Who shares a given name shares how the mailbox begins: the bound would be loose.
                bound += (self._named if named else self._mail)[mail_level(x, y)]
            else:
                bound += self._low_named if named else self._low_mail
        x, y = a.born, b.born
        if x and y:
            if x == y:
                bound += self._born[5]
            elif x[:4] != y[:4] and x[4:] != y[4:]:
                bound += self._low_born
            else:
                bound += self._near_born
        if a.ids and b.ids:
            bound += self._of_ids(a.ids, b.ids)
        bound += self._of_premises(a, b)
        x, y = a.org, b.org
        if x and y:
            if x == y:
                bound += self._org[5] + self._org_rates[0].get(x, self._org_rates[1])
            elif bound + self._near_org <= 0:
                return bound + self._near_org
            else:
                bound += self._org[org_level(x, y)]
        return bound

    def _of_place(self, a: Features, b: Features) -> int:
        code, town = a.postal, a.city
        if not ((code and b.postal) or (town and b.city)):
            return max(0, self._near_place)
        same_code, same_town = code == b.postal, town == b.city
        if same_code and same_town:
            level = 5 if code and town else 4
            return self._place[level] + self._place_rates[0].get(code or town, self._place_rates[1])
        if (same_code and code) or (same_town and town):
            return self._near_place + self._place_rare
        return self._low_place if code and b.postal else self._near_place

    def _of_ids(self, a: tuple[str, ...], b: tuple[str, ...]) -> int:
        if a == b:
            return self._ids[3]
        one, other = a[0], b[0]
        if len(a) == len(b) == 1 and len(one) == len(other):
            if sum(map(_differ, one, other)) > MOST_DIFFERENT:
                return self._ids[0]
            return self._near_ids
        return max(self._ids[3], self._near_ids)

    def _of_premises(self, a: Features, b: Features) -> int:
        bound = 0
        phoned = False
        x, y = a.phone, b.phone
        if x and y:
            if x == y or a.phones or b.phones:
                phoned = True
                bound = self._phone[4] + self._phone_rates[0].get(x, self._phone_rates[1])
            else:
                level = phone_level(x, y)
                phoned = level > 1
                bound = self._phone[level]
        x, y = a.street, b.street
        if x and y:
            if x == y:
                rates = self._street_rates
                bound += (self._phoned if phoned else self._street)[5] + rates[0].get(x, rates[1])
            elif not phoned and a.number and b.number and a.number != b.number:
                bound += self._low_street
            else:
                bound += self._near_street
        return bound
