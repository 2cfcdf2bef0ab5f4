"""No row comes to its table later than a compaction counts with, whatever held it up."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from rows import a_row
from scripted_server import PEOPLE, Failure, ScriptedServer

from connectors.secrets import SecretStore
from pipelines import deployment
from schemas.current import COMPACTED, written_column
from schemas.errors import RetriableError
from schemas.flow import RowBatch
from schemas.tables import BY_ID
from transforms.settings import Settings
from warehouse import sink
from warehouse.protobuf import message_class
from warehouse.row_writer import RowWriter
from warehouse.settling import HELD_S, SENT_WITHIN_S, SETTLED_S, in_time, settled
from warehouse.sink import StorageSink, WriteRowsFn
from warehouse.storage_write import STREAM_TIMEOUT_S, Appender

NOW = 1_767_225_600_000_000
SECOND = 1_000_000
HELD = int(HELD_S) * SECOND


@pytest.mark.parametrize("table", [*COMPACTED, BY_ID["sales.bodies"]], ids=lambda one: one.id)
def test_what_has_waited_too_long_carries_the_moment_at_which_it_is_written(table: Any) -> None:
    name = written_column(table)
    old, fresh = a_row(table, **{name: NOW - HELD - 1}), a_row(table, **{name: NOW - HELD})
    stamped, kept = in_time([old, fresh], NOW)
    assert getattr(stamped, name) == NOW
    assert kept is fresh


def test_rows_of_one_change_keep_to_one_moment() -> None:
    change = {"record_key": "k", "change_id": "c", "written_at": NOW - 2 * HELD}
    rows = [a_row(BY_ID[one], **change) for one in ("sales.interactions", "sales.bodies")]
    assert {getattr(row, "written_at") for row in in_time(rows, NOW)} == {NOW}  # noqa: B009


def test_rows_of_tables_that_nothing_is_compacted_of_stay_as_they_are() -> None:
    run = a_row(BY_ID["ops.runs"], noted_at=1)
    assert in_time([run], NOW) == [run]


def test_whatever_job_writes_in_the_cloud_keeps_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "settings_at", lambda *given: Settings())
    monkeypatch.setattr(deployment, "key_from", lambda *given: b"")
    monkeypatch.setattr(sink, "write_client", lambda endpoint: ScriptedServer())
    options = PipelineOptions(["--project=p", "--objects=gs://objects"])
    parts = deployment.parts_of(options, SecretStore(cloud=True), tmp_path, "stream")
    opened = parts.open_sink()
    assert isinstance(opened, StorageSink)
    assert opened._appender._sent_within_s == SENT_WITHIN_S


class Time:
    """One clock for everything."""

    def __init__(self) -> None:
        self.s = 0.0

    def monotonic(self) -> float:
        return self.s

    def sleep(self, seconds: float) -> None:
        self.s += seconds

    def clock(self) -> int:
        return NOW + int(self.s * SECOND)


class SlowServer(ScriptedServer):
    """Answers late, or not at all; notes of each row its moment and when it was there."""

    def __init__(self, time: Time, rng: random.Random) -> None:
        super().__init__()
        self._time, self._rng = time, rng
        self.latest: list[float] = []

    def answer(self, request: Any, schema: str) -> Any:
        # A stream ends with its deadline, and so does what it has in hand.
        self._time.sleep(self._rng.choice([0.0, 1.0, 20.0, STREAM_TIMEOUT_S]))
        if self._rng.random() < 0.4:
            raise Failure(grpc.StatusCode.UNAVAILABLE)
        for body in request.proto_rows.rows.serialized_rows:
            written_at = message_class(PEOPLE.row).FromString(body).written_at
            self.latest.append((self._time.clock() - written_at) / SECOND)
        return super().answer(request, schema)


class SinkOf(StorageSink):
    """The real sink on a server that is none."""

    def __init__(self, appender: Appender) -> None:
        self._appender, self._refused = appender, []


def written(fn: WriteRowsFn, rows: Sequence[Any], pauses: Sequence[float], time: Time) -> bool:
    """A bundle; False where it has to come again."""
    try:
        fn.start_bundle()
        for row, pause in zip(rows, pauses, strict=True):
            time.sleep(pause)
            fn.process(RowBatch((row,)))
        fn.finish_bundle()
    except RetriableError:
        return False
    return True


def test_no_row_comes_later_than_a_compaction_counts_with() -> None:
    rng, time = random.Random(5), Time()
    server = SlowServer(time, rng)
    again = 0
    appender = Appender(
        server,  # type: ignore[arg-type]
        "p",
        sleep=time.sleep,
        sent_within_s=SENT_WITHIN_S,
        monotonic=time.monotonic,
    )
    fn = WriteRowsFn(RowWriter(lambda: SinkOf(appender), "test", 1, time.clock))
    for bundle in range(60):
        rows = [
            a_row(
                PEOPLE,
                record_key=f"{bundle}-{n}",
                written_at=time.clock() - int(rng.choice([0, 10, 600, HELD_S, 9_999]) * SECOND),
            )
            for n in range(rng.randrange(1, 5))
        ]
        pauses = [rng.choice([0.0, 1.0, 40.0, 250.0]) for _ in rows]
        while not written(fn, rows, pauses, time):
            again += 1
    assert {key.split("-")[0] for key in server.keys} == {str(n) for n in range(60)}
    assert again > 0
    assert HELD_S < max(server.latest) < SETTLED_S
    assert settled(time.clock) < time.clock() - HELD
