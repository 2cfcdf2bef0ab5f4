"""How one release follows another: which steps, in which order, and why.

In place where the running job's state fits. Else the stream is replaced: what its subscriptions had
acknowledged is kept as a snapshot, the job is drained, the subscriptions are sought back, and the
new job starts with the resolver seeded from the tables; what is read twice is written twice and
shows once. Each step can be taken again, so that a release that was broken off goes on.

A position is of one step, and named by both of its ends: `a-to-b` is where the subscriptions stood
when b replaced a. Its snapshots say which job read then. Only those of the job that was last are of
a step that was broken off; all others are of an earlier time, and are not gone back to.
"""

from typing import Literal, NamedTuple

from schemas.errors import ConfigurationError

Step = Literal["snapshot", "drain", "seek", "forget", "apply"]
REPLACED: tuple[Step, ...] = ("snapshot", "drain", "seek", "apply")


class Facts(NamedTuple):
    """What is known before anything is done. Releases are named by the tag of their image."""

    wanted: str
    running: str = ""
    """The release that streams now; empty: none."""
    latest: str = ""
    """The one that streamed last, where none does now."""
    ending: bool = False
    """Whether what runs is being drained already."""
    differences: tuple[str, ...] | None = ()
    """What keeps the running job from being updated; None: nobody knows."""
    kept: bool = False
    """Whether this very step has its snapshots, so that it was broken off."""
    stale: bool = False
    """Whether there are snapshots of its name from an earlier time."""
    replace: bool = False
    """Asked for: Dataflow has refused an update that seemed to fit."""
    back: bool = False
    """Whether it is a rollback."""
    reread: bool = False
    """Of a rollback: whether the step from `wanted` to what runs has its snapshots."""

    @property
    def left(self) -> str:
        """The release that is taken over from; empty where none has run."""
        return self.running or self.latest

    @property
    def position(self) -> str:
        """Of this step."""
        return position_of(self.left, self.wanted)


class Decision(NamedTuple):
    """What is done: `position` names the snapshots that are made, sought back to or forgotten."""

    steps: tuple[Step, ...]
    position: str
    why: str


def position_of(left: str, wanted: str) -> str:
    """The name of a step: of its snapshots, after that of their subscription."""
    return f"{left}-to-{wanted}"


def decided(facts: Facts) -> Decision:
    """What follows from the facts: every case there is, the first that holds
    (docs/deployment.md#another-release). ConfigurationError where nothing can be rolled back."""
    if facts.back:
        _check_rollback(facts)
        if facts.reread:
            position = position_of(facts.wanted, facts.left)
            why = f"all that {facts.left} has read is read again"
            return Decision(("drain", "seek", "apply", "forget"), position, why)
    steps, why = _forward(facts)
    if facts.back:
        why += (
            f"; nothing says where the subscriptions stood when {facts.left} replaced "
            f"{facts.wanted}, so what {facts.left} has read is not read again"
        )
    return Decision(steps, facts.position, why)


def _forward(facts: Facts) -> tuple[tuple[Step, ...], str]:
    applied: tuple[Step, ...] = ("forget", "apply") if facts.stale else ("apply",)
    if not facts.running:
        if facts.kept:
            return ("seek", "apply"), "broken off after the drain: it goes on from there"
        return applied, "nothing runs: it is started"
    if facts.ending:
        if facts.kept:
            return ("drain", "seek", "apply"), "broken off in the drain: it goes on from there"
        return ("drain", *applied), f"{facts.running} is being drained: then it is started"
    if facts.kept:
        return REPLACED, "broken off before the drain: it begins anew"
    if facts.replace:
        return REPLACED, "asked for: the stream is replaced"
    if facts.running == facts.wanted:
        return applied, "it runs: what Terraform finds changed is applied"
    if facts.differences is None:
        why = "the graph of what runs is not known here: Dataflow says whether it can be updated"
        return applied, why
    if facts.differences:
        first = facts.differences[0]
        more = f" and {len(facts.differences) - 1} more" if len(facts.differences) > 1 else ""
        return REPLACED, f"{first}{more}: the stream is replaced"
    return applied, "labels, coders and state fit: updated in place"


def _check_rollback(facts: Facts) -> None:
    started = f"`make deploy RELEASE={facts.wanted}`"
    if not facts.left:
        raise ConfigurationError(f"nothing has run that could be rolled back: {started}")
    if facts.running == facts.wanted and not facts.ending:
        raise ConfigurationError(f"{facts.wanted} is what runs: name the release before it")
    if facts.left == facts.wanted:
        raise ConfigurationError(f"{facts.wanted} ran last: {started} starts it again")
