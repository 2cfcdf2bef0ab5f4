"""What a person decides takes hold in a stack that runs, can be taken back, and outlives it."""

import signal
from collections.abc import Callable

import pytest
from running import RunningStack, plain
from test_commands import call, last_run

from connectors.files import ImportOptions
from operations.imports import import_files
from sandbox.company import Manifest
from schemas.identity import Override
from schemas.topology import DECISIONS_TOPIC
from warehouse.latest import latest
from warehouse.query import run_sql

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]


def links_of(stack: RunningStack) -> dict[str, str]:
    with stack.warehouse() as client:
        found = run_sql(client, "SELECT * FROM `identity.links_latest`", limit=100_000).rows
    return {row["record_key"]: row["entity_id"] for row in found}


def verdicts(stack: RunningStack) -> list[str]:
    with stack.warehouse() as client:
        return sorted(one.verdict for one in latest(client, Override))


def test_link_and_unlink_take_hold_are_taken_back_and_outlive_the_stack(
    start: Callable[[], RunningStack], company: Manifest
) -> None:
    stack = start()
    import_files(stack.directory, company.imports, ImportOptions(), quiet=True)
    before = links_of(stack)
    entities: dict[str, list[str]] = {}
    for key, entity_id in sorted(before.items()):
        if entity_id.startswith("p-"):
            entities.setdefault(entity_id, []).append(key)
    (alone, [single]), (pair, _), *_ = sorted(
        entities.items(), key=lambda one: (len(one[1]), one[0])
    )
    several = next(entity_id for entity_id, keys in entities.items() if len(keys) > 2)
    [first, *_] = entities[several]

    # Two entities become one, by their ids; the ids that the pipeline made stay where they were.
    linked = call(stack, "link", several, alone, "--by", "ana")
    assert linked.exit_code == 0, linked.output
    said = plain(linked.stdout)
    assert f"take it back: salesintel link {several} {alone} --undo" in said
    assert f"merged {several}" in said or f"merged {alone}" in said
    assert single in said
    now = links_of(stack)
    assert len({now[key] for key in (*entities[several], single)}) == 1
    run = last_run(stack, "link")
    assert (run["status"], run["changes"]) == ("succeeded", len(entities[several]))

    # Said once more, nothing moves.
    again = plain(call(stack, "link", single, first).stdout)
    assert "no record has changed its entity" in again

    # A record leaves its entity; the others stay together.
    parted = call(stack, "unlink", first, entities[several][1])
    assert parted.exit_code == 0, parted.output
    undone = call(stack, "unlink", entities[several][1], first, "--undo")
    assert undone.exit_code == 0, undone.output
    assert "taken back: that two records are different" in plain(undone.stdout)
    twice = call(stack, "unlink", first, entities[several][1], "--undo")
    assert twice.exit_code == 2
    assert "stands" in plain(twice.stderr)

    # A restart, and a rebuild, hold what stands.
    assert call(stack, "unlink", pair, several).exit_code == 0
    held, decided = links_of(stack), verdicts(stack)
    assert stack.stop(signal.SIGTERM) == 0
    stack.start()
    stack.until_written()
    assert links_of(stack) == held
    assert call(stack, "rebuild", "--yes").exit_code == 0
    assert links_of(stack) == held
    assert verdicts(stack) == decided

    # Taken back, it is as if nobody had decided anything.
    undone = call(stack, "link", several, alone, "--undo")
    assert undone.exit_code == 0, undone.output
    assert call(stack, "link", first, single, "--undo").exit_code == 0
    assert call(stack, "unlink", several, pair, "--undo").exit_code == 0
    assert links_of(stack) == before
    assert set(verdicts(stack)) == {"withdrawn"}


def test_a_decision_that_nobody_can_read_is_a_dead_letter_and_stops_nothing(
    start: Callable[[], RunningStack], company: Manifest
) -> None:
    stack = start()
    path = f"projects/{stack.directory.stack().project}/topics/{DECISIONS_TOPIC}"
    stack.publisher().publish(path, b"[not a decision]").result()
    published = stack.publish(company.directory / "hubspot")
    stack.until_accounted(published + 1)
    with stack.warehouse() as client:
        letters = run_sql(client, "SELECT * FROM `ops.dead_letters` WHERE stage = 'decide'").rows
        accounts = run_sql(client, "SELECT * FROM `ops.accounting`").rows
    assert [letter["error_type"] for letter in letters] == ["InvalidEnvelope"]
    for row in accounts:
        assert row["messages"] == row["accepted"] + row["duplicates"] + row["dead_letters"]
    assert sum(row["messages"] for row in accounts) == published + 1
