"""`salesintel verify`: whether a deployment does what it should, an hour, a day, a week later."""

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import msgspec
from rich.markup import escape

from connectors.sources import NAMES, table_of
from embedded.directory import DataDirectory
from operations.console import NO_ANSWER, console
from operations.notifications.settings import Bounds, load_notification_settings
from operations.place import Place, warehouse_at
from operations.runs import noted_run
from operations.verification import rules
from operations.verification.asking import Asked, answered
from operations.verification.check import ORDER, Check, Window, exit_code, in_order, window_of
from pipelines.recovery import read_marks
from schemas.clock import Clock, from_us, wall_clock
from schemas.errors import ConfigurationError, FatalError, RetriableError
from warehouse.query import QueryResult
from warehouse.render import FORMATS

COLUMNS = tuple(Check.__struct_fields__)


class NotVerified(FatalError):
    """The warehouse does not answer at all: nothing is known of the deployment."""


def verify(
    place: Place,
    settings: Path | None,
    within: str,
    stream: TextIO,
    *,
    output: str = "table",
    clock: Clock = wall_clock,
) -> int:
    """Asks, shows every check and says by the exit code what they come to (`check.exit_code`).

    It changes nothing but for its own row in ops.runs, which keeps what was amiss.
    """
    write = FORMATS.get(output)
    if write is None:
        raise ConfigurationError(f"--format {output!r}: choose one of {', '.join(FORMATS)}")
    window = window_of(within)
    bounds = load_notification_settings(settings).bounds
    named = table_of(settings, "sources")
    expected = tuple(name for name in NAMES if name in named)
    try:
        checks = _checks(place, window, expected, bounds, clock)
    except (RetriableError, *NO_ANSWER) as error:
        raise NotVerified(f"nothing can be told: {error}") from error
    code = exit_code(checks)
    rows = [msgspec.structs.asdict(one) for one in in_order(checks)]
    write(QueryResult(columns=COLUMNS, rows=rows, truncated=False), stream)
    if output == "table":
        _say(checks, code)
    return code


def _checks(
    place: Place,
    window: Window,
    expected: tuple[str, ...],
    bounds: Bounds,
    clock: Clock,
) -> list[Check]:
    with (
        noted_run(place.reached().endpoint, "verify", {"within": window.name}) as run,
        warehouse_at(place) as client,
    ):
        now = clock()
        checks = [*_of_this_machine(place.directory, now)] if place.directory else []
        checks += answered(Asked(client, window, from_us(now), expected, bounds))
        run.detail |= {
            outcome: sorted({one.check for one in checks if one.outcome == outcome})
            for outcome in ("amiss", "unknown")
        }
    return checks


def _of_this_machine(directory: DataDirectory, now: int) -> Iterator[Check]:
    """What Dataflow's own alerts say in the cloud."""
    yield from rules.processes(directory.read_health())
    yield from rules.moving(read_marks(directory.marks), now)


def _say(checks: list[Check], code: int) -> None:
    # A table has no room for it, and it is what the reader needs.
    for one in in_order(checks):
        if one.action:
            about = f" of {one.about}" if one.about else ""
            console.print(
                escape(f"{one.outcome}: {one.check}{about}: {one.action}"),
                highlight=False,
                soft_wrap=True,
            )
    amiss, blind, early = (sum(one.outcome == outcome for one in checks) for outcome in ORDER[:3])
    colour = ("green", "red", "yellow")[code]
    not_yet = f", {early:,} not applicable yet," if early else ""
    console.print(
        f"[{colour}]{amiss:,} amiss, {blind:,} that cannot be told[/{colour}]{not_yet} of "
        f"{len(checks):,} checks",
        highlight=False,
    )
