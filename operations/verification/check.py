"""What one check of a deployment found, and what all of them together mean."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from schemas.errors import ConfigurationError

Outcome = Literal["amiss", "unknown", "not applicable yet", "holds"]
ORDER: tuple[Outcome, ...] = ("amiss", "unknown", "not applicable yet", "holds")

HOUR_S = 3_600


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """How far back is looked, and how many nights must have been in it."""

    name: str
    hours: int
    nights: int
    """What is done once a night is asked for only where one has passed."""


WINDOWS: dict[str, Window] = {
    "1h": Window(name="1h", hours=1, nights=0),
    "24h": Window(name="24h", hours=24, nights=1),
    # The seventh may just be under way.
    "7d": Window(name="7d", hours=168, nights=6),
}


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check: `figure` beside the `bound` that it is held against (`<= 0.01`)."""

    outcome: Outcome
    check: str
    about: str = ""
    figure: float | None = None
    bound: str = ""
    action: str = ""
    """What to do, or why it is not applicable yet; empty where it holds."""


def window_of(text: str) -> Window:
    """1h, 24h or 7d; ConfigurationError for anything else."""
    if text not in WINDOWS:
        raise ConfigurationError(f"--within {text!r}: choose one of {', '.join(WINDOWS)}")
    return WINDOWS[text]


def at_most(check: str, figure: float, bound: float, action: str, about: str = "") -> Check:
    """A figure that must not be above its bound."""
    return _held(check, figure, "<=", bound, figure <= bound, action, about)


def at_least(check: str, figure: float, bound: float, action: str, about: str = "") -> Check:
    """A figure that must not be below its bound."""
    return _held(check, figure, ">=", bound, figure >= bound, action, about)


def unknown(check: str, action: str, about: str = "") -> Check:
    """Nothing is there that the check could be held against."""
    return Check(outcome="unknown", check=check, about=about, action=action)


def not_applicable(check: str, why: str) -> Check:
    """The deployment has not come to what the check is about, and need not have."""
    return Check(outcome="not applicable yet", check=check, action=why)


def missing(check: str, bound: str, action: str, about: str = "") -> Check:
    """What should be there and is not: amiss, without a figure."""
    return Check(outcome="amiss", check=check, about=about, bound=bound, action=action)


def exit_code(checks: Iterable[Check]) -> int:
    """0: all hold that apply; 1: something is amiss; 2: nothing is, but not all could be told, or
    nothing was asked."""
    outcomes = {one.outcome for one in checks} - {"not applicable yet"}
    if "amiss" in outcomes:
        return 1
    return 2 if outcomes != {"holds"} else 0


def in_order(checks: Iterable[Check]) -> list[Check]:
    """What is amiss first; else as they were asked."""
    return sorted(checks, key=lambda one: ORDER.index(one.outcome))


def _held(
    check: str, figure: float, sign: str, bound: float, holds: bool, action: str, about: str
) -> Check:
    return Check(
        outcome="holds" if holds else "amiss",
        check=check,
        about=about,
        figure=figure,
        bound=f"{sign} {bound:g}",
        action="" if holds else action,
    )
