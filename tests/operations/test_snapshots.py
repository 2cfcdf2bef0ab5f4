"""Snapshots of a stack that runs or is stopped, and what comes back of them."""

import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from small_stack import SmallStack
from typer.testing import CliRunner, Result

from connectors.cursors.sqlite import SqliteCursorStore
from connectors.objects import FolderStore
from embedded.copies import unpack
from embedded.directory import DataDirectory
from embedded.manifest import NAME
from operations import cli
from operations.privacy.restoring_erasures import erasures_of_directory, erasures_of_file
from schemas.clock import wall_clock
from schemas.errors import ConfigurationError
from schemas.operations import Erasure, Run
from schemas.topology import DECISIONS_SUBSCRIPTION, PIPELINE_SUBSCRIPTIONS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("snapshots")]


def erasure(name: str, asked_at: int) -> Erasure:
    return Erasure(
        erasure_id=name,
        part=0,
        marks=(name[0] * 32,),
        asked_at=asked_at,
        asked_by="officer",
        reason="case 1",
        is_lifted=False,
        message_id=f"m-{name}",
        publish_time=asked_at,
        written_at=asked_at,
    )


def run(status: str, run_id: str = "r") -> Run:
    return Run(
        run_id=run_id,
        command="import",
        status=status,
        started_at=wall_clock(),
        noted_at=wall_clock(),
        noted_date=20_000,
        changes=0,
        skipped=0,
        failed=0,
    )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallStack]:
    made = SmallStack(tmp_path_factory.mktemp("kept") / "data")
    made.start()
    # No pipeline is there to say how far it is.
    names = [one.name for one in (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION)]
    made.directory.marks.write_text(json.dumps({f"p/{name}": 2**52 for name in names}))
    made.directory.make_redaction_key()
    (made.directory.path / "salesintel.toml").write_text('own_domains = ["own.example"]\n')
    FolderStore(made.directory.objects).put("payloads/one", b"large")
    made.write([erasure("a", 1_000_000), run("succeeded", "done"), run("running", "open")])
    yield made
    made.stop()


@pytest.fixture(scope="module")
def archive(stack: SmallStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `snapshot` makes while the stack runs."""
    out = tmp_path_factory.mktemp("snapshot") / "kept.tar.gz"
    kept = stack.call("snapshot", out)
    assert kept.exit_code == 0, kept.output
    assert "while the stack ran" in " ".join(kept.stdout.split())
    assert "redaction.key, salesintel.toml" in " ".join(kept.stdout.split())
    assert [path.name for path in out.parent.iterdir()] == [out.name], "nothing is left beside it"
    return out


@pytest.fixture
def folder(archive: Path, tmp_path: Path) -> Path:
    """The same as a folder, to be changed."""
    out = tmp_path / "kept"
    unpack(archive, out)
    return out


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [*map(str, arguments)], catch_exceptions=False)


def restored(path: Path) -> SmallStack:
    """The restored directory as a stack of its own, started."""
    back = SmallStack(path)
    back.start()
    return back


def rows_of(stack: SmallStack, table: str) -> list[dict[str, object]]:
    return stack.ask(f"SELECT * FROM `{table}`")


def test_what_is_kept_while_the_stack_runs_comes_back_whole(
    stack: SmallStack, archive: Path, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere" / "data"
    assert archive.stat().st_mode & 0o077 == 0, "for nobody else to read"
    with tarfile.open(archive) as kept:
        assert kept.getnames()[0] == NAME
        assert not any(name.startswith("logs") for name in kept.getnames())
    before = {table: rows_of(stack, table) for table in ("ops.erasures", "ops.runs")}

    back = call("restore", archive, "--data", target)
    assert back.exit_code == 0, back.output
    assert "equal" in back.stdout
    assert target.stat().st_mode & 0o077 == 0
    assert (target / "redaction.key").read_bytes() == stack.directory.make_redaction_key()
    assert FolderStore(target / "objects").get("folder:payloads/one") == b"large"
    assert json.loads((target / "run" / "low-water-marks.json").read_text())
    again = restored(target)
    try:
        assert rows_of(again, "ops.erasures") == before["ops.erasures"]
        ended = {row["run_id"]: row for row in rows_of(again, "ops.runs")}
        assert {row["status"] for row in ended.values()} == {"succeeded", "stopped"}
        assert ended["open"]["error_message"] == "the snapshot was taken while it ran"
        assert len(ended) == len({row["run_id"] for row in before["ops.runs"]})
    finally:
        again.stop()


def test_who_was_erased_since_then_stays_erased(
    stack: SmallStack, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    treated = list[Path]()

    def leaves_something(directory: DataDirectory) -> bool:
        treated.append(directory.path)
        return False

    monkeypatch.setattr("operations.restore.apply_erasures", leaves_something)
    out, file = folder, tmp_path / "erasures.json"
    stack.write([erasure("b", wall_clock())])
    both = erasures_of_directory(stack.directory.path)
    assert {one.erasure_id for one in both or ()} == {"a", "b"}
    limit = ("--format", "json", "--limit", 1_000_000)
    file.write_text(stack.call("query", "ops.erasures", *limit).stdout)
    back = call("restore", out, "--data", tmp_path / "one", "--erasures", file)
    shown = " ".join(back.stdout.split())
    assert "1 erasures that are newer were taken over from the file" in shown
    assert (back.exit_code, "still stands in the restored tables" in shown) == (1, True)
    assert treated == [tmp_path / "one.restoring"], "before anyone can read it"
    found = erasures_of_directory(tmp_path / "one")
    assert sorted(found or (), key=repr) == sorted(both or (), key=repr)


def without_its_source(folder: Path, **changed: object) -> None:
    """The directory that the snapshot was taken of is gone."""
    manifest = json.loads((folder / NAME).read_text())
    manifest |= {"source": str(folder / "gone"), **changed}
    (folder / NAME).write_text(json.dumps(manifest))


def test_where_nobody_knows_who_was_erased_nothing_comes_back_unless_it_is_asked_for(
    folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "two"
    without_its_source(folder)
    refused = call("restore", folder, "--data", target)
    said = " ".join(refused.stderr.split())
    assert (refused.exit_code, target.exists()) == (2, False)
    assert "NOBODY KNOWS WHO WAS ERASED SINCE THEN" in said
    assert "--without-erasures" in said
    back = call("restore", folder, "--data", target, "--without-erasures")
    assert (back.exit_code, target.exists()) == (0, True)
    assert "NOBODY KNOWS WHO WAS ERASED SINCE THEN" in " ".join(back.stdout.split())


def test_a_directory_that_was_begun_anew_knows_of_no_erasure(folder: Path, tmp_path: Path) -> None:
    anew = SmallStack(tmp_path / "anew")
    anew.start()
    anew.directory.make_redaction_key()
    anew.stop()
    # Before the first erasure it would know as much as the snapshot: it has another key.
    for until in (1_000_000, 0):
        without_its_source(folder, erased_until=until)
        refused = call("restore", folder, "--data", anew.directory.path, "--yes")
        assert (refused.exit_code, "NOBODY KNOWS" in refused.stderr) == (2, True)
    # One of the same system that knows less than the snapshot tells nothing either.
    shutil.copy(folder / "redaction.key", anew.directory.redaction_key)
    without_its_source(folder, erased_until=1_000_000)
    assert call("restore", folder, "--data", anew.directory.path, "--yes").exit_code == 2
    assert [path.name for path in tmp_path.glob("anew*")] == ["anew"], "nothing was moved"


def test_a_file_that_is_empty_or_older_than_the_snapshot_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    file, target = tmp_path / "erasures.json", tmp_path / "three"
    refusals = (("", "is empty"), ("\n", "is empty"), ("[]", "is older than the snapshot"))
    for text, reason in refusals:
        file.write_text(text)
        refused = call("restore", folder, "--data", target, "--erasures", file)
        assert (refused.exit_code, target.exists()) == (2, False)
        assert reason in " ".join(refused.stderr.split())


def test_a_file_of_erasures_is_a_list_or_lines_and_nothing_else(tmp_path: Path) -> None:
    file, row = tmp_path / "erasures.json", erasure("a", 1_000_000)
    moment = "1970-01-01T00:00:01Z"
    said = {**msgspec.structs.asdict(row), "asked_at": moment, "publish_time": moment}
    line = json.dumps({**said, "written_at": moment})
    for text in (line, f"{line}\n", f"[{line}]", f"[\n{line}\n]\n"):
        file.write_text(text)
        assert erasures_of_file(file) == [row]
    for text in ('{"no": "erasure"}', "[1]", "no JSON", line.replace(moment, "yesterday")):
        file.write_text(text)
        with pytest.raises(ConfigurationError, match=r"holds no rows of ops\.erasures"):
            erasures_of_file(file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        erasures_of_file(tmp_path / "none")
    assert erasures_of_directory(tmp_path) is None


def test_a_stopped_stack_is_kept_and_what_was_there_is_moved_aside(tmp_path: Path) -> None:
    stack = SmallStack(tmp_path / "data")
    stack.start()
    stack.directory.make_redaction_key()
    stack.write([erasure("a", 1_000_000)])
    SqliteCursorStore(stack.directory.path / "cursors.db").write("gmail:a", {"id": 7}, 0)
    stack.stop()
    out = tmp_path / "kept"
    kept = call("snapshot", out, "--data", stack.directory.path)
    assert kept.exit_code == 0, kept.output
    assert "of a stack that was stopped" in " ".join(kept.stdout.split())
    assert call("snapshot", out, "--data", stack.directory.path).exit_code == 2, "it is there"

    refused = call("restore", out, "--data", stack.directory.path)
    assert refused.exit_code == 2
    assert "is not empty" in refused.stderr
    marker = stack.directory.path / "marker"
    marker.write_text("of before")
    done = call("restore", out, "--data", stack.directory.path, "--yes")
    assert done.exit_code == 0, done.output
    [aside] = tmp_path.glob("data.before-*")
    assert (aside / "marker").read_text() == "of before"
    assert not marker.exists()
    assert SqliteCursorStore(stack.directory.path / "cursors.db").read("gmail:a").cursor == {
        "id": 7
    }


def test_a_snapshot_that_was_changed_is_refused_and_nothing_is_put_in_place(
    folder: Path, tmp_path: Path
) -> None:
    out, target = folder, tmp_path / "target"
    manifest = (out / NAME).read_bytes()

    def refusal(changed: dict[str, object] | None = None) -> str:
        if changed is not None:
            (out / NAME).write_bytes(
                msgspec.json.encode({**msgspec.json.decode(manifest), **changed})
            )
        found = call("restore", out, "--data", target)
        assert found.exit_code == 2
        assert not target.exists()
        assert not target.with_name("target.restoring").exists()
        return " ".join(found.stderr.split())

    assert "has format 2, this version knows 1 at most" in refusal({"format": 2})
    assert "has format 9, this version knows 1 at most" in refusal({"data_format": 9})
    tables = msgspec.json.decode(manifest)["tables"]
    tables["ops.erasures"]["checksum"] = "0"
    assert "do not hold what the manifest says: ops.erasures" in refusal({"tables": tables})
    (out / NAME).write_bytes(manifest)
    (out / "redaction.key").write_bytes(b"another")
    assert "is not as its manifest has it: redaction.key" in refusal()
    shutil.rmtree(out)
    assert call("restore", out, "--data", target).exit_code == 2
    assert call("snapshot", out, "--data", tmp_path / "nothing").exit_code == 2
