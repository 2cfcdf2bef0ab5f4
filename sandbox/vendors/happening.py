"""One thing that happened at a vendor."""

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.change import Source


class Happening(NamedTuple):
    """`what` happened to which record; `object_type` and `object_id` are those of its Change."""

    source: Source
    what: str
    object_type: str
    object_id: str


Step = Callable[[random.Random], Happening | None]
"""Does one thing, or nothing where there is nothing that it could be done to."""


def one_of(rng: random.Random, steps: Mapping[str, Step], weights: Mapping[str, int]) -> Happening:
    """One thing by weight: another where the one that was drawn cannot be done now."""
    left = dict(weights)
    while left:
        what = rng.choices(list(left), list(left.values()))[0]
        made = steps[what](rng)
        if made is not None:
            return made
        del left[what]
    raise RuntimeError("nothing can happen here: the account is empty")
