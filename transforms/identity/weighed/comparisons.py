"""How far two records agree, field by field, as levels: 0 is a clear difference, the last equality.

A level is an index into the weights of its field; `UNKNOWN` (one side is missing) weighs nothing.
"""

from functools import lru_cache

from transforms.identity.rules import nicknames
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.words import edits, jaro_winkler, likeness, slips

UNKNOWN = -1
FIELDS = (
    *("given", "family", "mail", "phone", "born", "street", "place", "org", "ids"),
    *("mail_named", "street_phoned"),
)
"""The last two stand in for `mail` where the names agree, for `street` where the numbers do: many
mailboxes are no more than the name, and who shares a number shares its building."""
LEVELS = (6, 6, 6, 5, 6, 6, 6, 6, 4, 6, 6)
"""Number of levels of each field."""
GIVEN, FAMILY, MAIL, PHONE, BORN, STREET, PLACE, ORG, IDS, MAIL_NAMED, STREET_PHONED = range(11)
ALIKE = 0.9
"""Jaro-Winkler from which two words of a street or an organisation count as one."""

Levels = tuple[int, int, int, int, int, int, int, int, int, int, int]


def compared(a: Features, b: Features) -> Levels:
    """The level of every field, the same in either order."""
    x, y = a.given, b.given
    v, w = a.family, b.family
    given = family = UNKNOWN
    if x and y:
        given = 5 if x == y else given_level(x, y)
    if v and w:
        family = 5 if v == w else family_level(v, w)
    if given < 3 and family < 3:
        if x and y and v and w:
            if crossed(x, v, y, w):
                given = family = 2
        elif (x and x == w) or (v and v == y):
            given, family = (2, UNKNOWN) if x and y else (UNKNOWN, 2)
    x, y = a.mail, b.mail
    mail = UNKNOWN
    if x and y:
        mail = 5 if x == y else mail_level(x, y)
        if mail < 5 and (a.mails or b.mails) and shared(a.mails or (x,), b.mails or (y,)):
            mail = 5
    x, y = a.phone, b.phone
    phone = UNKNOWN
    if x and y:
        phone = 4 if x == y else phone_level(x, y)
        if phone < 4 and (a.phones or b.phones) and shared(a.phones or (x,), b.phones or (y,)):
            phone = 4
    x, y = a.born, b.born
    born = UNKNOWN
    if x and y:
        born = 5 if x == y else born_level(x, y)
    x, y = a.street, b.street
    road = UNKNOWN
    if x and y:
        road = 5 if x == y else street_level(x, a.number, y, b.number)
    place = UNKNOWN
    if a.postal == b.postal and a.city == b.city:
        if a.postal:
            place = 5 if a.city else 4
        elif a.city:
            place = 4
        elif a.region and b.region:
            place = 2 if a.region == b.region else 0
    else:
        place = place_level(a.postal, a.city, a.region, b.postal, b.city, b.region)
    x, y = a.org, b.org
    org = UNKNOWN
    if x and y:
        org = 5 if x == y else org_level(x, y)
    ids = UNKNOWN
    if a.ids and b.ids:
        ids = 3 if a.ids == b.ids else ids_level(a.ids, b.ids)
    named = phoned = UNKNOWN
    if mail >= 0 and given > 1 and family > 1:
        mail, named = UNKNOWN, mail
    elif mail == 2 and (given > 2 or family > 2) and (0 <= given < 2 or 0 <= family < 2):
        mail = 1
    if road >= 0 and phone > 1:
        road, phoned = UNKNOWN, road
    return (given, family, mail, phone, born, road, place, org, ids, named, phoned)


@lru_cache(maxsize=20_000)
def crossed(given: str, family: str, other_given: str, other_family: str) -> bool:
    """True where given and family name stand in each other's place, give or take a slip."""
    one = 1.0 if nicknames(given, other_family) else likeness(given, other_family)
    other = 1.0 if nicknames(other_given, family) else likeness(family, other_given)
    return min(one, other) >= 0.85 and max(one, other) >= 0.92


def shared(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """True where two lists have a value in common."""
    return any(value in b for value in a)


@lru_cache(maxsize=20_000)
def given_level(a: str, b: str) -> int:
    """4 nickname or nearly, 3 like or an initial, 1 the same first letter, 0 another name."""
    first, second = a.split(" ", 1)[0], b.split(" ", 1)[0]
    if first == second or nicknames(first, second):
        return 4
    near = likeness(a, b)
    if near >= 0.92:
        return 4
    same = a[0] == b[0]
    if near >= 0.82 or (same and (len(first) == 1 or len(second) == 1)):
        return 3
    if len(a) > 3 and (sorted(a) == sorted(b) or (len(a) > 4 and len(b) > 4 and edits(a, b) <= 2)):
        return 3
    return 1 if same else 0


@lru_cache(maxsize=20_000)
def family_level(a: str, b: str) -> int:
    """4 nearly, 3 like, one part of a double name or an initial, 1 somewhat, 0 another name."""
    near = likeness(a, b)
    if near >= 0.92:
        return 4
    if near >= 0.85 or set(a.split()) & set(b.split()):
        return 3
    if (len(a) == 1 or len(b) == 1) and a[0] == b[0]:
        return 3
    if len(a) > 3 and sorted(a) == sorted(b):
        return 3
    return 1 if near >= 0.7 else 0


# Mailboxes, numbers and dates seldom meet twice in the same pair: to remember them costs more.


def mail_level(a: str, b: str) -> int:
    """4 nearly, 3 the same before the at sign, 2 like, 1 the same domain, 0 another."""
    local, _, domain = a.rpartition("@")
    other, _, other_domain = b.rpartition("@")
    if local == other:
        host, _, suffix = domain.partition(".")
        other_host, _, other_suffix = other_domain.partition(".")
        if suffix == other_suffix and _counted(host, other_host):
            return 3
        return 4 if likeness(domain, other_domain) >= ALIKE else 3
    if _counted(local, other):
        return 2 if domain == other_domain else 0
    near = jaro_winkler(a, b)
    if near >= 0.94:
        return 4
    if near >= 0.8 and domain == other_domain and slips(local, other) <= _slips_in(local, other):
        return 4
    if near >= 0.88:
        return 2
    return 1 if domain == other_domain else 0


def _slips_in(local: str, other: str) -> int:
    """How many are likely in one mailbox's name: bo@ is no slip of al@."""
    return min(2, (min(len(local), len(other)) - 1) // 2)


def _counted(a: str, b: str) -> bool:
    """True where only a number at the end differs: ann.lee2 is whoever came after ann.lee."""
    return a != b and a.rstrip(_FIGURES) == b.rstrip(_FIGURES)


_FIGURES = "0123456789"


def phone_level(a: str, b: str) -> int:
    """3 the same but for a country code one lacks, 2 the last seven digits, 1 one edit, 0 other."""
    if a[0] == "+" and b[0] == "+":
        if a[-7:] == b[-7:] and a[:2] == b[:2]:
            return 2
    elif a[-4:] == b[-4:]:
        short, long = sorted((a.lstrip("+"), b.lstrip("+")), key=len)
        if long.endswith(short.lstrip("0")):
            return 3
        if a[-7:] == b[-7:]:
            return 2
    # One edit leaves one half as it was.
    half = min(len(a), len(b)) // 2
    return 1 if (a[:half] == b[:half] or a[-half:] == b[-half:]) and slips(a, b) <= 1 else 0


def born_level(a: str, b: str) -> int:
    """4 one edit, or day and month swapped; 3 two edits; 2 the same day; 1 the same year."""
    far = slips(a, b)
    if far <= 1 or (a[:4] == b[:4] and a[4:6] == b[6:] and a[6:] == b[4:6]):
        return 4
    if far == 2:
        return 3
    if a[4:] == b[4:] != "0000":
        return 2
    if a[:4] == b[:4]:
        return 3 if "0000" in (a[4:], b[4:]) else 1
    return 0


@lru_cache(maxsize=20_000)
def overlap(a: str, b: str) -> tuple[float, float]:
    """Share of the words of the shorter and of the longer text that the other has, spelt alike."""
    # Of two with as many words the first in the alphabet leads: the same in either order.
    left, right = sorted((a.split(), b.split()), key=lambda words: (len(words), words))
    rest = list(right)
    weight = 0.0
    for word in left:
        best, at = 0.0, -1
        for place, other in enumerate(rest):
            near = 1.0 if word == other else likeness(word, other)
            if word[0].isdigit() and word != other:
                near = 0.0
            if near > best:
                best, at = near, place
        if best >= ALIKE:
            weight += len(word)
            del rest[at]
    return weight / max(1, sum(map(len, left))), weight / max(1, sum(map(len, right)))


def street_level(a: str, number: str, b: str, other: str) -> int:
    """4 nearly, 3 one within the other, 2 the same number, 1 another number, 0 another street."""
    if number != other and number and other:
        near = likeness(a[len(number) :], b[len(other) :])
        return 1 if near >= ALIKE else 0
    return _street_level(a, b, number if number == other else "")


@lru_cache(maxsize=20_000)
def _street_level(a: str, b: str, number: str) -> int:
    inner, outer = overlap(a, b)
    if outer >= 0.8:
        return 4
    near = likeness(a.replace(" ", ""), b.replace(" ", ""))
    if number and near >= 0.94:
        return 4
    if inner >= 0.9:
        return 3
    if number:
        return 2 if inner >= 0.45 or near >= 0.75 else 1
    return 1 if inner >= 0.8 or near >= 0.9 else 0


@lru_cache(maxsize=20_000)
def place_level(
    postal: str, city: str, region: str, postal_b: str, city_b: str, region_b: str
) -> int:
    """By postal code and city: 5 both, 4 the one that is known, 3 one of two, 2 nearly, 1 region"""
    code = town = UNKNOWN
    if postal and postal_b:
        code = 2 if postal == postal_b else int(edits(postal, postal_b) <= 1)
    if city and city_b:
        town = (
            2
            if city == city_b
            else int(likeness(city, city_b) >= ALIKE or city in city_b or city_b in city)
        )
    if code == town == UNKNOWN:
        if not region or not region_b:
            return UNKNOWN
        return 2 if region == region_b else 0
    best, worst = max(code, town), min(code, town)
    if best == 2:
        return {2: 5, 1: 4, 0: 3, UNKNOWN: 4}[worst]
    if best == 1:
        return 2
    return 1 if region and region == region_b else 0


@lru_cache(maxsize=20_000)
def org_level(a: str, b: str) -> int:
    """4 nearly, 3 one within the other, 2 much, 1 some in common, 0 another."""
    inner, outer = overlap(a, b)
    near = likeness(a, b)
    if outer >= 0.85 or near >= 0.95:
        return 4
    if inner >= 0.95 or near >= 0.9:
        return 3
    if inner >= 0.7 or near >= 0.82:
        return 2
    if inner >= 0.5 or near >= 0.72:
        return 1
    return 0


def ids_level(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Of the types that both have, the best: 3 equal, 2 one edit, 1 two, 0 another."""
    best = UNKNOWN
    for one in a:
        kind = one.partition(":")[0]
        for other in b:
            if other.partition(":")[0] == kind:
                best = max(best, 3 if one == other else max(0, 3 - slips(one, other)))
    return best
