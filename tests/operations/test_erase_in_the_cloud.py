"""A person is erased, exported and kept away in the cloud: real clients of BigQuery, Pub/Sub, Cloud
Storage and Secret Manager against servers on this machine. What the stream does with an order is
done by the parts of its graph; time passes when somebody waits."""

import itertools
import json
import stat
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from cloud_project import Services, cloud_services, secret, typed
from erased_project import (
    ADDRESS,
    ANN,
    BO,
    EXECUTED,
    HERS,
    KEY,
    ORPHAN,
    OTHERS,
    WRITTEN,
    Stream,
    copies,
    naming_ann,
    rows_of,
    rows_of_two,
    statuses,
)
from watched_rows import a_result

from connectors.erasable_bucket import erasable_bucket
from operations import config
from operations.privacy import surroundings
from operations.privacy.erasing_there import InTheCloud
from schemas.clock import wall_clock
from schemas.errors import ConfigurationError, RetriableError
from schemas.identity import Link
from schemas.operations import Erasure
from schemas.tables import BY_ID
from transforms.erasure import mark_of_key
from transforms.traces import Spot, Trace, Traces
from warehouse import compaction
from warehouse.clock import WarehouseClock
from warehouse.compacting import compact_noted
from warehouse.erasures import HELD_AGAINST_S
from warehouse.other_runs import CHECKS, COMPACTIONS, LOOKS_EVERY_S, OtherRuns, Watched
from warehouse.runs import RunNotes, noted_run
from warehouse.settling import SETTLED_S, settled

exhaustive = pytest.mark.exhaustive
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching")]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with cloud_services(tmp_path_factory.mktemp("project")) as services:
        yield services


@pytest.fixture
def stream(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    """The project with Ann and Bo in it, and the variables of who erases there."""
    stream = Stream(services)
    services.secrets.values[secret("redaction-key")] = KEY
    services.storage.hold("salesintel.toml", b'own_domains = ["own.example"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(config.PROJECT_VARIABLE, services.stack.stack.project)
    monkeypatch.setenv(config.OBJECTS_VARIABLE, "gs://prod-objects")
    monkeypatch.setenv(config.SETTINGS_VARIABLE, "gs://prod-config/salesintel.toml")
    monkeypatch.setenv(config.REDACTION_KEY_VARIABLE, secret("redaction-key"))
    there = partial(InTheCloud, clock=stream, sleep=stream.sleep)
    monkeypatch.setattr(surroundings, "InTheCloud", there)
    services.storage.hold(HERS, b'{"firstname": "Ann"}')
    services.storage.hold(ORPHAN, f"To: Ann <{ADDRESS}>".encode())
    services.storage.hold(OTHERS, b"To: bo@acme.test")
    services.stack.write(rows_of_two())
    yield stream
    services.storage.blobs.clear()
    services.stack.empty(*WRITTEN)


def test_a_person_goes_from_tables_copies_and_bucket_and_does_not_come_back(
    services: Services, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compact() -> None:
        compact_noted(services.stack.endpoint, settled, small=1)
        assert copies(services) == ["Ann Lee", "Bo Ray"]

    # One table keeps the test short.
    monkeypatch.setattr(compaction, "COMPACTED", (BY_ID["sales.people"],))
    before = ["raw.changes", "sales.people", "identity.records", "identity.links", HERS, ORPHAN]
    assert naming_ann(services) == before
    # The schedule starts one while writers are waited for.
    stream.meanwhile = compact
    done = typed(*EXECUTED)
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "every payload in the bucket found them before and finds nothing now" in said
    assert "time travel until" in said and "data directory" not in said
    assert ADDRESS not in done.output
    assert naming_ann(services) == []
    assert set(services.storage.blobs) == {OTHERS, "salesintel.toml"}
    assert copies(services) == []
    people = services.stack.ask("SELECT full_name FROM `sales.people_latest`")
    assert people == [{"full_name": "Bo Ray"}]
    # The second round has no new marks, and waits for nobody.
    assert abs(stream.waited - HELD_AGAINST_S) < 60
    orders = services.stack.ask("SELECT reason, asked_by FROM `ops.erasures`")
    assert orders == [{"reason": "case 7", "asked_by": "dpo"}] * 2
    noted = services.stack.ask("SELECT outcome, actor FROM `ops.audit` ORDER BY noted_at")
    assert [tuple(one.values()) for one in noted] == [("begun", "dpo"), ("succeeded", "dpo")]
    # The marks are made with the stream's own key.
    stream.write(tuple(rows_of_two()))
    assert naming_ann(services) == []


@pytest.mark.exhaustive
def test_what_was_broken_off_goes_on_without_a_wait_that_is_over(
    services: Services, stream: Stream
) -> None:
    before = naming_ann(services)
    shown = typed("erase", "--email", ADDRESS)
    assert "Nothing has been done" in shown.stdout, shown.output
    assert ADDRESS not in shown.output
    assert naming_ann(services) == before

    def interrupt() -> None:
        raise KeyboardInterrupt

    def soon() -> None:
        stream.meanwhile = interrupt

    stream.meanwhile = soon
    assert typed(*EXECUTED).exit_code == 130
    assert "raw.changes" in naming_ann(services)
    stream.advance(SETTLED_S + HELD_AGAINST_S)
    stream.waited = 0
    done = typed(*EXECUTED)
    assert done.exit_code == 0, done.output
    assert stream.waited < 60
    assert naming_ann(services) == []
    assert statuses(services) == ["stopped", "succeeded"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("nth", [1, 2])
def test_what_is_broken_off_in_the_bucket_is_begun_again_with_all_that_they_are_known_by(
    services: Services, stream: Stream, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    other = "ann@home.test"
    *rows, link = rows_of("hubspot:contact:3", "Ann Lee", other, None)
    assert isinstance(link, Link)
    services.stack.write([*rows, msgspec.structs.replace(link, entity_id="entity-1")])
    services.storage.hold(ORPHAN, f"To: {other}".encode())
    scrub, calls = InTheCloud.scrub, itertools.count(1)

    def broken(self: InTheCloud, traces: Traces, changes: Collection[str]) -> None:
        if next(calls) == nth:
            services.storage.hold(ORPHAN, f"To: {other}".encode())
            raise KeyboardInterrupt
        scrub(self, traces, changes)

    monkeypatch.setattr(InTheCloud, "scrub", broken)
    assert typed(*EXECUTED).exit_code == 130
    again = typed(*EXECUTED)
    assert again.exit_code == 0, again.output
    assert "entity-1: 2 records, 2 addresses" in again.stdout
    assert naming_ann(services) == []
    assert services.stack.ask("SELECT record_key FROM `identity.links`") == [{"record_key": BO}]


@pytest.mark.exhaustive
def test_an_erasure_that_leaves_something_has_failed_in_the_run_and_the_audit(
    services: Services, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Spot("gs://prod-objects/stays", Trace("email"))]
    monkeypatch.setattr(InTheCloud, "search", lambda self, traces: found)
    done = typed(*EXECUTED)
    assert done.exit_code == 1, done.output
    assert "something is left in gs://prod-objects/stays" in " ".join(done.stdout.split())
    assert statuses(services) == ["failed"]
    noted = services.stack.ask("SELECT outcome, error_type FROM `ops.audit` ORDER BY noted_at")
    assert [tuple(row.values()) for row in noted] == [("begun", None), ("failed", "SomethingLeft")]


def test_an_order_that_no_stream_takes_ends_with_what_to_do(
    services: Services, stream: Stream
) -> None:
    stream.works = False
    refused = typed(*EXECUTED)
    assert refused.exit_code == 1
    assert "does the pipeline run?" in refused.stderr
    assert "raw.changes" in naming_ann(services)
    stream.take()


@pytest.mark.parametrize("watched", [COMPACTIONS, pytest.param(CHECKS, marks=exhaustive)])
def test_a_run_that_works_is_waited_for_until_it_ends_or_was_killed(
    services: Services, stream: Stream, watched: Watched
) -> None:
    with services.stack.warehouse() as client:
        waiting = OtherRuns(client, watched, stream, stream.sleep)
        assert waiting.until_none() == frozenset()
        with noted_run(services.stack.endpoint, watched.command) as run:
            stream.meanwhile = lambda: run.note("succeeded")
            assert waiting.begun_besides(frozenset())
            known = waiting.until_none()
        assert known == {run.run_id}
        assert stream.waited == LOOKS_EVERY_S
        assert not waiting.begun_besides(known)
        ago = int((watched.lost_s - 4 * LOOKS_EVERY_S) * 1_000_000)
        killed = RunNotes(
            services.stack.endpoint, watched.command, clock=lambda: wall_clock() - ago
        )
        killed.note("running")
        killed.close()
        assert waiting.begun_besides(known)
        assert waiting.until_none() == {run.run_id, killed.run_id}
        assert stream.waited > LOOKS_EVERY_S


@pytest.mark.exhaustive
def test_what_a_check_of_the_rules_has_read_before_and_keeps_later_goes_too(
    services: Services, stream: Stream
) -> None:
    checking = RunNotes(services.stack.endpoint, "quality", clock=stream)
    checking.note("running")
    taken = 0

    def end() -> None:
        """When nothing but the check is waited for any more."""
        nonlocal taken
        taken += len(services.stack.ask("SELECT 1 AS n FROM `ops.erasures`")) > 1
        if taken < 2:
            stream.meanwhile = end
            checking.note("running")
            return
        services.stack.write([msgspec.structs.replace(a_result(passed=False), sample=(ANN,))])
        checking.note("succeeded")

    stream.meanwhile = end
    done = typed(*EXECUTED)
    assert done.exit_code == 0, done.output
    assert "a check of the rules is at work" in done.stdout
    assert services.stack.ask("SELECT COUNT(*) AS n FROM `ops.quality`") == [{"n": 1}]
    assert naming_ann(services) == []
    checking.close()


def test_payloads_in_another_bucket_than_is_searched_are_not_passed_over(
    services: Services, stream: Stream
) -> None:
    with services.stack.warehouse() as client:
        InTheCloud(client, erasable_bucket("gs://prod-objects")).refuse_unreached()
        there = InTheCloud(client, erasable_bucket("gs://test-objects"))
        both = f"lie in gs://prod-objects, and {config.OBJECTS_VARIABLE} names gs://test-objects/"
        with pytest.raises(ConfigurationError, match=both):
            there.refuse_unreached()


def test_time_is_that_of_the_warehouse_and_counted_on_from_there(
    services: Services, stream: Stream
) -> None:
    passed = [7.0]
    with services.stack.warehouse() as client:
        clock = WarehouseClock(client, monotonic=lambda: passed[-1])
        before, first, after = wall_clock(), clock(), wall_clock()
        assert before <= first <= after
        passed.append(17.0)
        assert clock() == first + 10_000_000


def test_marks_that_do_not_stand_are_waited_for_by_nobody(
    services: Services, stream: Stream
) -> None:
    with services.stack.warehouse() as client:
        there = InTheCloud(client, erasable_bucket("gs://prod-objects"), stream, stream.sleep)
        with pytest.raises(RetriableError, match="1 marks do not stand any more"):
            there.until_held([mark_of_key(KEY)])
    assert stream.waited == 0


@pytest.mark.exhaustive
def test_an_erasure_is_listed_lifted_and_applied_to_what_was_restored(
    services: Services, stream: Stream
) -> None:
    assert typed("erase", "--standing").exit_code == 0
    assert typed(*EXECUTED).exit_code == 0
    services.stack.write(rows_of_two())
    stream.waited = 0
    assert typed("erase", "--standing").exit_code == 0
    # How long restored rows of ops.erasures are there already nobody knows.
    assert abs(stream.waited - HELD_AGAINST_S) < 60
    assert naming_ann(services) == []
    [row] = services.stack.ask("SELECT DISTINCT erasure_id FROM `ops.erasures`")
    assert "case 7" in typed("erase", "--list").stdout
    lifted = typed("erase", "--lift", row["erasure_id"])
    assert lifted.exit_code == 0, lifted.output
    assert "lifted" in typed("erase", "--list").stdout
    stream.write(tuple(rows_of_two()))
    assert "sales.people" in naming_ann(services)


@pytest.mark.parametrize(
    "variable",
    [config.OBJECTS_VARIABLE, config.SETTINGS_VARIABLE, config.REDACTION_KEY_VARIABLE],
)
def test_what_the_pipeline_goes_by_is_asked_for_by_name(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv(variable)
    for command in (EXECUTED, ("export-person", "--email", ADDRESS, "--out", "ann.zip")):
        refused = typed(*command)
        assert refused.exit_code == 2
        assert f"{variable} is not set" in refused.stderr


def test_another_key_than_that_of_the_erasures_before_is_refused(
    services: Services, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Erasure(
        erasure_id="e-1", part=0, marks=(mark_of_key(KEY),), asked_at=1, asked_by="dpo",
        reason="case 6", is_lifted=False, message_id="m", publish_time=1, written_at=1,
    )  # fmt: skip
    services.stack.write([before])
    services.secrets.values[secret("other")] = b"another key"
    monkeypatch.setenv(config.REDACTION_KEY_VARIABLE, secret("other"))
    refused = typed(*EXECUTED)
    assert refused.exit_code == 2
    assert f"{config.REDACTION_KEY_VARIABLE} names another key" in refused.stderr


def test_what_is_held_in_the_cloud_is_written_for_its_owner_alone(
    services: Services, stream: Stream, tmp_path: Path
) -> None:
    out = tmp_path / "ann.json"
    given = typed("export-person", "--email", ADDRESS, "--out", str(out))
    assert given.exit_code == 0, given.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    tables = {one["table"]: one["rows"] for one in json.loads(out.read_text())["tables"]}
    assert tables.keys() == {"raw.changes", "sales.people", "identity.records", "identity.links"}
    assert tables["raw.changes"][0]["Payload"] == '{"firstname": "Ann"}'
    noted = services.stack.ask("SELECT command, outcome FROM `ops.audit` ORDER BY noted_at")
    assert [one["outcome"] for one in noted] == ["begun", "succeeded"]


def test_who_reads_which_mailbox_is_granted_and_taken_back(
    services: Services, stream: Stream
) -> None:
    asked = ("rep@own.example", "--mailbox", "rep@own.example", "--by", "dpo")
    assert "the texts of 1 mailboxes" in typed("grant", *asked).stdout
    assert "facts and subjects alone" in typed("revoke", *asked).stdout
    rows = services.stack.ask("SELECT revoked, granted_by FROM `ops.readers` ORDER BY granted_at")
    assert [tuple(row.values()) for row in rows] == [(False, "dpo"), (True, "dpo")]
    noted = services.stack.ask("SELECT parameters FROM `ops.audit` WHERE command = 'grant'")
    whom = {"reader": "rep@own.example", "mailboxes": ["rep@own.example"]}
    assert [row["parameters"] for row in noted] == [whom, whom]
