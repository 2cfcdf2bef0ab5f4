"""A mistake that somebody could make."""

from typing import NamedTuple

PAGE = "docs/permissions.md"
"""Written anew after every mistake but one in it, as who makes the mistake would."""


class Mutation(NamedTuple):
    """`old` becomes `new` in a file, once. Most show in one plan; some in others alone."""

    name: str
    path: str
    old: str
    new: str
    plans: bool = False
