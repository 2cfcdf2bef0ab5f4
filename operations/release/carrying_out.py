"""The steps of a decision, taken one after another on whatever carries the stream."""

from collections.abc import Callable
from typing import Protocol

from operations.release.positions import Positions
from operations.release.steps import Decision, Facts, Step, deployment, rollback


class Stream(Protocol):
    """What runs the pipeline: Dataflow with Terraform, or a process of this machine."""

    def running(self) -> str:
        """The release that streams now; empty where none does."""
        ...

    def latest(self) -> str:
        """The release that streamed last, whether it still does or not; empty where none has."""
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
        resolver seeded from the tables."""
        ...


def facts_of(
    stream: Stream, positions: Positions, wanted: str, *, back: bool, replace: bool
) -> Facts:
    """What is so now; `back`: of a rollback."""
    running, latest = stream.running(), stream.latest()
    return Facts(
        wanted=wanted,
        running=running,
        latest=latest,
        differences=stream.differences(running, wanted) if running else (),
        kept=positions.kept(f"before-{(running or latest) if back else wanted}"),
        replace=replace,
    )


def decided(facts: Facts, *, back: bool) -> Decision:
    """What follows from the facts."""
    return rollback(facts) if back else deployment(facts)


def carry_out(
    decision: Decision,
    release: str,
    stream: Stream,
    positions: Positions,
    say: Callable[[Step], None] = lambda step: None,
) -> None:
    """Takes every step; one that fails ends it, and the same command goes on from there."""
    for step in decision.steps:
        say(step)
        match step:
            case "snapshot":
                positions.keep(decision.position)
            case "drain":
                stream.drain()
            case "seek":
                positions.seek(decision.position)
            case "apply":
                stream.apply(release)
