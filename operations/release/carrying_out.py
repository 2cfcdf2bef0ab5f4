"""The steps of a decision, taken one after another on whatever carries the stream."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from operations.release.positions import Positions
from operations.release.steps import Decision, Facts, Step, position_of


class Run(NamedTuple):
    """One run of the pipeline: a job, or a process."""

    id: str = ""
    """Empty: there is none, and there was none."""
    release: str = ""
    live: bool = False
    ending: bool = False
    """Whether it lives, and writes what it has read so as to end."""


class Stream(Protocol):
    """What runs the pipeline: Dataflow with Terraform, or a process of this machine."""

    def last(self) -> Run:
        """The run that reads, or the one that did last."""
        ...

    def differences(self, running: str, wanted: str) -> tuple[str, ...] | None:
        """What keeps the one from being updated to the other; None where nobody knows."""
        ...

    def drain(self) -> None:
        """Returns when all that was read is written, and nothing runs; at once where nothing
        does."""
        ...

    def apply(self, release: str) -> None:
        """Makes this release stream: a running job is updated, else a new one is started, with its
        resolver seeded from the tables. An error where it does not stream then."""
        ...


def facts_of(
    stream: Stream, positions: Positions, wanted: str, *, back: bool, replace: bool
) -> Facts:
    """What is so now; `back`: of a rollback."""
    last = stream.last()
    running = last.release if last.live else ""
    kept_of = positions.kept(position_of(last.release, wanted)) if last.release else ""
    return Facts(
        wanted=wanted,
        running=running,
        latest=last.release,
        ending=last.ending,
        differences=stream.differences(running, wanted) if running else (),
        kept=kept_of == last.id != "",
        stale=kept_of not in ("", last.id),
        replace=replace,
        back=back,
        reread=back and bool(positions.kept(position_of(wanted, last.release))),
    )


def carry_out(
    decision: Decision,
    release: str,
    stream: Stream,
    positions: Positions,
    say: Callable[[Step], None] = lambda step: None,
) -> tuple[str, ...]:
    """Takes every step; one that fails ends it, and the same command goes on from there.

    Returns the subscriptions that were to be sought back, and of which nothing was kept.
    """
    missed: tuple[str, ...] = ()
    for step in decision.steps:
        say(step)
        match step:
            case "snapshot":
                positions.keep(decision.position, stream.last().id)
            case "drain":
                stream.drain()
            case "seek":
                missed = positions.seek(decision.position)
            case "forget":
                positions.forget(decision.position)
            case "apply":
                stream.apply(release)
    return missed
