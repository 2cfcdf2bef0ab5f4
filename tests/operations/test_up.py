"""`salesintel up`: what it is told reaches the stack, and what it says can be typed again."""

import logging
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from provisioned import provisioned
from typer.testing import CliRunner

from embedded.directory import DataDirectory, Stack
from embedded.supervisor import StoppedWhileStarting, Supervisor
from operations import cli, entry, up
from operations.console import console, warehouse_of


@pytest.fixture(autouse=True)
def its_own_environment() -> Iterator[None]:
    """A supervisor points its process at its Pub/Sub, a command quiets its logs."""
    before, level = os.environ.copy(), logging.getLogger().level
    yield
    os.environ.clear()
    os.environ.update(before)
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize("memory", ["", "much", "4", "0GB", "-4GB", "4 GB", "4TB", "4GB;", "1.5GB"])
def test_what_is_no_amount_of_memory_is_refused_before_anything_starts(
    memory: str, tmp_path: Path
) -> None:
    path = tmp_path / "new"
    result = CliRunner().invoke(cli.app, ["up", "--warehouse-memory", memory, "--data", str(path)])
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {memory!r} is no amount of memory: write ")
    assert result.stderr.count("\n") == 1
    assert not path.exists()


@pytest.mark.slow
def test_the_warehouse_holds_what_it_was_told_to(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    provisioned(directory.warehouse)
    supervisor = Supervisor(directory, pipeline=False, memory="777MB")
    supervisor.start()
    try:
        with warehouse_of(directory) as client:
            sql = "SELECT current_setting('memory_limit') AS held"
            [row] = client.query_and_wait(sql)
    finally:
        supervisor.stop()
    assert row.held == "741.0 MiB"


def test_what_to_type_next_can_be_typed_for_any_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "[/x] it's"
    monkeypatch.setattr(Supervisor, "start", lambda supervisor, tell: "stack")
    monkeypatch.setattr(Supervisor, "run", lambda supervisor: None)
    monkeypatch.setattr(up, "_log_to", lambda path: None)
    monkeypatch.setattr(up, "show", lambda stack, directory: None)
    monkeypatch.setattr(up.signal, "signal", lambda number, handler: None)
    with console.capture() as said:
        CliRunner().invoke(cli.app, ["up", "--data", str(path)], catch_exceptions=False)
    [line] = [one for one in said.get().splitlines() if "salesintel status" in one]
    assert shlex.split(line) == ["salesintel", "status", "--data", str(path)]


def test_an_interruption_while_the_commands_are_loaded_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "stopped\n"


def test_up_that_is_stopped_while_it_starts_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def start(supervisor: Supervisor, tell: Callable[[str], None]) -> Stack:
        signal.raise_signal(signal.SIGINT)
        assert supervisor._stopping.is_set()
        raise StoppedWhileStarting("stopped while it was starting")

    monkeypatch.setattr(Supervisor, "start", start)
    try:
        result = CliRunner().invoke(cli.app, ["up", "--data", str(tmp_path / "new")])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (result.exit_code, result.stderr) == (130, "")
    assert "stopped" in result.stdout
