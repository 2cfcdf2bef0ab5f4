"""How one release follows another: which steps, in which order, and why.

In place where the running job's state fits. Else the stream is replaced: what its subscriptions had
acknowledged is kept as a snapshot, the job is drained, the subscriptions are sought back, and the
new job starts with the resolver seeded from the tables; what is read twice is written twice and
shows once. Each step can be taken again, so that a release that was broken off goes on.
"""

from typing import Literal, NamedTuple

from schemas.errors import ConfigurationError

Step = Literal["snapshot", "drain", "seek", "apply"]
REPLACED: tuple[Step, ...] = ("snapshot", "drain", "seek", "apply")


class Facts(NamedTuple):
    """What is known before anything is done. Releases are named by the tag of their image."""

    wanted: str
    running: str = ""
    """The release that streams now; empty: none."""
    latest: str = ""
    """The one that streamed last, where none does now."""
    differences: tuple[str, ...] | None = ()
    """What keeps the running job from being updated; None: nobody knows."""
    kept: bool = False
    """Whether the snapshot that is wanted is there already."""
    replace: bool = False
    """Asked for: Dataflow has refused an update that seemed to fit."""


class Decision(NamedTuple):
    """What is done: `position` names the snapshot that is made and sought back to."""

    steps: tuple[Step, ...]
    position: str
    why: str


def deployment(facts: Facts) -> Decision:
    """From what runs to a newer release."""
    position = f"before-{facts.wanted}"
    if facts.running == facts.wanted:
        return Decision(("apply",), position, "it runs: what Terraform finds changed is applied")
    if not facts.running:
        if facts.kept:
            why = "broken off after the drain: it goes on from there"
            return Decision(("seek", "apply"), position, why)
        return Decision(("apply",), position, "nothing runs: it is started")
    if facts.kept:
        return Decision(REPLACED, position, "broken off before the drain: it goes on from there")
    return _following(facts, position)


def rollback(facts: Facts) -> Decision:
    """From a release that does harm back to an older one.

    Where the stream was replaced for it, what it read is read again by the older one: back to the
    snapshot that was made before it.
    """
    left = facts.running or facts.latest
    if not left:
        raise ConfigurationError(
            f"nothing has run that could be rolled back: `make deploy RELEASE={facts.wanted}`"
        )
    if left == facts.wanted:
        raise ConfigurationError(f"{facts.wanted} is what runs: name the release before it")
    position = f"before-{left}"
    if facts.kept:
        return Decision(
            ("drain", "seek", "apply"), position, f"all that {left} has read is read again"
        )
    if not facts.running:
        return Decision(("apply",), position, f"{left} has ended: it is started")
    return _following(facts, position)


def _following(facts: Facts, position: str) -> Decision:
    if facts.replace:
        return Decision(REPLACED, position, "asked for: the stream is replaced")
    if facts.differences is None:
        why = "the graph of what runs is not known here: Dataflow says whether it can be updated"
        return Decision(("apply",), position, why)
    if facts.differences:
        first = facts.differences[0]
        more = f" and {len(facts.differences) - 1} more" if len(facts.differences) > 1 else ""
        return Decision(REPLACED, position, f"{first}{more}: the stream is replaced")
    return Decision(("apply",), position, "labels, coders and state fit: updated in place")
