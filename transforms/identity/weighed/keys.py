"""Blocking keys: records that share one are compared. The part before the colon is the family.

Keys are made for records of any shape; where a value is missing, so is the key. A key that too many
records share goes quiet (see blocks), so a broad key costs little and helps where data are few.
"""

from functools import lru_cache

from transforms.identity.rules import main_form
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.words import sound

HELD: dict[str, tuple[str, ...]] = {
    "e": ("mail",),
    "h": ("mail",),
    "m": ("mail", "family", "given"),
    "t": ("phone",),
    "i": ("ids",),
    "n": ("given", "family"),
    "w": (),
    "nb": ("born",),
    "nd": ("born",),
    "b": ("born",),
    "bp": ("born", "place"),
    "fp": ("family", "place"),
    "gp": ("given", "place"),
    "s": ("street",),
    "sp": ("street", "place"),
    "o": ("org",),
    "oo": ("org",),
    "op": ("org", "place"),
    "fo": ("family", "org"),
    "d": ("mail",),
}
"""Fields that a family's key is made of: in it they agree by construction."""
MOST_MEMBERS = 60
"""What more records share than this belongs to nobody."""
BROAD = ("w:",)
"""Families of which a key goes quiet early: they help where data are few."""
MOST_OF_BROAD = 12
REGISTERS = ("salesforce:", "hubspot:", "files:", "dialpad:")
"""Sources whose records others may name as being the same."""
_NO_DIGITS = str.maketrans("", "", "0123456789._-+")


def all_keys(f: Features) -> list[str]:
    """The blocking keys of a record, and those by which a source itself says who it is."""
    return [*source_keys(f), *keys_of(f)]


def source_keys(f: Features) -> list[str]:
    """The record's own key and those that its source says are the same; none of a sighting."""
    if f.observed or not f.own.startswith(REGISTERS):
        return []
    return [f"id:{f.own}", *(f"id:{key}" for key in f.same)]


def keys_of(f: Features) -> list[str]:
    """The blocking keys of a record."""
    return _of_person(f) if f.kind == "person" else _of_account(f)


def value_keys(f: Features) -> list[str]:
    """The keys of a record's own mailboxes and numbers."""
    keys = [f"e:{mail}" for mail in f.mails or ((f.mail,) if f.mail else ())]
    return keys + [f"t:{phone[-10:]}" for phone in f.phones or ((f.phone,) if f.phone else ())]


def _of_person(f: Features) -> list[str]:
    given, family, born = f.given, f.family, f.born
    keys: list[str] = []
    for mail in f.mails or ((f.mail,) if f.mail else ()):
        keys += mail_keys(mail)
    for phone in f.phones or ((f.phone,) if f.phone else ()):
        keys.append(f"t:{phone[-10:]}")
    keys += ["i:" + one for one in f.ids]
    place = f.postal[:5] or f.city[:5]
    if given and family:
        first = main_form(given)
        one, other = sound(first), sound(family)
        keys.append(f"n:{min(one, other)}:{max(one, other)}")
        if place:
            keys.append(f"fp:{sound(family)}:{first[0]}:{place}")
    elif place and family:
        keys.append(f"fp:{sound(family)}::{place}")
    year, day = born[:4], born[4:]
    for name in (given, family):
        if not name:
            continue
        keys.append("w:" + name)
        if year:
            keys.append(f"nb:{name[:4]}:{year}")
            if day != "0000":
                keys.append(f"nd:{name[:2]}:{day}")
    if f.org:
        org = f.org[:8]
        if family:
            keys.append(f"fo:{family}:{given[:1]}:{org}")
    if given and place:
        keys.append(f"gp:{given}:{place}")
    if born and day != "0000":
        keys.append("b:" + born)
        if place:
            keys.append(f"bp:{day}:{place}")
    if f.street:
        keys.append(f"s:{f.street}")
    return keys


def most_members(key: str) -> int:
    """How many records may share a key before it says nothing."""
    return MOST_OF_BROAD if key.startswith(BROAD) else MOST_MEMBERS


@lru_cache(maxsize=10_000)
def mail_keys(mail: str) -> tuple[str, ...]:
    """A mailbox, and its skeleton, which survives a slip in the middle."""
    local, _, domain = mail.rpartition("@")
    bare = local.translate(_NO_DIGITS)
    keys = [f"e:{mail}"]
    if len(bare) > 3:
        keys.append(f"h:{bare[:6]}:{bare[-2:]}:{domain[:2]}")
    return tuple(keys)


def _of_account(f: Features) -> list[str]:
    keys = [f"t:{phone[-10:]}" for phone in f.phones or ((f.phone,) if f.phone else ())]
    keys += ["i:" + one for one in f.ids]
    keys += ["d:" + name for name in f.domains]
    place = f.postal[:5] or f.city[:5]
    if f.org:
        plain = f.org.replace(" ", "")
        keys.append(f"o:{plain[:6]}")
        keys.append(f"oo:{plain[:12]}")
        if place:
            keys.append(f"op:{plain[:4]}:{place}")
        keys += [
            f"ow:{word}" for word in sorted(set(f.org.split()), key=lambda w: (-len(w), w))[:2]
        ]
    if f.street:
        keys.append(f"s:{f.street.replace(' ', '')[:9]}")
        if f.number and place:
            keys.append(f"sp:{f.number}:{place}")
    return keys
