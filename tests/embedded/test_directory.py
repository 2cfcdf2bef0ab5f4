"""The data directory: made, upgraded and refused by its format; held by one stack; found again."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.directory import FORMAT, DataDirectory, Stack
from schemas.errors import ConfigurationError, FatalError


def a_stack(pid: int) -> Stack:
    return Stack(
        pid=pid, project="p", pubsub="127.0.0.1:1", rest="http://127.0.0.1:2", grpc="127.0.0.1:3"
    )


def format_of(path: Path) -> object:
    return json.loads((path / "format.json").read_text("utf-8"))


def a_pid_that_has_ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "stack")


def test_a_new_directory_gets_its_folders_and_the_newest_format(directory: DataDirectory) -> None:
    directory.open()
    directory.close()
    assert format_of(directory.path) == {"format": FORMAT}
    folders = {path.name for path in directory.path.iterdir() if path.is_dir()}
    assert folders == {"pubsub", "warehouse", "objects", "logs", "run"}


def test_a_directory_opens_again_after_it_was_closed(directory: DataDirectory) -> None:
    for _ in range(3):
        directory.open()
        directory.close()
    assert format_of(directory.path) == {"format": FORMAT}


def test_an_older_format_is_upgraded_step_by_step(directory: DataDirectory) -> None:
    directory.open(newest=1)
    directory.close()
    steps: list[tuple[str, object]] = []
    directory.open(
        {
            1: lambda path: steps.append(("from 1", format_of(path))),
            2: lambda path: steps.append(("from 2", format_of(path))),
        },
        newest=3,
    )
    directory.close()
    assert steps == [("from 1", {"format": 1}), ("from 2", {"format": 2})]
    assert format_of(directory.path) == {"format": 3}


def test_an_upgrade_that_fails_is_tried_again_and_leaves_the_directory_free(
    directory: DataDirectory,
) -> None:
    directory.open(newest=1)
    directory.close()
    asked: list[Path] = []

    def breaks_once(path: Path) -> None:
        asked.append(path)
        if len(asked) == 1:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        directory.open({1: breaks_once}, newest=2)
    assert format_of(directory.path) == {"format": 1}
    directory.open({1: breaks_once}, newest=2)
    directory.close()
    assert asked == [directory.path, directory.path]
    assert format_of(directory.path) == {"format": 2}


def test_a_format_without_an_upgrade_is_refused(directory: DataDirectory) -> None:
    directory.open(newest=1)
    directory.close()
    with pytest.raises(FatalError, match="has format 1, from which no upgrade leads on"):
        directory.open({}, newest=2)


def test_a_newer_format_is_refused_and_stays_as_it_is(directory: DataDirectory) -> None:
    directory.open(newest=FORMAT + 1)
    directory.close()
    with pytest.raises(FatalError, match="use the version that wrote it") as refused:
        directory.open()
    assert f"has format {FORMAT + 1}" in str(refused.value)
    assert format_of(directory.path) == {"format": FORMAT + 1}
    directory.open(newest=FORMAT + 1)
    directory.close()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b"1", b"null", b"{}", b'{"format": "1"}']
)
def test_a_format_that_cannot_be_read_is_refused(directory: DataDirectory, content: bytes) -> None:
    directory.open()
    directory.close()
    (directory.path / "format.json").write_bytes(content)
    with pytest.raises(FatalError):
        directory.open()
    assert (directory.path / "format.json").read_bytes() == content


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match="cannot be used as a data directory"):
        DataDirectory(tmp_path / "file" / "stack").open()
    with pytest.raises(ConfigurationError, match="no stack runs"):
        DataDirectory(tmp_path / "file").stack()


def test_a_lock_that_cannot_be_opened_is_refused(directory: DataDirectory) -> None:
    (directory.run / "lock").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="cannot be used as a data directory"):
        directory.open()


def test_a_directory_in_use_is_refused_with_the_process_that_has_it(
    directory: DataDirectory,
) -> None:
    directory.open()
    directory.publish(a_stack(os.getpid()))
    second = DataDirectory(directory.path)
    with pytest.raises(FatalError, match="is in use") as refused:
        second.open()
    second.close()
    assert f"process id {os.getpid()}:" in str(refused.value)
    assert directory.stack().pid == os.getpid(), "the one that was refused took nothing away"
    directory.close()
    second.open()
    second.close()


def _hold(path: Path, held: object) -> None:
    DataDirectory(path).open()
    held.set()  # type: ignore[attr-defined]
    multiprocessing.Event().wait()


@pytest.mark.slow
def test_a_holder_that_was_killed_holds_nothing(directory: DataDirectory) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    holder = context.Process(target=_hold, args=(directory.path, held), daemon=True)
    holder.start()
    assert held.wait(60)
    with pytest.raises(FatalError, match=f"process id {holder.pid}:"):
        directory.open()
    holder.kill()
    holder.join()
    directory.open()
    directory.close()


def test_a_running_stack_is_found(directory: DataDirectory) -> None:
    directory.open()
    stack = a_stack(os.getpid())
    directory.publish(stack)
    assert DataDirectory(directory.path).stack() == stack
    directory.close()
    with pytest.raises(ConfigurationError, match="no stack runs"):
        directory.stack()


def test_the_stack_of_another_user_is_found(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_permitted(pid: int, number: int) -> None:
        raise PermissionError

    directory.open()
    directory.publish(a_stack(1))
    monkeypatch.setattr(os, "kill", not_permitted)
    assert directory.stack().pid == 1
    directory.close()


def test_what_a_killed_stack_left_behind_is_no_stack(directory: DataDirectory) -> None:
    directory.open()
    directory.publish(a_stack(a_pid_that_has_ended()))
    with pytest.raises(ConfigurationError, match="salesintel up --data"):
        directory.stack()
    directory.close()


@given(content=st.binary(max_size=40))
def test_a_broken_stack_file_is_no_stack(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    directory = DataDirectory(tmp_path_factory.mktemp("broken"))
    directory.run.mkdir()
    (directory.run / "stack.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match="no stack runs"):
        directory.stack()


def test_a_stack_file_that_may_not_be_read_is_named(directory: DataDirectory) -> None:
    (directory.run / "stack.json").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"stack\.json cannot be read"):
        directory.stack()


def test_health_is_read_as_it_was_written_and_empty_where_it_is_missing_or_broken(
    directory: DataDirectory,
) -> None:
    assert directory.read_health() == {}
    directory.open()
    directory.write_health({"pubsub": {"pid": 1, "healthy": True}})
    assert directory.read_health() == {"pubsub": {"pid": 1, "healthy": True}}
    for broken in ("", "[]", "{"):
        (directory.run / "health.json").write_text(broken)
        assert directory.read_health() == {}
    directory.close()


def test_the_redaction_key_is_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    directory.open()
    key = directory.make_redaction_key()
    assert len(key) == 32
    assert directory.make_redaction_key() == key
    assert directory.redaction_key.stat().st_mode & 0o777 == 0o600
    assert directory.path.stat().st_mode & 0o777 == 0o700
    directory.close()
