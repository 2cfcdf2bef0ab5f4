"""From bits to probabilities that hold what they promise."""

import math

from transforms.identity.weighed.weights import BIT


def confidence(bits: float) -> float:
    """Probability of a match with this evidence, in 1/256 bit, to four places."""
    return round(1.0 / (1.0 + math.exp2(-max(-60.0, min(60.0, bits / BIT)))), 4)
