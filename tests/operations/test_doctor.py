"""The doctor: every check finds what is well and what is not, and changes nothing."""

import json
import os
import socket
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from connectors.finding import Finding
from embedded.directory import DataDirectory, Stack
from operations import doctor as checks
from operations.doctor import doctor


class Disk(NamedTuple):
    free: int


def holds(finding: Finding) -> bool:
    """Well, or else with a fix."""
    return finding.ok or bool(finding.fix)


@pytest.mark.parametrize("found", [(3, 11), (3, 12)])
def test_a_python_that_we_know_is_well(found: tuple[int, int]) -> None:
    assert checks.check_python(found).ok


@pytest.mark.parametrize("found", [(2, 7), (3, 10), (3, 13), (4, 0)])
def test_another_python_is_not(found: tuple[int, int]) -> None:
    finding = checks.check_python(found)
    assert not finding.ok
    assert finding.found == f"{found[0]}.{found[1]}"
    assert "3.11" in finding.fix


def test_packages_as_locked_are_well_and_other_systems_lines_do_not_count(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(
        f"# a lock\ntyper=={version('typer')} \\\n    --hash=sha256:00\n"
        "no-such-package==1.0 ; sys_platform == 'win32'\n"
        "no-such-package==1.0 ; platform_system == 'Windows'\n"
        "no-such-package==1.0 ; python_full_version < '3.11'\n"
    )
    assert checks.check_packages(lock).ok


def test_packages_that_are_missing_or_of_another_version_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("typer==0.0.1\nno-such-package==1.0\n")
    finding = checks.check_packages(lock)
    assert not finding.ok
    assert f"typer {version('typer')} instead of 0.0.1" in finding.found
    assert "no-such-package is missing" in finding.found
    assert finding.fix == "make setup"


def test_without_a_lock_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert checks.check_packages(tmp_path / "none.txt").ok


@pytest.mark.parametrize(("free", "ok"), [(3_000_000_000, True), (1_000_000_000, False)])
def test_free_space_is_measured_where_the_data_will_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, ok: bool
) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> Disk:
        asked.append(path)
        return Disk(free)

    monkeypatch.setattr("shutil.disk_usage", usage)
    finding = checks.check_disk(tmp_path / "not" / "yet" / "there")
    assert finding.ok is ok
    assert holds(finding)
    assert asked == [tmp_path.resolve()]
    assert finding.found == f"{free / 1e9:.1f} GB free"


@pytest.mark.parametrize(
    ("content", "ok"),
    [
        ("MemTotal: 9 kB\nMemAvailable:    4000000 kB\n", True),
        ("MemAvailable:  1000 kB\n", False),
        ("nothing known\n", False),
    ],
)
def test_memory_that_is_available_is_read(tmp_path: Path, content: str, ok: bool) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(content)
    finding = checks.check_memory(meminfo)
    assert finding.ok is ok
    assert holds(finding)


def test_memory_is_unknown_on_other_systems(tmp_path: Path) -> None:
    assert checks.check_memory(tmp_path / "none") == Finding(
        "memory", True, "unknown on this system"
    )


def test_servers_may_listen_here() -> None:
    assert checks.check_ports().ok


def test_servers_that_may_not_listen_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: socket.socket, address: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket.socket, "bind", refused)
    finding = checks.check_ports()
    assert not finding.ok
    assert finding.fix


def test_no_settings_are_well_and_say_what_that_means() -> None:
    finding = checks.check_settings(None)
    assert finding.ok
    assert "defaults" in finding.found
    assert "own_domains is empty" in finding.found


def test_settings_with_domains_of_our_own_are_well(tmp_path: Path) -> None:
    path = tmp_path / "salesintel.toml"
    path.write_text('own_domains = ["ours.example"]\n')
    assert checks.check_settings(path) == Finding("settings", True, str(path))


@pytest.mark.parametrize("content", [None, b"own_domains = ", b"own_domains = 7", b"\xff"])
def test_settings_that_cannot_be_read_are_not(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "salesintel.toml"
    if content is not None:
        path.write_bytes(content)
    finding = checks.check_settings(path)
    assert not finding.ok
    assert str(path) in finding.found
    assert finding.fix


def test_a_data_directory_that_is_not_there_will_be_made_and_is_not_made_here(
    tmp_path: Path,
) -> None:
    finding = checks.check_directory(DataDirectory(tmp_path / "new" / "stack"))
    assert finding.ok
    assert "will be made" in finding.found
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_data_directory_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    assert checks.check_directory(DataDirectory(tmp_path)).ok
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_place_of_the_data_directory_is_found(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    for wanted in (path, path / "below"):
        finding = checks.check_directory(DataDirectory(wanted))
        assert not finding.ok
        assert finding.fix


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    made = DataDirectory(tmp_path / "stack")
    made.open()
    made.close()
    return made


def test_a_data_directory_that_nobody_uses_is_well_and_left_free(directory: DataDirectory) -> None:
    finding = checks.check_directory(directory)
    assert finding.ok
    assert "not in use" in finding.found
    directory.open()
    directory.close()


def test_a_data_directory_with_a_running_stack_is_well(directory: DataDirectory) -> None:
    directory.open()
    directory.publish(Stack(pid=os.getpid(), project="p", pubsub="", rest="", grpc=""))
    finding = checks.check_directory(DataDirectory(directory.path))
    directory.close()
    assert finding.ok
    assert f"process {os.getpid()}" in finding.found


def test_a_data_directory_that_is_held_while_its_stack_starts_is_not(
    directory: DataDirectory,
) -> None:
    directory.open()
    finding = checks.check_directory(DataDirectory(directory.path))
    directory.close()
    assert not finding.ok
    assert "is in use" in finding.found


def test_a_data_directory_of_a_newer_version_is_not(directory: DataDirectory) -> None:
    (directory.path / "format.json").write_text(json.dumps({"format": 99}))
    finding = checks.check_directory(directory)
    assert not finding.ok
    assert "has format 99" in finding.found


def test_the_doctor_prints_every_check_and_says_whether_all_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "check_packages", lambda: Finding("packages", True, "as locked"))
    monkeypatch.setattr(checks, "check_disk", lambda path: Finding("disk", True, "much"))
    monkeypatch.setattr(checks, "check_memory", lambda: Finding("memory", True, "much"))
    directory = DataDirectory(tmp_path / "stack")
    assert doctor(directory, None)
    shown = capsys.readouterr().out
    assert all(
        name in shown
        for name in ("Python", "packages", "disk", "memory", "ports", "settings", "data")
    )
    assert "mend the file" not in shown, "a fix is only shown where one is needed"
    assert not doctor(directory, tmp_path / "[none].toml")
    assert "mend" in capsys.readouterr().out
