"""Names of people: split into given and family, and told from what is no name.

Only what Western and most other written orders make plain is split; what is unclear stays whole in
`given`, and a name in a script without spaces is not split at all.
"""

import re
from functools import lru_cache

import msgspec

from transforms.identifiers.clean import shown

LONGEST_NAME = 200
MOST_WORDS = 6
"""A person's shown name seldom has more; a headline has."""

_TITLES = frozenset(
    "mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend fr father sr. hon judge "
    "capt captain col maj lt sgt herr frau hr fru mme mlle m. monsieur madame sig sra srta don "
    "doña ing dipl.-ing mag dott dra dhr mevr eng arch md".split()
)
_AFTER = frozenset(
    "phd dphil md do dds dmd dvm jd esq mba msc bsc ma ba llm llb cpa cfa cfp pmp pe rn np pa-c "
    "edd psyd od dc cissp shrm shrm-cp aicp aia ra ccim gri mph mpa msw lcsw fache sphr phr".split()
)
_ALSO_NAMES = frozenset("don lord lady father md eng arch mag".split())
"""Titles that are given names too, where nothing stands behind them."""
_ALSO_FAMILIES = frozenset("ba do ma ra".split())
_GENERATION = {"jr": "Jr.", "sr": "Sr.", "junior": "Jr.", "senior": "Sr."} | {
    numeral: numeral.upper() for numeral in ("ii", "iii", "iv")
}
_PARTICLES = frozenset(
    "van von der den de del della di da dos das du la le ter ten zu zum zur bin ibn al el bint af "
    "av y e st st. san santa vander vanden op 't".split()
)
_NOT_A_NAME = frozenset(
    """
    inc inc. llc ltd ltd. limited gmbh corp corp. corporation company co. plc llp sa srl spa bv ag
    team support sales service services customer newsletter notification notifications noreply
    no-reply info admin administrator office billing accounts accounting helpdesk help desk
    marketing department dept group system daemon mailer postmaster subsystem delivery webmaster
    alerts alert updates news daily weekly digest store shop bank university college school
    association foundation committee council events webinar conference reception undisclosed
    recipients recipient unknown anonymous caller mobile wireless hr careers jobs recruiting orders
    invoice payments security account feedback survey reminder calendar mail email e-mail via
    """.split()
)
_ASIDE = re.compile(r"\s*[(\[{][^()\[\]{}]*[)\]}]\s*")
_NICKNAME = re.compile(r"\s+[\"“”'‘’][^\"“”'‘’]{1,30}[\"“”'‘’](?=\s)")
_AFFILIATION = re.compile(r"\s(?:[-–—|@/•]|via|at|from)\s.*\Z|\s*\|.*\Z", re.IGNORECASE)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """A person's name: `full` is given, family and suffix in that order, as it is shown."""

    given: str = ""
    family: str = ""
    suffix: str = ""
    """Generation alone (Jr., III): titles and degrees say nothing of who it is."""

    @property
    def full(self) -> str:
        """The name in one piece."""
        return " ".join(part for part in (self.given, self.family, self.suffix) if part)


NO_NAME = Name()


@lru_cache(maxsize=100_000)
def split(text: str) -> Name:
    """Given and family name of a full name: `Last, First`, titles, suffixes, particles, and what
    stands in brackets or behind a dash (a nickname, a company) is taken into account."""
    plain = _bare(text[:LONGEST_NAME])
    head, comma, tail = plain.partition(",")
    suffix = ""
    if comma:
        words, suffix = _trimmed(tail.replace(",", " ").split())
        first, head_suffix = _trimmed(head.split())
        suffix = suffix or head_suffix
        if words and first:
            return Name(given=" ".join(words), family=" ".join(first), suffix=suffix)
        words = first or words
    else:
        words, suffix = _trimmed(plain.split())
    if not words:
        return NO_NAME
    if len(words) == 1:
        alone = words[0]
        return NO_NAME if _CJK.search(alone) else Name(given=alone, suffix=suffix)
    if _is_shouted(words[0]) and not any(_is_shouted(word) for word in words[1:]):
        return Name(given=" ".join(words[1:]), family=words[0], suffix=suffix)
    start = len(words) - 1
    while start > 1 and words[start - 1].lower() in _PARTICLES:
        start -= 1
    return Name(given=" ".join(words[:start]), family=" ".join(words[start:]), suffix=suffix)


def without_title(given: str) -> str:
    """A folded given name without the titles before it; empty where it is a title alone."""
    words = given.split()
    while len(words) > 1 and words[0] in _TITLES:
        words = words[1:]
    alone = words[0] if len(words) == 1 else ""
    return "" if alone in _TITLES and alone not in _ALSO_NAMES else " ".join(words)


def without_degrees(family: str) -> str:
    """A folded family name without the degrees behind it."""
    words = family.split()
    while len(words) > 1 and words[-1] in _AFTER and words[-1] not in _ALSO_FAMILIES:
        words = words[:-1]
    return " ".join(words)


@lru_cache(maxsize=100_000)
def personal(text: str) -> str:
    """The name as a person bears it (`Jane Doe` of `Doe, Jane (Acme)`), empty where the text is no
    person's name: an address, a number, a team, a company."""
    if not text or "@" in text or len(text) > LONGEST_NAME or any(c.isdigit() for c in text):
        return ""
    found = split(text)
    full = found.full
    words = [word.strip(".,").lower() for word in shown(text).split()]
    if not full:
        cjk = shown(text)
        return cjk if _CJK.search(cjk) and " " not in cjk and len(cjk) <= 5 else ""
    if len(full.split()) > MOST_WORDS or not any(c.isalpha() for c in full):
        return ""
    if any(word in _NOT_A_NAME for word in full.lower().replace(",", " ").split()):
        return ""
    return "" if "via" in words and len(words) < 4 else full


def _bare(text: str) -> str:
    text = shown(text.replace("_", " ")).strip(" ,;'\"")
    if "(" in text or "[" in text or "{" in text:
        text = _ASIDE.sub(" ", text)
    text = _NICKNAME.sub("", text)
    return _AFFILIATION.sub("", " " + text).strip().replace('"', "")


def _trimmed(words: list[str]) -> tuple[list[str], str]:
    """The words without titles and degrees, and the generation."""
    suffix = ""
    while len(words) > 1 and words[0].lower().strip(".") in _TITLES:
        words = words[1:]
    while words:
        last = words[-1].lower().replace(".", "")
        if last in _GENERATION and len(words) + bool(suffix) > 0:
            suffix = _GENERATION[last]
        elif not (last in _AFTER and (len(words) > 2 or words[-1].isupper() or "." in words[-1])):
            break
        words = words[:-1]
    return words, suffix


def _is_shouted(word: str) -> bool:
    return len(word) > 2 and word.isupper() and "." not in word
