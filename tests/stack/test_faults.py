"""What one machine must survive: whatever is killed, nothing is lost and the views are the same."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from running import RunningStack, until
from views import Rows, accounting_of, assert_same, rows_of

from connectors.files import ImportOptions, read
from operations import imports
from operations.imports import import_files
from sandbox.company import Manifest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

Start = Callable[[], RunningStack]


def assert_all_is_there(
    stack: RunningStack, company: Manifest, undisturbed: Rows, messages: int | None = None
) -> None:
    """The whole account, and every view as if nothing had happened."""
    with stack.warehouse() as client:
        account = accounting_of(client)
        assert_same(rows_of(client), undisturbed)
    assert account["messages"] == (messages or company.inputs)
    assert account["dead_letters"] == company.bad


def test_a_pipeline_that_is_killed_again_and_again_loses_nothing(
    start: Start, company: Manifest, undisturbed: Rows
) -> None:
    stack = start()
    first, second, third, last = company.imports
    goal = stack.publish(first)
    until(lambda: stack.accounted() > 0, "some rows are written, of others nobody knows")
    stack.kill("pipeline")

    goal += stack.publish(second)
    stack.kill("pipeline")

    stack.until_accounted(goal)
    warehouse = stack.child("warehouse")
    os.kill(warehouse, signal.SIGSTOP)
    try:
        goal += stack.publish(third)
        # A few: the warehouse is sent no more than it has said that it has room for.
        until(
            lambda: stack.bytes_waiting_for_the_warehouse() > 0, "rows lie at the warehouse's door"
        )
        os.kill(stack.child("pipeline"), signal.SIGKILL)
    finally:
        os.kill(warehouse, signal.SIGCONT)
    until(lambda: stack.restarts("pipeline") == 3, "the pipeline is restarted")

    goal += stack.publish(last)
    stack.until_accounted(goal)
    assert goal == company.inputs
    assert stack.restarts("pipeline") == 3
    assert stack.restarts("warehouse") == stack.restarts("pubsub") == 0
    assert_all_is_there(stack, company, undisturbed)


def test_a_power_cut_in_the_middle_of_an_import_loses_nothing(
    start: Start, company: Manifest, undisturbed: Rows
) -> None:
    stack = start()
    crm, rest = company.imports[:2], company.imports[2:]
    written = stack.publish(*crm)
    stack.until_accounted(written)
    goal = written + stack.publish(*rest)
    stack.kill_all()
    stack.start()
    assert stack.log("pipeline").count("seeding the resolver") == 2, "not up by old marks"
    stack.until_accounted(goal)
    assert_all_is_there(stack, company, undisturbed)
    assert stack.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    "lines", [1, pytest.param(6, marks=pytest.mark.exhaustive)], ids=["10 s", "60 s"]
)
def test_an_outage_of_the_warehouse_in_the_middle_of_an_import_is_waited_out(
    start: Start,
    company: Manifest,
    undisturbed: Rows,
    monkeypatch: pytest.MonkeyPatch,
    lines: int,
) -> None:
    stack = start()
    middle, go_on = threading.Event(), threading.Event()

    def read_by_halves(*given: Any) -> Iterator[Any]:
        for number, one in enumerate(read(*given)):
            if number == company.inputs // 2:
                middle.set()
                go_on.wait()
            yield one

    monkeypatch.setattr(imports, "read", read_by_halves)
    with ThreadPoolExecutor(1) as other:
        importing = other.submit(
            import_files, stack.directory, company.imports, ImportOptions(), quiet=True
        )
        middle.wait()
        until(lambda: stack.accounted() > 0, "the first rows are written")
        pipeline = stack.child("pipeline")
        with stack.frozen():
            os.kill(stack.child("warehouse"), signal.SIGKILL)
            go_on.set()
            # It says so every ten seconds.
            until(
                lambda: stack.log("pipeline").count("waiting for the warehouse") >= lines,
                "the pipeline has waited for the warehouse",
            )
        imported = importing.result()
    assert imported.messages == company.inputs
    assert stack.restarts("warehouse") == 1
    assert stack.child("pipeline") == pipeline, "it waits, and is not restarted"
    assert_all_is_there(stack, company, undisturbed)


def test_what_was_acknowledged_to_a_publisher_outlives_a_killed_pubsub(
    start: Start, company: Manifest, undisturbed: Rows
) -> None:
    stack = start()
    publisher = stack.publisher()
    acknowledged: list[str] = []
    enough = threading.Event()

    def note(done: Future[str]) -> None:
        acknowledged.append(done.result())
        if len(acknowledged) > company.inputs // 3:
            enough.set()

    def publish() -> None:
        for topic, data, more in stack.messages(company.imports):
            future = publisher.publish(topic, data, **more)
            future.add_done_callback(note)
            if not enough.is_set():
                # One at a time up to the kill, so that it falls into the middle.
                future.result()

    with ThreadPoolExecutor(1) as other:
        publishing = other.submit(publish)
        enough.wait()
        stack.kill("pubsub")
        publishing.result()
    until(lambda: len(acknowledged) == company.inputs, "every publish is acknowledged")
    until(lambda: stack.ended() >= set(acknowledged), "what was acknowledged has ended somewhere")
    stack.until_written()
    assert len(set(acknowledged)) == company.inputs
    # A message whose answer was lost is published again, and is one more.
    assert_all_is_there(stack, company, undisturbed, messages=len(stack.ended()))
