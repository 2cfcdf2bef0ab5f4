"""Dead letters come out on their topics and derived tables are made anew, by jobs over an embedded
warehouse; seeds are read within a pipeline as before one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import apache_beam as beam
import pytest
from google.cloud import bigquery
from job_runs import DAY, PROJECT, Topics, messages, run

from connectors.objects import FolderStore
from embedded.warehouse import WarehouseServer
from pipelines.bounded import run_bounded
from pipelines.graph import Parts
from pipelines.jobs.rebuild import Rebuild
from pipelines.jobs.replay import Replay
from pipelines.replay import Selection
from pipelines.seeding import Overrides, Seeds
from pipelines.seeds import SLICES, read_overrides, read_seeds
from pipelines.validation import Days
from schemas.clock import from_us
from schemas.columns import Row
from schemas.envelope import decode
from schemas.errors import RetriableError
from schemas.flow import Received, pack_rows
from schemas.operations import DeadLetter
from schemas.records import Person, RawChange
from schemas.tables import BY_ROW
from transforms.settings import Settings
from warehouse.clients import Endpoint, bigquery_client
from warehouse.latest import select, table_reference
from warehouse.provision import provision
from warehouse.sink import StorageSink

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.xdist_group("jobs")]


class Deployment:
    """A warehouse that has taken the messages in."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.client: bigquery.Client = bigquery_client(endpoint)
        self.parts = Parts(Settings(), StorageSink.opener(endpoint), shards=2, job_name="rebuild")
        provision(self.client)
        run_bounded(partial(iter, messages()), replace(self.parts, job_name="stream"))

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
        replay = Replay(deployment.endpoint, chosen, PROJECT, objects)
        run(lambda p: p | "Replay" >> replay)
        return topics.taken()

    (taken,) = replayed(Selection(stage="normalise", since=from_us(letter.failed_at)))
    assert (taken.message_id, taken.data) == ("changes-files", b"no JSON")
    change = decode(taken.data, taken.attributes)
    assert (change.change_id, change.attempt, change.lane) == (letter.change_id, 2, "replay")
    assert not replayed(Selection(stage="decode"))
    assert not replayed(Selection(until=from_us(letter.failed_at)))


def test_a_rebuild_of_days_replaces_their_rows_and_no_others(deployment: Deployment) -> None:
    before = {row.object_id: row for row in deployment.rows(Person) if isinstance(row, Person)}
    assert len(before) == 29
    raw = deployment.rows(RawChange)
    days = Days(DAY, date(2026, 3, 3))
    run(lambda p: p | "Rebuild" >> Rebuild(deployment.endpoint, deployment.parts, days))
    people = [row for row in deployment.rows(Person) if isinstance(row, Person)]
    after = {row.object_id: row for row in people}
    assert len(people) == len(after) == 29, "the rows before are swept"
    for name, row in after.items():
        rebuilt = int(name.removeprefix("c")) < 20
        assert (row.written_at > before[name].written_at) is rebuilt
    assert sorted(map(repr, deployment.rows(RawChange))) == sorted(map(repr, raw))


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
