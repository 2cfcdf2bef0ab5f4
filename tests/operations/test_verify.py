"""`salesintel verify` on a warehouse: what it finds, and with which exit code."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import google.auth
import msgspec
import pytest
from google.auth.credentials import AnonymousCredentials
from small_stack import SmallStack, small_stack
from typer.testing import CliRunner, Result
from watched_rows import a_change, a_letter, a_result, a_run

from operations import cli, config, verify
from operations.place import place_of
from operations.verification import asking
from schemas.clock import DAY_US, wall_clock
from schemas.columns import Row
from schemas.errors import ConfigurationError, RetriableError
from schemas.operations import SourceCount
from warehouse.clients import Endpoint

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching")]

TABLES = ("raw.changes", "ops.dead_letters", "ops.runs", "ops.quality", "ops.source_counts")
SUBSCRIPTION = "projects/local/subscriptions/pipeline-changes-hubspot"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallStack]:
    with small_stack(tmp_path_factory.mktemp("verified") / "data") as made:
        yield made


@pytest.fixture
def settings(stack: SmallStack, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "salesintel.toml"
    path.write_text('[sources.hubspot]\ntoken = "env:NONE"\n')
    stack.process("pipeline")
    mark(stack, 0)
    yield path
    stack.empty(*TABLES)


def mark(stack: SmallStack, seconds: int) -> None:
    """How far behind the pipeline says that it is."""
    stack.directory.marks.write_text(json.dumps({SUBSCRIPTION: wall_clock() - seconds * 1_000_000}))


def of_source(run: Row) -> Row:
    return msgspec.structs.replace(run, detail='{"source": "hubspot"}')


def a_count(records: int) -> SourceCount:
    now = wall_clock()
    return SourceCount(
        counted_at=now,
        counted_date=now // DAY_US,
        source="hubspot",
        object_type="contact",
        records=records,
        method="count",
        run_id="n",
    )


def well() -> list[Row]:
    """What a deployment has written that does what it should."""
    return [
        *(a_change(f"hubspot:contact:{number}") for number in range(20)),
        of_source(a_run("poll", "succeeded", 30)),
        of_source(a_run("nightly", "succeeded", 60)),
        a_result(passed=True),
        a_count(0),
    ]


def verified(
    stack: SmallStack, settings: Path, within: str = "1h"
) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and each check by its name."""
    options = ("--within", within, "--format", "json", "--settings", settings)
    result = stack.call("verify", *options)
    return result.exit_code, {one["check"]: one for one in json.loads(result.stdout)}


def not_holding(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: one["outcome"] for name, one in found.items() if one["outcome"] != "holds"}


def test_a_deployment_that_does_what_it_should_ends_with_0_and_says_so_in_its_run(
    stack: SmallStack, settings: Path
) -> None:
    stack.write(well())
    code, found = verified(stack, settings)
    # There is no mail, and nobody of a CRM to match one with.
    assert (code, not_holding(found)) == (0, {"match_rate": "not applicable yet"})
    assert {"source_silence_h", "polls_that_succeeded", "duplicates", "seconds_behind"} <= set(
        found
    )
    shown = stack.call("verify", "--settings", settings)
    assert shown.exit_code == 0
    assert "0 amiss, 0 that cannot be told, 1 not applicable yet, of" in shown.stdout
    assert "not applicable yet: match_rate: there is nobody to find" in shown.stdout
    runs = stack.ask("SELECT command, status FROM `ops.runs` WHERE command = 'verify'")
    assert {row["status"] for row in runs} == {"running", "succeeded"}


def test_a_stream_that_takes_nothing_is_amiss_though_its_rows_of_before_look_well(
    stack: SmallStack, settings: Path
) -> None:
    def published(ago_s: int, changes: int = 3) -> Row:
        return msgspec.structs.replace(
            of_source(a_run("poll", "succeeded", ago_s)), changes=changes
        )

    def checked(*rows: Row) -> dict[str, Any]:
        stack.empty("raw.changes", "ops.runs")
        stack.write([*well(), *rows])
        return verified(stack, settings)[1].get("published_and_not_here_s", {})

    # Five minutes are what a message may take.
    assert checked(published(30)) == {}
    assert checked(published(400, changes=0)) == {}
    assert checked(published(400))["outcome"] == "holds"
    old = [a_change(f"hubspot:contact:{number}", ago_s=3_000) for number in range(20)]
    stack.empty("raw.changes", "ops.runs")
    stack.write([*old, *well()[20:], published(400)])
    code, found = verified(stack, settings)
    assert code == 1
    assert not_holding(found)["published_and_not_here_s"] == "amiss"
    assert 2_590 <= found["published_and_not_here_s"]["figure"] <= 2_610
    # What comes again, and what cannot be read, has come.
    stack.write([msgspec.structs.replace(a_letter(1), publish_time=wall_clock())])
    assert verified(stack, settings)[1]["published_and_not_here_s"]["outcome"] == "holds"
    stack.empty("raw.changes", "ops.dead_letters")
    _, found = verified(stack, settings)
    assert not_holding(found)["published_and_not_here_s"] == "amiss"


def test_the_success_of_another_source_makes_no_failure_good(
    stack: SmallStack, settings: Path
) -> None:
    failed = of_source(a_run("nightly", "failed", 50, "KeyError"))
    other = msgspec.structs.replace(a_run("nightly", "succeeded", 40), detail='{"source": "gmail"}')
    stack.write([*well(), failed, other])
    code, found = verified(stack, settings)
    assert code == 1
    assert found["failed_runs"]["outcome"] == "amiss"
    assert found["failed_runs"]["action"].startswith("nightly hubspot: start it again")
    stack.write([of_source(a_run("nightly", "succeeded", 30))])
    assert verified(stack, settings)[1]["failed_runs"]["outcome"] == "holds"


def test_whatever_is_amiss_is_found_and_ends_with_1(stack: SmallStack, settings: Path) -> None:
    stack.write(
        [
            a_change("hubspot:contact:1", ago_s=100 * 3_600),
            *(a_letter(number) for number in range(6)),
            a_run("import", "running", 1_200),
            a_run("rebuild", "failed", 60, "KeyError"),
            a_result(passed=False),
        ]
    )
    stack.process("pipeline", given_up=True)
    mark(stack, 400)
    code, found = verified(stack, settings)
    assert code == 1
    assert {name for name, outcome in not_holding(found).items() if outcome == "amiss"} == {
        "process_runs",
        "seconds_behind",
        "source_silence_h",
        "polls_that_succeeded",
        "error_ratio",
        "open_retriable_letters",
        "lost_runs",
        "failed_runs",
        "quality_errors",
    }
    assert all(one["action"] for one in found.values() if one["outcome"] != "holds")
    # Of several that bear one name the last is in `found`: each is told.
    table = stack.call("verify", "--within", "1h", "--settings", settings).stdout
    for name, one in found.items():
        if one["outcome"] != "holds":
            about = f" of {one['about']}" if one["about"] else ""
            assert f"{one['outcome']}: {name}{about}: {one['action']}" in table.splitlines()


def test_a_day_later_the_night_the_counts_and_the_matches_are_asked_for_too(
    stack: SmallStack, settings: Path
) -> None:
    stack.write([*well(), a_count(5)])
    code, found = verified(stack, settings, "24h")
    assert code == 1
    # Five contacts are counted and no row of a person is there.
    assert not_holding(found) == {"lacking_share": "amiss", "match_rate": "not applicable yet"}
    assert found["nights"]["outcome"] == "holds"


def test_what_gets_no_answer_is_unknown_and_ends_with_2(
    stack: SmallStack, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.write(well())

    def late(*given: Any, **more: Any) -> Any:
        raise RetriableError("the warehouse took longer than 300 s")

    monkeypatch.setattr(asking, "run_own", late)
    code, found = verified(stack, settings)
    assert code == 2
    unanswered = ("polls_that_succeeded", "published_and_not_here_s", "duplicates")
    expected = dict.fromkeys(unanswered, "unknown") | {"match_rate": "not applicable yet"}
    assert not_holding(found) == expected
    assert "longer than 300 s" in found["duplicates"]["action"]


def test_a_warehouse_that_takes_no_row_leaves_everything_unknown(
    stack: SmallStack, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*given: Any) -> Any:
        raise RetriableError("the warehouse takes no rows")

    monkeypatch.setattr(verify, "noted_run", away)
    result = stack.call("verify", "--settings", settings)
    assert result.exit_code == 2
    assert "nothing can be told: the warehouse takes no rows" in result.stderr


def test_a_window_or_a_format_that_there_is_not_is_refused(
    stack: SmallStack, settings: Path
) -> None:
    for options, words in ((("--within", "2h"), "1h, 24h, 7d"), (("--format", "xml"), "csv")):
        result = stack.call("verify", *options, "--settings", settings)
        assert result.exit_code == 2
        assert words in result.stderr


def test_the_project_of_the_environment_is_meant_and_no_stack_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(config.PROJECT_VARIABLE, "the-project")
    assert place_of(None).reached().endpoint == Endpoint(project="the-project")
    with pytest.raises(ConfigurationError, match="no stack runs"):
        place_of(tmp_path / "none").reached()
    monkeypatch.setenv(config.PROJECT_VARIABLE, "")
    monkeypatch.setenv(config.DATA_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="no stack runs"):
        place_of(None).reached()


@pytest.fixture
def cloud(
    stack: SmallStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SmallStack]:
    """The embedded warehouse where the client looks for Google's, for one who is signed in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(config.PROJECT_VARIABLE, stack.stack.project)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", stack.stack.rest)
    monkeypatch.setattr(google.auth, "default", lambda **more: (AnonymousCredentials(), None))
    stack.write([a_change("hubspot:contact:1")])
    yield stack
    stack.empty(*TABLES)


def typed(*arguments: str) -> Result:
    """Without a data directory, as a container is started."""
    return CliRunner().invoke(cli.app, arguments, catch_exceptions=False)


def test_figures_and_checks_are_those_of_the_project(
    cloud: SmallStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = typed("figures")
    assert figures.exit_code == 0
    assert '"source":"hubspot"' in figures.stdout

    @contextmanager
    def unnoted(endpoint: Endpoint, command: str, detail: Any) -> Iterator[SimpleNamespace]:
        assert (endpoint, command) == (Endpoint(project=cloud.stack.project), "verify")
        yield SimpleNamespace(detail=dict(detail))

    monkeypatch.setattr(verify, "noted_run", unnoted)
    checked = typed("verify", "--format", "json")
    found = {one["check"]: one["outcome"] for one in json.loads(checked.stdout)}
    assert checked.exit_code == 0, checked.stdout
    assert found["source_silence_h"] == found["duplicates"] == "holds"
    assert not {"process_runs", "seconds_behind"} & set(found)
