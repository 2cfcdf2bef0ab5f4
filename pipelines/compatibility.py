"""Whether a running job can be updated to another graph, and what to do where it cannot.

    python -m pipelines.compatibility RUNNING NEXT [--names templates/transform-names.json]

Both are interfaces as text (pipelines/interface.py): of the release that runs, and of the one that
is to come. Dataflow's own check does the same when the update is asked for, minutes later, and says
less. https://cloud.google.com/dataflow/docs/guides/upgrade-guide
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

NAMES = Path(__file__).resolve().parent.parent / "templates" / "transform-names.json"
"""Labels of the running job and what they are called now; nothing where a step is gone."""

RENAME = (
    "if it has another name now, or is gone for good, write it with the new one, or with an empty "
    "one, into templates/transform-names.json; else update in parallel (docs/updates.md)"
)
PARALLEL = "give the step the coder that it had, or update in parallel (docs/updates.md)"
STATE = "state that was written would be lost or misread: update in parallel (docs/updates.md)"


class Step(NamedTuple):
    """A step of a graph: its outputs with their coders, its state and timers."""

    outputs: dict[str, str]
    cells: dict[str, str]


class Graph(NamedTuple):
    """An interface, read back."""

    shards: str
    steps: dict[str, Step]


class Incompatibility(NamedTuple):
    """What stands against an update: where, what, and what to do."""

    step: str
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.step}: {self.what}; {self.advice}"


def read(text: str) -> Graph:
    """The graph of an interface."""
    head, *blocks = text.rstrip("\n").split("\n\n")
    steps: dict[str, Step] = {}
    for block in blocks:
        label, *facts = block.split("\n")
        step = steps[label] = Step({}, {})
        for fact in facts:
            name, _, what = fact.strip().partition(": ")
            (step.cells if name.startswith(("state ", "timer ")) else step.outputs)[name] = what
    return Graph(head.removeprefix("shards: "), steps)


def incompatibilities(
    running: str, coming: str, names: Mapping[str, str]
) -> Iterator[Incompatibility]:
    """All that stands against updating a job from one interface to another.

    A step that is new stands against nothing. `names`: as in NAMES; a name is that of a step and of
    all within it.
    """
    before, after = read(running), read(coming)
    if before.shards != after.shards:
        yield Incompatibility("shards", f"{before.shards} became {after.shards}", STATE)
    for label, step in before.steps.items():
        name = renamed(label, names)
        if name == "":
            yield from _gone(label, step)
        elif name not in after.steps:
            yield Incompatibility(label, "is not there any more", RENAME)
        else:
            yield from _changed(label, step, after.steps[name])


def renamed(label: str, names: Mapping[str, str]) -> str:
    """What a step is called now; empty where it is gone."""
    parts = label.split("/")
    for count in range(len(parts), 0, -1):
        above = "/".join(parts[:count])
        if above in names:
            rest = parts[count:] if names[above] else []
            return "/".join([names[above], *rest])
    return label


def _gone(label: str, step: Step) -> Iterator[Incompatibility]:
    for name in step.cells:
        yield Incompatibility(label, f"is taken away with its {name}", STATE)


def _changed(label: str, before: Step, after: Step) -> Iterator[Incompatibility]:
    for kind, old, new, advice in (
        ("output", before.outputs, after.outputs, PARALLEL),
        ("", before.cells, after.cells, STATE),
    ):
        for name in old.keys() | new.keys():
            was, now = old.get(name), new.get(name)
            # A new output concerns nobody; new state of a step that had none before does.
            if was == now or (kind and was is None):
                continue
            what = f"{kind} {name}".strip()
            yield Incompatibility(
                label, f"{what} was {was or 'not there'}, is {now or 'gone'}", advice
            )


def main(argv: list[str] | None = None) -> int:
    """Prints what stands against an update; exit code 1 where anything does."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.compatibility")
    parser.add_argument("running", type=Path, help="Interface of the release that runs.")
    parser.add_argument("coming", type=Path, help="Interface of the release that is to come.")
    parser.add_argument("--names", type=Path, default=NAMES, help="Mapping of labels (JSON).")
    given = parser.parse_args(argv)
    names = json.loads(given.names.read_text(encoding="utf-8"))
    running, coming = (one.read_text(encoding="utf-8") for one in (given.running, given.coming))
    found = sorted(incompatibilities(running, coming, names))
    if not found:
        print("the running job can be updated in place")
        return 0
    for one in found:
        print(one, file=sys.stderr)
    print(f"{len(found)} reasons against an update in place", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
