"""Names: given and family part of a name as it is shown."""

import re
from functools import lru_cache
from typing import NamedTuple

_TITLES = frozenset("mr mrs ms miss mx dr prof professor sir dame herr frau mme m".split())
_SUFFIXES = frozenset("jr sr ii iii iv phd md mba esq cpa dds".split())
_PARTICLES = frozenset(
    "de da do dos das del della di du la le van von der den ten ter zu bin ibn al el st".split()
)
_BRACKETS = re.compile(r"\s*[(\[].*?[)\]]\s*")
_DIGITS = re.compile(r"[\d@]")


class Name(NamedTuple):
    """A person's name; either part may be empty."""

    given: str
    family: str
    suffix: str = ""


@lru_cache(maxsize=65_536)
def split(text: str) -> Name:
    """`Smith, Jane (Acme)` and `Dr. Jane van der Smith Jr.` in their parts."""
    text = " ".join(_BRACKETS.sub(" ", text).split())
    if not is_name(text):
        return Name("", "")
    suffix = ""
    if "," in text:
        family, _, rest = text.partition(",")
        if rest.strip().strip(".").lower() in _SUFFIXES:
            text, suffix = family, rest.strip().strip(".").lower()
        else:
            words = [w for w in rest.replace(",", " ").split() if not _is_title(w)]
            return Name(" ".join(words), family.strip(), "")
    words = [word for word in text.split() if not _is_title(word)]
    if words and words[-1].strip(".").lower() in _SUFFIXES and len(words) > 2:
        suffix = words.pop().strip(".").lower()
    if len(words) < 2:
        return Name(words[0] if words else "", "", suffix)
    cut = len(words) - 1
    while cut > 1 and words[cut - 1].lower() in _PARTICLES:
        cut -= 1
    return Name(" ".join(words[:cut]), " ".join(words[cut:]), suffix)


def _is_title(word: str) -> bool:
    return word.strip(".").lower() in _TITLES


def is_name(text: str) -> bool:
    """Whether a text could be a person's name: it has letters, and neither digits nor an @."""
    return bool(text) and not _DIGITS.search(text) and any(c.isalpha() for c in text)
