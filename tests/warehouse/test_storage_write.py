"""Outages are waited out and rows that are to blame are found: against a scripted server."""

from typing import Any

import grpc
import pytest
from google.cloud.bigquery_storage_v1 import types
from rows import a_row
from scripted_server import PEOPLE, RUNS, Failure, ScriptedServer, said

from schemas.errors import FatalError, RetriableError
from warehouse.protobuf import encode
from warehouse.storage_write import (
    BATCHES_IN_FLIGHT,
    BYTES_A_BATCH,
    NEW_COLUMN,
    ROWS_A_BATCH,
    Appender,
    Encoded,
    without_values,
)


def appender(server: ScriptedServer, **options: Any) -> Appender:
    return Appender(server, "p", sleep=lambda _: None, **options)


def add(to: Appender, *keys: str) -> None:
    for key in keys:
        row = a_row(RUNS, run_id=key)
        to.add(RUNS, Encoded(row, encode(row)))


def settled(to: Appender) -> list[tuple[str, str]]:
    to.send()
    to.settle()
    return [(refused.row.run_id, refused.error) for refused in to.take_refused()]


NAMES = [f"r{i}" for i in range(20)]
OUTAGES = [
    Failure(grpc.StatusCode.UNAVAILABLE),
    Failure(grpc.StatusCode.ABORTED),
    Failure(grpc.StatusCode.INTERNAL),
    Failure(grpc.StatusCode.DEADLINE_EXCEEDED),
    Failure(grpc.StatusCode.NOT_FOUND),
    Failure(grpc.StatusCode.RESOURCE_EXHAUSTED),
    Failure(grpc.StatusCode.UNKNOWN, "IO Error: no space left"),
    Failure(grpc.StatusCode.INVALID_ARGUMENT, f"{NEW_COLUMN}, extra fields: 'pronouns'"),
    StopIteration(),
    said(13, "internal"),
    said(14, "away"),
    said(8, "too many"),
    said(3, f"{NEW_COLUMN}, extra fields: 'pronouns'"),
]


@pytest.mark.parametrize("outage", OUTAGES, ids=repr)
def test_an_outage_refuses_no_row_and_loses_none(outage: Any) -> None:
    server = ScriptedServer(outage, outage, outage)
    to = appender(server)
    add(to, *NAMES)
    assert settled(to) == []
    assert sorted(server.keys) == sorted(NAMES)


BLAMES = [
    Failure(grpc.StatusCode.INVALID_ARGUMENT, "no such thing"),
    Failure(grpc.StatusCode.UNKNOWN, 'Exception iterating responses: Conversion Error: "secret"'),
    said(3, "no such thing"),
    said(11, "no such thing"),
]


@pytest.mark.parametrize("blame", BLAMES, ids=repr)
def test_of_a_batch_that_is_refused_whole_only_the_rows_to_blame_are_refused(blame: Any) -> None:
    server = ScriptedServer()
    server.bad = {"r3": blame, "r17": blame}
    to = appender(server)
    add(to, *NAMES)
    refused = settled(to)
    assert sorted(key for key, _ in refused) == ["r17", "r3"]
    assert not any("secret" in error for _, error in refused)
    assert sorted(server.keys) == sorted(set(NAMES) - {"r3", "r17"})


def test_rows_refused_one_by_one_are_taken_out_and_the_others_sent_again() -> None:
    errors = [
        types.RowError(index=2, message="bad field"),
        types.RowError(index=5, message='bad "secret"'),
    ]
    server = ScriptedServer(types.AppendRowsResponse(row_errors=errors))
    to = appender(server)
    add(to, *NAMES)
    assert settled(to) == [("r2", "bad field"), ("r5", "bad")]
    assert sorted(server.keys) == sorted(set(NAMES) - {"r2", "r5"})


@pytest.mark.parametrize("refusal", [Failure(grpc.StatusCode.PERMISSION_DENIED), said(7, "no")])
def test_what_waiting_cannot_mend_stops_the_job(refusal: Any) -> None:
    to = appender(ScriptedServer(refusal))
    add(to, "r1")
    with pytest.raises(FatalError, match=r"ops\.runs cannot be written"):
        settled(to)


def test_an_outage_that_is_not_to_be_waited_out_is_handed_up_and_what_was_sent_forgotten() -> None:
    server = ScriptedServer(*[Failure(grpc.StatusCode.UNAVAILABLE)] * 3)
    to = appender(server, give_up_after_s=0.0)
    add(to, "r1")
    with pytest.raises(RetriableError, match="ServiceUnavailable"):
        settled(to)
    to.discard()
    server.script = []
    assert settled(to) == [] and server.keys == []


def test_what_has_waited_too_long_is_not_sent() -> None:
    now = [0.0]
    server = ScriptedServer()
    to = appender(server, sent_within_s=300.0, monotonic=lambda: now[0])
    add(to, "early")
    now[0] = 300.0
    assert settled(to) == [] and server.keys == ["early"]
    add(to, "late")
    now[0] = 600.1
    with pytest.raises(RetriableError, match=r"ops\.runs: rows have waited 300 s"):
        settled(to)
    to.discard()
    assert settled(to) == [] and server.keys == ["early"]


def test_what_is_sent_again_and_again_is_given_up_in_time() -> None:
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += 60.0

    server = ScriptedServer(*[Failure(grpc.StatusCode.UNAVAILABLE)] * 9)
    to = Appender(server, "p", sleep=wait, sent_within_s=300.0, monotonic=lambda: now[0])
    add(to, "r1")
    with pytest.raises(RetriableError, match="have waited 360 s"):
        settled(to)
    assert server.keys == []


def test_a_row_of_a_table_that_few_come_to_goes_with_the_next_after_a_while() -> None:
    now = [0.0]
    server = ScriptedServer()
    to = appender(server, monotonic=lambda: now[0])
    add(to, "rare")
    now[0] = 31.0
    row = a_row(PEOPLE, record_key="other")
    to.add(PEOPLE, Encoded(row, encode(row)))
    to.settle()
    assert server.keys == ["rare", "other"]


def test_the_schema_travels_when_the_table_changes_on_the_one_connection() -> None:
    server = ScriptedServer()
    to = appender(server)
    for turn in range(3):
        add(to, f"run-{turn}")
        person = a_row(PEOPLE, record_key=f"person-{turn}")
        to.add(PEOPLE, Encoded(person, encode(person)))
    assert settled(to) == []
    assert server.streams == 1
    assert server.batches == [
        ("runs", 3, server.batches[0][2]),
        ("people", 3, server.batches[1][2]),
    ]


def test_batches_stay_below_their_limits_and_a_large_row_travels_alone() -> None:
    server = ScriptedServer()
    to = appender(server)
    add(to, *[f"n{i}" for i in range(ROWS_A_BATCH * 2 + 1)])
    for size in (BYTES_A_BATCH // 2, BYTES_A_BATCH // 3, BYTES_A_BATCH * 2, 10):
        row = a_row(PEOPLE, extra='"' + "x" * size + '"')
        to.add(PEOPLE, Encoded(row, encode(row)))
    assert settled(to) == []
    runs = [rows for table, rows, _ in server.batches if table == "runs"]
    assert sorted(runs) == [1, ROWS_A_BATCH, ROWS_A_BATCH]
    people = [(rows, size) for table, rows, size in server.batches if table == "people"]
    assert [rows for rows, _ in people] == [2, 1, 1]
    assert all(rows == 1 or size <= BYTES_A_BATCH for rows, size in people)


def test_what_is_full_waits_for_room_and_the_others_stay_on_their_way() -> None:
    server = ScriptedServer()
    to = appender(server)
    add(to, *[f"n{i}" for i in range(ROWS_A_BATCH * (BATCHES_IN_FLIGHT + 2))])
    assert len(server.batches) == 2
    assert settled(to) == []
    assert len(server.batches) == BATCHES_IN_FLIGHT + 2


def test_an_old_stream_is_emptied_before_another_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would break at the end of its time, and what was written be sent once more."""
    server = ScriptedServer()
    to = appender(server)
    add(to, *[f"n{i}" for i in range(ROWS_A_BATCH * 3)])
    assert (server.streams, server.batches) == (1, [])
    monkeypatch.setattr("warehouse.storage_write.STREAM_AGE_S", -1.0)
    add(to, *[f"m{i}" for i in range(ROWS_A_BATCH)])
    assert (server.streams, len(server.batches)) == (2, 3)
    assert settled(to) == []
    assert len(server.keys) == len(set(server.keys)) == ROWS_A_BATCH * 4


def test_more_batches_than_may_be_in_flight_are_all_written() -> None:
    server = ScriptedServer(None, None, Failure(grpc.StatusCode.UNAVAILABLE))
    to = appender(server)
    names = [f"n{i}" for i in range(ROWS_A_BATCH * (2 * BATCHES_IN_FLIGHT + 1))]
    add(to, *names)
    assert settled(to) == []
    assert sorted(server.keys) == sorted(names)


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ('Malformed JSON at byte 1. Input: "{x"', "Malformed JSON at byte 1."),
        ("Invalid value a@b.example for column", "Invalid"),
        ('"a@b.example"', "refused"),
        ("", "refused"),
    ],
)
def test_a_reason_ends_where_a_value_may_begin(message: str, kept: str) -> None:
    assert without_values(message) == kept
