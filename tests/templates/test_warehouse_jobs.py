"""Dead letters come out on their topics and derived tables are made anew, by jobs over an embedded
warehouse; seeds are read within a pipeline as before one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import apache_beam as beam
import msgspec
import pytest
from google.cloud import bigquery
from job_runs import DAY, PROJECT, Topics, messages, noted_runs, run

from connectors.objects import FolderStore
from embedded.warehouse import WarehouseServer
from pipelines.bounded import run_bounded
from pipelines.graph import Parts
from pipelines.job_run import JobRun
from pipelines.jobs.rebuild import Rebuild
from pipelines.jobs.replay import Replay
from pipelines.replay import Selection
from pipelines.seeding import Overrides, Seeds
from pipelines.seeds import SLICES, read_overrides, read_seeds
from pipelines.validation import Days
from schemas.clock import from_us, wall_clock
from schemas.columns import Row
from schemas.envelope import decode
from schemas.errors import RetriableError
from schemas.flow import Received, pack_rows
from schemas.identity import StoredRecord
from schemas.operations import DeadLetter
from schemas.records import Person, RawChange
from schemas.tables import BY_ROW
from transforms.identity.records import from_stored, stamp_of, stored_record
from transforms.settings import Settings
from warehouse.clients import Endpoint, bigquery_client
from warehouse.latest import select, table_reference
from warehouse.provision import provision
from warehouse.sink import StorageSink

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.xdist_group("jobs")]


EARLY = {str(number) for number in range(10)}
"""Contacts of the first day."""


class Deployment:
    """A warehouse that has taken the messages in."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.client: bigquery.Client = bigquery_client(endpoint)
        self.parts = Parts(Settings(), StorageSink.opener(endpoint), shards=2, job_name="rebuild")
        provision(self.client)
        run_bounded(partial(iter, messages()), replace(self.parts, job_name="stream"))

    def run(self, command: str) -> JobRun:
        return JobRun.new(self.endpoint, command, wall_clock)

    def rebuild(self, days: Days) -> None:
        run(lambda p: p | "Rebuild" >> Rebuild(self.run("rebuild"), self.parts, days))

    def rows(self, row: type[Row]) -> list[Row]:
        name = table_reference(self.client, BY_ROW[row])
        return list(select(self.client, row, f"SELECT * FROM {name}"))


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("jobs")
    server = WarehouseServer(folder / "data", log=folder / "warehouse.log")
    made = Deployment(server.start())
    yield made
    made.client.close()
    server.stop()


def test_dead_letters_come_out_on_their_topics_as_the_next_attempt(
    deployment: Deployment, topics: Topics, tmp_path: Path
) -> None:
    objects = FolderStore(tmp_path / "objects")
    (letter,) = deployment.rows(DeadLetter)
    assert isinstance(letter, DeadLetter)

    def replayed(chosen: Selection) -> list[Received]:
        replay = Replay(deployment.run("replay"), chosen, PROJECT, objects)
        run(lambda p: p | "Replay" >> replay)
        return topics.taken()

    (taken,) = replayed(Selection(stage="normalise", since=from_us(letter.failed_at)))
    assert (taken.message_id, taken.data) == ("changes-files", b"no JSON")
    change = decode(taken.data, taken.attributes)
    assert (change.change_id, change.attempt, change.lane) == (letter.change_id, 2, "replay")
    assert not replayed(Selection(stage="decode"))
    assert not replayed(Selection(until=from_us(letter.failed_at)))
    noted = [one for one in noted_runs(deployment.endpoint) if one[0] == "replay"]
    assert noted == [("replay", "succeeded", count) for count in (1, 0, 0)]


def test_a_rebuild_of_days_replaces_their_rows_and_no_others(deployment: Deployment) -> None:
    before = {row.object_id: row for row in deployment.rows(Person) if isinstance(row, Person)}
    assert len(before) == 29
    raw = deployment.rows(RawChange)
    days = Days(DAY, date(2026, 3, 3))
    deployment.rebuild(days)
    assert noted_runs(deployment.endpoint)[-1] == ("rebuild", "succeeded", 20)
    people = [row for row in deployment.rows(Person) if isinstance(row, Person)]
    after = {row.object_id: row for row in people}
    assert len(people) == len(after) == 29, "the rows before are swept"
    for name, row in after.items():
        rebuilt = int(name.removeprefix("c")) < 20
        assert (row.written_at > before[name].written_at) is rebuilt
    assert sorted(map(repr, deployment.rows(RawChange))) == sorted(map(repr, raw))


def test_a_rebuild_holds_records_against_those_whose_change_it_does_not_read(
    deployment: Deployment,
) -> None:
    by_key = {row.record_key: row for row in deployment.rows(StoredRecord)}  # type: ignore[attr-defined]
    for number, of_day in (("c3", "is read"), ("c25", "of another day")):
        stored = by_key[f"files:contact:{number}"]
        assert isinstance(stored, StoredRecord), of_day
        newer = msgspec.structs.replace(
            from_stored(stored), full_name="Erika", stamp=9, digest="0" * 32
        )
        deployment.client.query_and_wait(
            f"DELETE FROM {table_reference(deployment.client, BY_ROW[StoredRecord])} "
            f"WHERE record_key = '{stored.record_key}'"
        )
        sink = StorageSink(deployment.endpoint)
        sink.write([stored_record(newer, (1, 1, "0"), stored.written_at)])
        assert sink.flush() == []
        sink.close()
    days = Days(DAY, date(2026, 3, 2))
    deployment.rebuild(days)
    rows: dict[str, StoredRecord] = {}
    for row in deployment.rows(StoredRecord):
        assert isinstance(row, StoredRecord)
        rows[row.record_key] = max(row, rows.get(row.record_key, row), key=stamp_of)
    assert len(rows) == len(by_key)
    for key, row in rows.items():
        named = from_stored(row).full_name == "Erika"
        assert named is (key in ("files:contact:c3", "files:contact:c25"))
        assert (row.written_at > by_key[key].written_at) is (key.split(":c", 2)[-1] in EARLY)  # type: ignore[attr-defined]


def test_seeds_by_slices_are_all_seeds(deployment: Deployment) -> None:
    whole = sorted(map(pack_rows, read_seeds(deployment.client)))
    assert len(whole) == 29
    parts = [
        pack_rows(seed) for one in SLICES for seed in read_seeds(deployment.client, within=one)
    ]
    assert sorted(parts) == whole


def test_seeds_are_read_within_the_pipeline(deployment: Deployment) -> None:
    whole = sorted(map(pack_rows, read_seeds(deployment.client)))
    endpoint = deployment.endpoint

    def check(seeds: list[bytes]) -> None:
        if sorted(seeds) != whole:
            raise RetriableError("other seeds")

    def build(pipeline: beam.Pipeline) -> None:
        seeds = pipeline | "Seeds" >> Seeds(endpoint)
        packed = seeds | "Packed" >> beam.Map(pack_rows)
        packed | "All" >> beam.combiners.ToList() | "Check" >> beam.Map(check)
        pipeline | "Overrides" >> Overrides(endpoint)

    run(build)
    assert not read_overrides(deployment.client)
