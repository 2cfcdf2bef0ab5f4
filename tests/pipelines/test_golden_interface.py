"""What a running job is updated by is as the golden files have it, and every step has a label."""

import re
from difflib import unified_diff

import pytest
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor
from graph_interface import GOLDEN, INTERFACES, interface, streaming_graph

WORDS = re.compile(r"[A-Za-z][A-Za-z-]*( [A-Za-z-]+)*\Z")
NOT_OURS_TO_ENCODE = {
    "changes-",
    "decisions",
    "To identity-changes",
    "To dead-letters",
    "Write",
    "Together",
}
"""Steps whose output is Beam's own class of message, or nothing."""

ON_PURPOSE = """
{name} differs from the graph. A job that runs is updated by its labels, coders and state: where
they change, it is drained and started anew, and the resolver seeded. If that is what you want, run
`make golden` and say in the commit why.

{difference}"""


@pytest.mark.parametrize("name", INTERFACES)
def test_the_interface_of_the_graph_is_as_a_running_job_has_it(name: str) -> None:
    golden, now = (GOLDEN / name).read_text(encoding="utf-8"), interface(name)
    lines = unified_diff(golden.splitlines(), now.splitlines(), name, "the graph", lineterm="")
    assert golden == now, ON_PURPOSE.format(name=name, difference="\n".join(lines))


@pytest.mark.parametrize("name", INTERFACES)
def test_no_timer_holds_the_watermark_that_the_job_is_watched_by(name: str) -> None:
    """One of processing time would, at the element that set it, until it fires."""
    timers = [line for line in interface(name).splitlines() if line.strip().startswith("timer ")]
    assert timers and all(": event time," in line for line in timers)


class OurSteps(PipelineVisitor):
    """The steps that our own code applies: those within one of Beam's are Beam's."""

    def __init__(self) -> None:
        self.found: list[AppliedPTransform] = []

    def enter_composite_transform(self, transform_node: AppliedPTransform) -> None:
        self.visit_transform(transform_node)

    def visit_transform(self, transform_node: AppliedPTransform) -> None:
        if transform_node.parent is None or not transform_node.full_label:
            return
        if not _is_of_beam(transform_node.parent):
            self.found.append(transform_node)


def _is_of_beam(step: AppliedPTransform) -> bool:
    return step.transform is not None and type(step.transform).__module__.startswith("apache_beam")


def our_steps(*, seeded: bool) -> list[AppliedPTransform]:
    steps = OurSteps()
    streaming_graph(seeded=seeded).visit(steps)
    return steps.found


@pytest.mark.parametrize("seeded", [False, True])
def test_every_step_has_a_label_in_words_and_none_that_beam_made_up(seeded: bool) -> None:
    steps = our_steps(seeded=seeded)
    assert len(steps) > 30
    for step in steps:
        label = step.full_label.rsplit("/", 1)[-1]
        assert WORDS.match(label), step.full_label
        assert not _is_of_beam(step) or label != type(step.transform).__name__, step.full_label


@pytest.mark.parametrize("seeded", [False, True])
def test_nothing_of_ours_is_pickled_between_steps(seeded: bool) -> None:
    steps, lines = our_steps(seeded=seeded), interface("stream.txt")
    assert "FastPrimitivesCoder" in lines, "else this test looks for the wrong name"
    blocks = dict(block.split("\n", 1) for block in lines.split("\n\n") if "\n" in block)
    for step in steps:
        label = step.full_label.rsplit("/", 1)[-1]
        if not any(label.startswith(name) for name in NOT_OURS_TO_ENCODE):
            assert "FastPrimitivesCoder" not in blocks.get(step.full_label, ""), step.full_label
