"""A snapshot while changes flow, brought back as a stack of its own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from running import RunningStack, plain
from typer.testing import CliRunner
from views import Rows, accounting_of, assert_same, rows_of

from operations import cli
from sandbox.company import Manifest
from schemas.errors import RetriableError

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.xdist_group("stack")]


MOMENT = "2026-11-29T12:00:00Z"
ERASURE = {
    "erasure_id": "e-1",
    "part": 0,
    "marks": ["0" * 32],
    "asked_at": MOMENT,
    "asked_by": "officer",
    "reason": "case 1",
    "is_lifted": False,
    "message_id": "m-1",
    "publish_time": MOMENT,
    "written_at": MOMENT,
}


def call(*arguments: object) -> str:
    result = CliRunner().invoke(cli.app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return plain(result.stdout)


def still_behind(*_: object) -> None:
    raise RetriableError("the pipeline has not caught up")


def test_nothing_is_lost_of_what_flowed_and_a_second_import_changes_nothing(
    start: Callable[[], RunningStack],
    company: Manifest,
    tmp_path: Path,
    undisturbed: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack, out = start(), tmp_path / "kept.tar.gz"
    published = stack.publish(*company.imports)
    # It does not wait for the pipeline here: the tables have some of it, Pub/Sub has the rest.
    monkeypatch.setattr("operations.snapshot.until_written", still_behind)
    said = call("snapshot", out, "--data", stack.directory.path)
    assert "while the stack ran" in said
    stack.kill_all()
    target, erasures = tmp_path / "restored", tmp_path / "erasures.json"
    # Somebody of whom nothing is here was erased since: all that an erasure does is done.
    erasures.write_text(json.dumps(ERASURE))
    said = call("restore", out, "--data", target, "--erasures", erasures)
    assert "1 erasures that are newer were taken over from the file" in said
    assert "restored" in said
    stack = RunningStack(target, company.settings)
    stack.start()
    try:
        stack.until_written()
        # What the snapshot had not written yet comes again after the seek.
        assert len(stack.ended()) == published
        with stack.warehouse() as client:
            account = accounting_of(client)
            assert_same(rows_of(client), undisturbed)
        stack.publish(*company.imports)
        stack.until_written()
        with stack.warehouse() as client:
            assert accounting_of(client)["messages"] == account["messages"] + published
            assert_same(rows_of(client), undisturbed)
    finally:
        assert stack.stop() == 0
