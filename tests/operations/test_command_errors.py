"""How commands refuse what nobody can mean, and how their errors end."""

import errno
import json
import logging
import os
from pathlib import Path

import pytest
import requests
import typer
from google.api_core.exceptions import InternalServerError, RetryError
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from test_command_line import assert_refused, call, file, leaves_no_trace, stack

from embedded.directory import DataDirectory
from operations import query as query_command
from operations import status as status_command
from operations.console import set_up_logs, spoken_errors
from schemas.errors import ConfigurationError, FatalError, RetriableError, SalesIntelError
from warehouse.query import QueryResult

__all__ = ["file", "leaves_no_trace", "stack"]
"""Fixtures."""


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:00"],
)
def test_a_moment_beyond_the_calendar_is_refused(text: str, file: Path) -> None:
    for arguments in (
        ("import", file, "--as-of", text),
        ("query", "sales.account_timeline", "--since", text),
        ("replay", "--since", text),
    ):
        assert_refused(call(*arguments), 2, "is no date", "write 2026-01-31")


@pytest.mark.parametrize(
    ("limit", "words"),
    [("-1", "below 1"), ("0", "below 1"), ("100000000000000000000", "above 1,000,000,000")],
)
def test_a_limit_that_no_query_can_have_is_refused(limit: str, words: str, stack: Path) -> None:
    for command in (
        ("replay",),
        ("query", "ops.health"),
    ):
        result = call(*command, "--limit", limit, "--data", stack)
        assert_refused(result, 2, "--limit is " + words)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e9"])
def test_a_time_that_no_query_can_have_is_refused(seconds: str, stack: Path) -> None:
    result = call("query", "ops.health", "--timeout", seconds, "--data", stack)
    assert_refused(result, 2, "--timeout", "choose 1 to 21600 seconds")


def test_a_query_may_take_the_time_that_is_named(
    stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def view(*given: object, timeout_s: float, **more: object) -> QueryResult:
        asked.append(timeout_s)
        return QueryResult(columns=("a",), rows=[], truncated=False)

    monkeypatch.setattr(query_command, "run_view", view)
    assert call("query", "ops.health", "--timeout", "90", "--data", stack).exit_code == 0
    assert call("query", "ops.health", "--data", stack).exit_code == 0
    assert asked == [90.0, 30.0]


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    result = call("--debug", "status", "--data", tmp_path)
    assert isinstance(result.exception, ConfigurationError)
    assert_refused(call("status", "--data", tmp_path), 2, "no stack runs")


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (FatalError("stop"), 2),
        (ConfigurationError("mend it"), 2),
        (RetriableError("later"), 1),
        (SalesIntelError("so it is"), 1),
        (requests.exceptions.ConnectionError("refused"), 1),
        (RetryError("in vain", None), 1),
        (InternalServerError("broken"), 1),
        (DefaultCredentialsError("nobody"), 2),
        (RefreshError("not as that account"), 2),
    ],
)
def test_errors_end_with_an_exit_code_by_their_policy(
    error: Exception, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, spoken_errors():
        raise error
    assert ended.value.exit_code == exit_code
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert shown.count("\n") == 1
    with pytest.raises(type(error)), spoken_errors(debug=True):
        raise error


def test_an_error_that_nobody_meant_stays_what_it_is() -> None:
    with pytest.raises(KeyError), spoken_errors():
        raise KeyError("a fault of ours")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_line(
    number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(directory: DataDirectory) -> bool:
        raise OSError(number, os.strerror(number), str(tmp_path / "file"))

    monkeypatch.setattr(status_command, "status", full)
    result = call("status")
    assert_refused(result, 1, os.strerror(number), str(tmp_path / "file"), "free some space")
    with pytest.raises(FileNotFoundError), spoken_errors():
        (tmp_path / "none").read_text()


@pytest.mark.parametrize("notes", [(), ("3 are done",)])
def test_an_interrupted_command_ends_with_the_exit_code_of_a_signal(
    monkeypatch: pytest.MonkeyPatch, notes: tuple[str, ...]
) -> None:
    def interrupted(directory: DataDirectory) -> bool:
        interrupt = KeyboardInterrupt()
        for note in notes:
            interrupt.add_note(note)
        raise interrupt

    monkeypatch.setattr(status_command, "status", interrupted)
    result = call("status")
    assert result.exit_code == 130
    assert result.stderr == ": ".join(["stopped", *notes]) + "\n"


def told_by(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, object]]:
    """Exit code and line of a command in a container that ends by an error."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    monkeypatch.setenv("SALESINTEL_LOGS", "json")
    try:
        set_up_logs()
        with pytest.raises(typer.Exit) as ended, spoken_errors():
            raise error
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    return ended.value.exit_code, json.loads(line)


def test_a_container_tells_an_error_as_one_line_of_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = told_by(FatalError("tables are gone: make them"), monkeypatch, capsys)
    assert (code, line["severity"], line["message"]) == (2, "ERROR", "tables are gone: make them")


def test_a_container_tells_of_an_unexpected_error_where_it_was_and_not_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = told_by(ValueError("ann@customer.example"), monkeypatch, capsys)
    assert (code, line["message"], line["error"]) == (1, "unexpected error", "ValueError")
    assert line["where"] and "customer.example" not in json.dumps(line)
