"""Whether a running stream can be updated in place: its graph's interface against the new one's.

The interface is the golden text of a release (tests/pipelines/golden/stream.txt): shards, and each
step with its coder, state and timers. Dataflow compares the same by itself and refuses what does
not fit; asked here it is known before anything is touched.
https://cloud.google.com/dataflow/docs/guides/upgrade-guide
"""

from collections.abc import Mapping

GOLDEN = "tests/pipelines/golden/stream.txt"

Steps = Mapping[str, tuple[str, ...]]
"""Label to the lines below it."""


def steps_of(text: str) -> Steps:
    """The interface as it stands in a golden file: paragraphs, each begun by a label."""
    steps: dict[str, tuple[str, ...]] = {}
    for paragraph in text.strip().split("\n\n"):
        label, *lines = paragraph.splitlines()
        steps[label.strip()] = tuple(line.strip() for line in lines)
    return steps


def differences(running: Steps, wanted: Steps) -> tuple[str, ...]:
    """What keeps the one from being updated to the other: steps that are gone, and those whose
    coder, state or timers are others. Steps that are new keep nothing."""
    found = []
    for label, lines in running.items():
        if label not in wanted:
            found.append(f"{label} is gone")
        elif wanted[label] != lines:
            found.append(f"{label} has another coder, state or timer")
    return tuple(found)
