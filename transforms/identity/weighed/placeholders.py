"""What people and programs write where they know nothing: it is as missing as an empty field.

Two records that both say `n/a` agree on nothing.
"""

_WORDS = frozenset(
    "n a|none|null|nil|unknown|not known|not available|not provided|not given|not applicable|"
    "not specified|no name|no last name|no first name|lnu|fnu|anonymous|undefined|missing|"
    "empty|tbd|tba|to be determined|to be confirmed|test|xx|xxx|xxxx|zzz|asdf|unbekannt|"
    "keine angabe|inconnu|sconosciuto|desconocido|desconhecido|onbekend|0".split("|")
)
"""In folded form."""
_NO_EMPLOYER = frozenset(
    "nan|na|self|self employed|selfemployed|freelance|freelancer|independent|private|individual|"
    "home|personal|retired|unemployed|student|no company|company".split("|")
)
_LOCALS = frozenset(
    "none noemail nomail noaddress nonegiven donthave unknown null nil notprovided notavailable "
    "notgiven noone nobody test anonymous invalid undefined missing asdf".split()
)
"""Before the at sign, without separators."""
_SHORT_LOCAL = 3
"""Letters up to which a@a.com and abc@abc.com are nobody's mailbox, and a family's above."""
_SEPARATORS = str.maketrans("", "", "._-+/")
_DAYS = frozenset(
    "00010101 01010101 11111111 18991230 18991231 19000101 19000100 19010101 19700101 99991231 "
    "99999999".split()
)
"""Dates from which programs count, and the first and last that they can write."""
_IN_ROW = ("0123456789", "1234567890", "9876543210")
_CODES = frozenset(("00000", "99999", "000000000"))


def known(folded: str) -> str:
    """A folded value; empty where it says that nothing is known."""
    return "" if folded in _WORDS else folded


def known_employer(folded: str) -> str:
    """The same of a person's organisation, where also stands that there is none."""
    return "" if folded in _WORDS or folded in _NO_EMPLOYER else folded


def known_code(folded: str) -> str:
    """The same of a postal code, without its spaces."""
    code = known(folded).replace(" ", "")
    return "" if code in _CODES else code


def known_day(day: str) -> str:
    """A date as YYYYMMDD; empty where it is one that programs write for none."""
    return "" if day in _DAYS or day.startswith("0000") else day


def known_mailbox(match_key: str) -> str:
    """A mailbox's match key; empty where it is nobody's, as in none@none.com."""
    local, at, domain = match_key.rpartition("@")
    bare = local.translate(_SEPARATORS)
    if not at:
        return match_key if any(c.isalnum() for c in match_key) and not _is_word(domain) else ""
    host = domain.partition(".")[0]
    return "" if bare in _LOCALS or (bare == host and len(bare) <= _SHORT_LOCAL) else match_key


def _is_word(text: str) -> bool:
    bare = text.translate(_SEPARATORS)
    return bare in _LOCALS or bare in ("na", "nan") or bare in _WORDS


def is_counted_out(digits: str) -> bool:
    """True of 1234567 and its like, which keyboards write by themselves."""
    return any(digits in row for row in _IN_ROW)
