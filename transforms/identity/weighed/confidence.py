"""From bits to probabilities that hold what they promise."""

import math

from transforms.identity.weighed.weights import BIT

SHARPNESS = {"person": 1.0, "account": 0.5}
"""How far bits can be taken at their word. Measured on labelled records: of people, links hold a
little more often than their bits promise; of organisations bits promise double, as branches share
names, numbers and houses all at once, which the fields' independence does not foresee."""


def confidence(bits: float, kind: str) -> float:
    """Probability of a match with this evidence, in 1/256 bit, to four places."""
    sharp = max(-60.0, min(60.0, SHARPNESS[kind] * bits / BIT))
    return round(1.0 / (1.0 + math.exp2(-sharp)), 4)
