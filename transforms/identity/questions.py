"""Which pairs a person is asked about: a few of each record, and never a crowd's.

Evidence leads from one record to the other, and they are two: it is a little too weak, it fits
somebody else as well, a rule holds them apart, or the other records of the two outvote it.
"""

from collections.abc import Iterable

from transforms.identity.bonds import draw
from transforms.identity.evidence import AMBIGUOUS, REFUSED
from transforms.identity.graph import Neighbour

MOST_QUESTIONS = 3
"""Of one record. A pair has to be among the likeliest of both its ends."""


def questions(record_key: str, found: Iterable[Neighbour]) -> dict[str, int]:
    """The records that one may be asked to be, the likeliest first, with the bits of each.

    Who fits more than may be asked about fits nobody: of equals none is drawn.
    """
    likeliest = sorted(
        found,
        key=lambda one: (-one[1], draw(min(record_key, one[0]), max(record_key, one[0])), one[0]),
    )
    alike = [one for one in likeliest if one[1] == AMBIGUOUS]
    if len(alike) > MOST_QUESTIONS:
        likeliest = [one for one in likeliest if one[1] != AMBIGUOUS]
    return {other: bits for other, bits, _ in likeliest[:MOST_QUESTIONS]}


def why(bits: int) -> str:
    """As identity.candidates names it."""
    if bits > 0:
        return "outvoted"
    return {AMBIGUOUS: "ambiguous", REFUSED: "rule"}.get(bits, "near")
