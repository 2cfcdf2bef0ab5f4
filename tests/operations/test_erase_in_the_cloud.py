"""A person is erased, exported and kept away in the cloud: real clients of BigQuery, Pub/Sub, Cloud
Storage and Secret Manager against servers on this machine. What the stream does with an order is
done by the parts of its graph; time passes when somebody waits."""

import itertools
import json
import stat
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from cloud_project import Services, cloud_services, secret, typed
from google.pubsub_v1 import SubscriberClient
from small_stack import Time
from watched_rows import a_change, versioned

from connectors.erasable_bucket import erasable_bucket
from operations import config, surroundings
from operations.compactions import LOOKS_EVERY_S, LOST_S, Compactions
from operations.erasing_there import InTheCloud
from schemas.clock import to_us, wall_clock
from schemas.columns import Row
from schemas.errors import RetriableError
from schemas.flow import Received
from schemas.identity import IdentityRecord, Link, StoredRecord
from schemas.operations import Erasure
from schemas.records import Person
from schemas.tables import BY_ID
from schemas.topology import DECISIONS_SUBSCRIPTION
from transforms.decide import decided_rows
from transforms.erasure import mark_of_key
from transforms.traces import Traces
from warehouse import compaction
from warehouse.compacting import compact_noted
from warehouse.erasures import HELD_AGAINST_S, StandingMarks
from warehouse.row_writer import RowWriter
from warehouse.runs import RunNotes, noted_run
from warehouse.settling import SETTLED_S, settled
from warehouse.sink import StorageSink

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching")]

KEY = b"the key of the stream"
ANN, BO = "hubspot:contact:1", "hubspot:contact:2"
ADDRESS = "ann.lee@acme.test"
HERS, ORPHAN, OTHERS = "payloads/hubspot/c-1", "payloads/gmail/c-9", "payloads/gmail/c-8"
"""The payload of a row of hers, one that names her and that no row names, one of somebody else."""
WRITTEN = (
    *("raw.changes", "sales.people", "identity.records", "identity.links"),
    *("ops.erasures", "ops.audit", "ops.runs", "ops.readers"),
)
"""Tables that get rows here."""
EXECUTED = ("erase", "--email", ADDRESS, "--reason", "case 7", "--by", "dpo", "--yes")


class Stream(Time):
    """The stream, as far as orders go, and the clock of who waits for it."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self.works = True
        self.waited = 0.0
        self.meanwhile: Callable[[], None] = lambda: None
        """Happens once, while somebody waits."""

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        self.advance(seconds)
        if self.works:
            self.take()
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()

    def take(self) -> None:
        """Orders become rows of ops.erasures."""
        path = f"projects/{self._services.stack.stack.project}/subscriptions/"
        path += DECISIONS_SUBSCRIPTION.name
        with SubscriberClient() as client:
            pulled = client.pull(
                subscription=path, max_messages=100, return_immediately=True, timeout=10
            ).received_messages
            for one in pulled:
                message = one.message
                published = to_us(message.publish_time)
                received = Received(
                    message.data, dict(message.attributes), message.message_id, published
                )
                self.write(decided_rows(received, wall_clock).rows)
                client.acknowledge(subscription=path, ack_ids=[one.ack_id])

    def write(self, rows: tuple[Row, ...]) -> None:
        """As step Write does: held against the marks, under the key of the stream."""
        endpoint = self._services.stack.endpoint
        known = StandingMarks.opener(endpoint, KEY, "US")
        writer = RowWriter(StorageSink.opener(endpoint), "stream", 1, open_known=known)
        writer.start()
        writer.write(rows)
        writer.finish()
        writer.close()


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


def rows_of_two() -> list[Row]:
    return [
        *rows_of(ANN, "Ann Lee", ADDRESS, f"gs://prod-objects/{HERS}"),
        *rows_of(BO, "Bo Ray", "bo@acme.test", None),
    ]


def rows_of(key: str, name: str, address: str, dataref: str | None) -> list[Row]:
    at = wall_clock() - 7_200_000_000
    of_change = {**versioned(key, at), "change_id": f"c-{key[-1]}"}
    raw = msgspec.structs.replace(
        a_change(key, ago_s=7_200), change_id=f"c-{key[-1]}", message_id=f"m-{key[-1]}",
        payload=b"" if dataref else b"{}", dataref=dataref,
    )  # fmt: skip
    person = Person(**of_change, full_name=name, emails=(address,))  # type: ignore[arg-type]
    record = IdentityRecord(
        record_key=key, kind="person", stamp=at, fetched=at, digest="d",
        full_name=name, emails=(address,),
    )  # fmt: skip
    stored = StoredRecord(
        record_key=key, kind="person", version_stamp=at, version_fetched=at, version_digest="d",
        is_deleted=False, record=msgspec.json.encode(record).decode(), written_at=at,
    )  # fmt: skip
    link = Link(
        record_key=key, kind="person", entity_id=f"entity-{key[-1]}", confidence=1.0,
        method="single", revision=1, resolved_at=at, is_deleted=False,
    )  # fmt: skip
    return [raw, person, stored, link]


def naming_ann(services: Services) -> list[str]:
    """Tables and payloads that still do."""
    found = []
    with services.stack.warehouse() as client:
        for table in WRITTEN:
            rows = client.query_and_wait(f"SELECT * FROM `{client.project}.{table}`")
            text = repr([tuple(row.values()) for row in rows])
            if any(one in text for one in (ADDRESS, "Ann Lee", ANN)):
                found.append(table)
    return [*found, *(name for name in (HERS, ORPHAN) if name in services.storage.blobs)]


def statuses(services: Services) -> list[str]:
    """How the runs of erasures went, the first first."""
    sql = "SELECT MAX_BY(status, noted_at) AS status FROM `ops.runs` WHERE command = 'erase' "
    sql += "GROUP BY run_id ORDER BY MIN(started_at)"
    return [row["status"] for row in services.stack.ask(sql)]


def copies(services: Services) -> list[str]:
    """Who is in the current table of people."""
    with services.stack.warehouse() as client:
        rows = client.query_and_wait(f"SELECT * FROM `{client.project}.sales.people_current`")
        return sorted(row.full_name for row in rows)


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
def test_an_order_that_no_stream_takes_ends_with_what_to_do(
    services: Services, stream: Stream
) -> None:
    stream.works = False
    refused = typed(*EXECUTED)
    assert refused.exit_code == 1
    assert "does the pipeline run?" in refused.stderr
    assert "raw.changes" in naming_ann(services)
    stream.take()


def test_a_compaction_that_works_is_waited_for_until_it_ends_or_was_killed(
    services: Services, stream: Stream
) -> None:
    with services.stack.warehouse() as client:
        waiting = Compactions(client, stream, stream.sleep)
        assert waiting.until_none() == frozenset()
        with noted_run(services.stack.endpoint, "compact") as run:
            stream.meanwhile = lambda: run.note("succeeded")
            assert waiting.begun_besides(frozenset())
            known = waiting.until_none()
        assert known == {run.run_id}
        assert stream.waited == LOOKS_EVERY_S
        assert not waiting.begun_besides(known)
        ago = int((LOST_S - 4 * LOOKS_EVERY_S) * 1_000_000)
        killed = RunNotes(services.stack.endpoint, "compact", clock=lambda: wall_clock() - ago)
        killed.note("running")
        killed.close()
        assert waiting.begun_besides(known)
        assert waiting.until_none() == {run.run_id, killed.run_id}
        assert stream.waited > LOOKS_EVERY_S


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
