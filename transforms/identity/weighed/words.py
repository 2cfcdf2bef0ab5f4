"""Text as it is compared: folded, abbreviations alike, legal forms left out. All pure, cached."""

import re
import unicodedata
from functools import lru_cache

import jellyfish

_APART = {c: " " for c in range(128) if not chr(c).isalnum()} | {ord("'"): None, ord("`"): None}
_APART |= {c: chr(c).lower() for c in range(ord("A"), ord("Z") + 1)}
_NOT_WORDS = re.compile(r"[\W_]+")

_CYRILLIC = """
а:a б:b в:v г:g д:d е:e ж:zh з:z и:i к:k л:l м:m н:n о:o п:p р:r с:s т:t у:u ф:f х:kh ц:ts ч:ch
ш:sh щ:shch ъ: ы:y ь: э:e ю:yu я:ya і:i є:ye ґ:g ђ:dj ј:j љ:lj њ:nj ћ:c џ:dz
"""
_GREEK = """
α:a β:v γ:g δ:d ε:e ζ:z η:i θ:th ι:i κ:k λ:l μ:m ν:n ξ:x ο:o π:p ρ:r σ:s ς:s τ:t υ:y φ:f χ:ch
ψ:ps ω:o
"""
_LATIN = "ø:o ł:l đ:d ð:d þ:th æ:ae œ:oe ħ:h ı:i ŧ:t ŋ:ng ə:e"
_LETTERS = str.maketrans(dict(pair.split(":") for pair in f"{_CYRILLIC} {_GREEK} {_LATIN}".split()))
"""Letters without a plain one beneath an accent, as passports write them: a name that one record
has in its own script another has in ours."""

_STREET = """
street:st strt:st str:st avenue:ave av:ave boulevard:blvd blv:blvd drive:dr drv:dr lane:ln road:rd
court:ct crt:ct place:pl square:sq terrace:ter tce:ter terr:ter highway:hwy parkway:pkwy pky:pkwy
suite:ste apartment:apt circuit:cct crescent:cres cr:cres close:cl grove:gr parade:pde circle:cir
trail:trl turnpike:tpke building:bldg floor:fl room:rm unit:apt mount:mt fort:ft saint:st
north:n south:s east:e west:w northeast:ne northwest:nw southeast:se southwest:sw
first:1st second:2nd third:3rd fourth:4th fifth:5th sixth:6th seventh:7th eighth:8th ninth:9th
tenth:10th
"""
_SHORT = dict(pair.split(":") for pair in _STREET.split())
_LEGAL = frozenset(
    "inc incorporated llc llp ltd limited corp corporation co company gmbh ag sa nv bv plc spa srl "
    "kg ohg ug pte pty lp ab oy as aps sarl sas kk the of and et und y de".split()
)
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")


@lru_cache(maxsize=20_000)
def fold(text: str) -> str:
    """Lower case, no accents, no punctuation, single spaces; digits stay. Cyrillic and Greek in
    Latin letters."""
    if text.isascii():
        return " ".join(text.translate(_APART).split())
    # Twice: a mathematical A has no lower case before it is an A.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(c for c in plain if not unicodedata.combining(c) and c not in "'`’‘ʼ")
    bare = bare.translate(_LETTERS)
    return " ".join(_NOT_WORDS.sub(" ", bare).split())


@lru_cache(maxsize=20_000)
def street(text: str) -> str:
    """A street line with its usual words abbreviated and ordinals as numbers."""
    words = [_SHORT.get(word, word) for word in fold(text).split()]
    return " ".join(_ORDINAL.sub(r"\1", word) if word[0].isdigit() else word for word in words)


@lru_cache(maxsize=20_000)
def organisation(text: str) -> str:
    """An organisation's name without its legal form; whole where nothing else is left."""
    whole = fold(text)
    return " ".join(word for word in whole.split() if word not in _LEGAL) or whole


def jaro_winkler(a: str, b: str) -> float:
    """Jaro-Winkler, 0 to 1, the same in either order."""
    if b < a:
        a, b = b, a
    return float(jellyfish.jaro_winkler_similarity(a, b))


likeness = lru_cache(maxsize=20_000)(jaro_winkler)
"""The same, remembered: for words, which meet again."""


def slips(a: str, b: str) -> int:
    """Insertions, deletions, changes and neighbours swapped that lead from one to the other; no
    more than `MANY`."""
    if abs(len(a) - len(b)) > 2:
        return MANY
    if len(a) == len(b) and sum(map(str.__ne__, a, b)) > MOST_CHANGED:
        return MANY
    return min(MANY, int(jellyfish.damerau_levenshtein_distance(a, b)))


MANY = 9
MOST_CHANGED = 6
"""Places in which equally long texts differ, above which they are no slip of each other."""

edits = lru_cache(maxsize=20_000)(slips)


@lru_cache(maxsize=20_000)
def sound(text: str) -> str:
    """How a name sounds (Metaphone); the name itself in scripts that it does not know."""
    return (jellyfish.metaphone(text) or text) if text.isascii() else text
