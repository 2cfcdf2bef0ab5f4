"""A mistake that somebody could make."""

from typing import NamedTuple

PAGE = "docs/permissions.md"
"""Written anew after every mistake but one in it, as who makes the mistake would."""


class Mutation(NamedTuple):
    """`old` becomes `new` in a file, once.

    `noticed`: the test that notices it without Terraform. Where there is none a plan shows it, most
    of them that of production; some need all `plans`.
    """

    name: str
    path: str
    old: str
    new: str
    noticed: str = ""
    plans: bool = False
