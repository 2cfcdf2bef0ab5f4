"""The demo: the seeded company through the whole system, and its summary."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded.directory import DataDirectory
from operations import demo as demo_command
from operations import demo_sources
from operations.console import console
from sandbox.company import SMALL
from sandbox.vendors.estate import NAMES
from schemas.errors import ConfigurationError, FatalError

SEED = 5


@pytest.fixture(autouse=True)
def address_of_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "")


@pytest.mark.slow
def test_the_demo_accounts_for_all_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_sources, "ARRIVALS", 3)
    monkeypatch.setattr(demo_sources, "HAPPENINGS", 20)
    monkeypatch.setattr(console, "_width", 200)
    path = tmp_path / "demo"
    path.mkdir()
    (path / demo_command.MARKER).write_text("{}")
    (path / "left-over").write_text("of an earlier demo")

    with console.capture() as said:
        figures = demo_command.demo(DataDirectory(path), SEED, SMALL, replace=True)

    assert [line for one in figures.readings for line in one.differences] == []
    assert {one.source for one in figures.readings} == set(NAMES)
    assert all(one.there == one.held for one in figures.readings)
    assert {one.source for one in figures.reconciled} == set(NAMES)
    assert all(one.there == one.held for one in figures.reconciled), figures.reconciled
    ended = {
        name: sum(row[name] for row in figures.accounting)
        for name in ("messages", "accepted", "duplicates", "dead_letters", "lost_duplicates")
    }
    assert ended["messages"] == ended["accepted"] + ended["duplicates"] + ended["dead_letters"]
    assert (ended["dead_letters"], ended["lost_duplicates"]) == (1, 0), "the unreadable event"
    assert figures.rows["raw.changes"] == ended["accepted"]
    assert sum(figures.happened.values()) == 20 + 3
    assert figures.timeline
    assert figures.email.precision == figures.phone.precision == figures.pairs.precision == 1.0
    assert figures.email.rate > 0.9
    assert figures.phone.rate > 0.85
    assert len(figures.speed.arrivals) == 3
    text = said.get()
    for words in (
        "records are as their vendors have them now",
        "100 % of the",
        "source objects are present",
        "an event of no kind that we know",
        "sales.account_timeline of",
        "raw.changes",
        "e-mail participants",
        "a second",
        f"up --data {path}",
    ):
        assert words in text
    assert not (path / "left-over").exists()
    assert json.loads((path / demo_command.MARKER).read_text())["seed"] == SEED
    holder = DataDirectory(path)
    holder.open()
    holder.close()
    with demo_command._fresh(path, replace=False):
        assert not (path / "company").exists(), "as its demo left it, it is replaced"


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A directory as a demo leaves it."""
    directory = DataDirectory(tmp_path / "demo")
    directory.open()
    (directory.path / "company").mkdir()
    (directory.path / "company" / "truth.json").write_text("{}")
    directory.close()
    demo_command._mark(directory.path, {"seed": 1, "left": demo_command._state(directory.path)})
    return directory.path


def test_a_directory_as_its_demo_left_it_is_replaced_and_is_for_nobody_else(left: Path) -> None:
    looking = DataDirectory(left)  # As the doctor does.
    looking.open()
    looking.close()
    assert demo_command._marked(left) == demo_command._state(left)
    new = left.with_name("new")
    with demo_command._fresh(new, replace=False):
        assert stat.S_IMODE(new.stat().st_mode) == 0o700
        with pytest.raises(FatalError, match="is in use"):
            DataDirectory(new).open()


@pytest.mark.parametrize(
    "use",
    [
        lambda path: (path / "mine.csv").write_text("mine"),
        lambda path: (path / "company" / "mine").mkdir(),
        lambda path: (path / "company" / "truth.json").write_text("{ }"),
        lambda path: (path / "warehouse" / "data.duckdb").write_bytes(b"rows"),
        lambda path: DataDirectory(path).write_health({}),
        lambda path: (path / demo_command.MARKER).write_text('{"seed": 1}'),
        lambda path: (path / demo_command.MARKER).write_text("no JSON"),
        lambda path: (path / "company" / "truth.json").unlink(),
    ],
)
def test_a_demo_directory_that_was_used_since_is_replaced_only_where_that_is_said(
    left: Path, use: Callable[[Path], object]
) -> None:
    use(left)
    before = sorted(left.rglob("*"))
    with pytest.raises(ConfigurationError, match=r"not as its demo left it.*--yes"):
        demo_command.demo(DataDirectory(left), SEED, SMALL)
    assert sorted(left.rglob("*")) == sorted({*before, left / "run" / "lock"})
    with demo_command._fresh(left, replace=True):
        assert not (left / "mine.csv").exists()
        assert {path.name for path in left.rglob("*")} >= {"run", "lock", "demo.json"}
        assert not (left / "company").exists()
        assert not (left / "run" / "health.json").exists()


def test_a_directory_that_no_demo_has_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(ConfigurationError, match="no demo has made"):
        demo_command.demo(DataDirectory(tmp_path), SEED, SMALL)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_demo_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / demo_command.MARKER).write_text("{}")
    user = DataDirectory(tmp_path)
    user.open()
    with pytest.raises(Exception, match="is in use"):
        demo_command.demo(DataDirectory(tmp_path), SEED, SMALL)
    assert (tmp_path / demo_command.MARKER).exists()
    user.close()
