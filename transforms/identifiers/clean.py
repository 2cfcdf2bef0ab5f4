"""Characters that look like others, or like nothing: cleaned before anything is read.

Word processors, web forms and input methods of East Asia leave them in addresses and numbers.
"""

import re

_INVISIBLE = (
    *(0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF),
    *range(0x200B, 0x2010),  # zero width space, joiners, left-to-right and right-to-left marks
    *range(0x202A, 0x202F),  # bidirectional embeddings and overrides
    *range(0x2060, 0x2070),  # word joiner, isolates
    *range(0xFE00, 0xFE10),  # variation selectors
)
_SPACES = (0x00A0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_FULL_WIDTH = {0xFF01 + place: 0x21 + place for place in range(0x5E)}

_AS_TYPED: dict[int, int | str | None] = {
    **_FULL_WIDTH,
    **dict.fromkeys(_INVISIBLE),
    **dict.fromkeys(_SPACES, " "),
    0x3002: ".",
    0xFF61: ".",
}
_SHOWN: dict[int, int | str | None] = {
    **dict.fromkeys(_INVISIBLE),
    **dict.fromkeys(_SPACES, " "),
    0x200C: 0x200C,  # Persian and Indian names are spelt with joiners
    0x200D: 0x200D,
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def as_typed(text: str) -> str:
    """The text in the characters of a keyboard: full width folded, invisible ones gone."""
    return text if text.isascii() else text.translate(_AS_TYPED)


def shown(text: str) -> str:
    """A name for showing: one line, single spaces, nothing invisible or unprintable."""
    if not text.isascii():
        text = text.translate(_SHOWN)
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    return " ".join(text.split())
