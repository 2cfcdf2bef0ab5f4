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
    born_level,
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
        *("_differing_mail", "_most_mail", "_near_family", "_near_given", "_near_mail"),
        *("_near_born", "_low_org", "_near_ids", "_near_or_no_place", "_near_org"),
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
        self._differing_mail = max(self._low_mail, self._low_named)
        self._near_mail = max(*self._mail[:5], *self._named[:5])
        self._most_mail = max(*self._mail, *self._named)
        self._near_given, self._near_family = max(self._given[:5]), max(self._family[:5])
        self._phone = table(PHONE)
        self._born, self._near_born = table(BORN), max(table(BORN)[:5])
        self._low_born = max(table(BORN)[0], table(BORN)[3])
        street, phoned = table(STREET), table(STREET_PHONED)
        self._street, self._phoned = street, phoned
        self._near_street = max(*street[:5], *phoned[:5])
        self._low_street = max(street[:2])
        place = table(PLACE)
        self._place, self._near_place, self._low_place = place, max(place[:5]), max(place[:3])
        self._near_or_no_place = max(0, self._near_place)
        self._near_org, self._low_org = max(self._org[:5]), max(self._org[:2])
        self._ids, self._near_ids = table(IDS), max(table(IDS)[:3])
        self._given_rates, self._family_rates = rates(GIVEN), rates(FAMILY)
        self._mail_rates, self._phone_rates = rates(MAIL), rates(PHONE)
        self._street_rates, self._org_rates = rates(STREET), rates(ORG)
        self._place_rates = rates(PLACE)
        self._place_rare = max(0, rates(PLACE)[1])

    def of(self, a: Features, b: Features) -> int:
        """The bound in 1/256 bit; below zero or zero the two are strangers.

        What takes no more than a look comes first, and is mostly enough.
        """
        bound = self._prior + self._of_place(a, b)
        x, y = a.born, b.born
        near = 0
        if x and y:
            if x == y:
                bound += self._born[5]
            elif x[:4] != y[:4] and x[4:] != y[4:]:
                bound += self._low_born
            else:
                near = self._near_born
                bound += near
        if a.ids and b.ids:
            bound += self._of_ids(a.ids, b.ids)
        bound += self._of_premises(a, b)
        x, y = a.org, b.org
        far = 0
        if x and y:
            if x == y:
                bound += self._org[5] + self._org_rates[0].get(x, self._org_rates[1])
            elif x[0] == y[0] or " " in x or " " in y:
                far = self._near_org
            else:
                bound += self._low_org
        x, y = a.mail, b.mail
        level, most = 5, 0
        if x and y:
            if x == y or a.mails or b.mails:
                bound += self._mail_rates[0].get(x, self._mail_rates[1])
                most = self._most_mail
            elif x[:3] == y[:3]:
                level, most = 4, self._near_mail
            else:
                level, most = 1, self._differing_mail
        most += far
        named, names = self._of_names(a, b, bound + most)
        bound += names
        if bound + most <= 0:
            return bound + most
        if x and y:
            if level == 4:
                # Who shares a given name shares how the mailbox begins: the bound would be loose.
                level = mail_level(x, y)
            if level == 1:
                bound += self._low_named if named else self._low_mail
            else:
                bound += (self._named if named else self._mail)[level]
        if far:
            bound += far if bound + far <= 0 else self._org[org_level(a.org, b.org)]
        if near and bound > 0:
            bound += self._born[born_level(a.born, b.born)] - near
        return bound

    def _of_names(self, a: Features, b: Features, others: int) -> tuple[bool, int]:
        """Whether the names agree, and the most bits of both: no spelling is compared where the
        others leave no hope."""
        x, y = a.given, b.given
        v, w = a.family, b.family
        if not (x or v):
            return False, 0
        given_table, family_table = self._given, self._family
        sure = others
        given = family = -1
        if x and y:
            if x == y:
                given = 5
                sure += given_table[5] + self._given_rates[0].get(x, self._given_rates[1])
            else:
                sure += self._near_given
        if v and w:
            if v == w:
                family = 5
                sure += family_table[5] + self._family_rates[0].get(v, self._family_rates[1])
            else:
                sure += self._near_family
        crossed = (w and x[:1] == w[0]) or (v and y[:1] == v[0])
        if sure <= 0 and (not crossed or others + self._swap <= 0):
            return False, sure - others
        if family < 0 and v and w:
            family = family_level(v, w)
            sure += family_table[family] - self._near_family
            if sure <= 0 and not crossed:
                return False, sure - others
        if given < 0 and x and y:
            given = given_level(x, y)
            sure += given_table[given] - self._near_given
        if given < 3 and family < 3 and crossed:
            # They may stand in each other's place.
            return True, max(self._swap, given_table[given] + family_table[family])
        return given > 1 and family > 1, sure - others

    def _of_place(self, a: Features, b: Features) -> int:
        code, town = a.postal, a.city
        if not ((code and b.postal) or (town and b.city)):
            return self._near_or_no_place
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
            # Two slips leave a third as it was.
            if (
                one[-3:] == other[-3:] or one[-6:-3] == other[-6:-3] or one[:-6] == other[:-6]
            ) and sum(map(_differ, one, other)) <= MOST_DIFFERENT:
                return self._near_ids
            return self._ids[0]
        return max(self._ids[3], self._near_ids)

    def _of_premises(self, a: Features, b: Features) -> int:
        bound = 0
        phoned = False
        x, y = a.phone, b.phone
        if x and y:
            if x == y or a.phones or b.phones:
                phoned = True
                bound = self._phone[4] + self._phone_rates[0].get(x, self._phone_rates[1])
            elif x[-3:] == y[-3:] or x[:9] == y[:9]:
                level = phone_level(x, y)
                phoned = level > 1
                bound = self._phone[level]
            else:
                bound = self._phone[0]
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
