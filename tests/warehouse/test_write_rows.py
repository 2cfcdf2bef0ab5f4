"""The step that writes, on a sink in memory: bundles, dead letters, claim checks."""

import json

import pytest
from rows import a_row

from schemas.columns import Row
from schemas.errors import RetriableError
from schemas.flow import RowBatch
from schemas.operations import DeadLetter
from schemas.tables import BY_ID
from transforms.erasure import NOBODY, Marks, mark
from warehouse.protobuf import MAX_ROW_BYTES
from warehouse.row_writer import RowWriter
from warehouse.sink import DiscardSink, MemorySink, WriteRowsFn
from warehouse.storage_write import RefusedRow

PEOPLE, BODIES = BY_ID["sales.people"], BY_ID["sales.bodies"]


def bundle(fn: WriteRowsFn, *rows: Row) -> None:
    fn.start_bundle()
    fn.process(RowBatch(rows))
    fn.finish_bundle()


def test_rows_are_kept_when_their_bundle_is_done_and_forgotten_when_it_failed() -> None:
    kept: list[Row] = []
    fn = WriteRowsFn(RowWriter(lambda: MemorySink(kept), "test", 1, lambda: 5))
    fn.start_bundle()
    fn.process(RowBatch((a_row(PEOPLE, record_key="failed"),)))
    assert kept == []
    good = a_row(PEOPLE, record_key="good")
    bundle(fn, good)
    assert kept == [good]
    fn.teardown()


def test_every_row_is_written_or_is_a_dead_letter() -> None:
    kept: list[Row] = []
    rows = [a_row(PEOPLE, record_key=f"k{i}") for i in range(10)]
    rows[4] = a_row(PEOPLE, record_key="k4", written_at=2**62)
    bundle(WriteRowsFn(RowWriter(lambda: MemorySink(kept), "test", 1, lambda: 5)), *rows)
    letters = [row for row in kept if isinstance(row, DeadLetter)]
    assert len(kept) == 10 and len(letters) == 1
    assert letters[0].error_message == "sales.people: column written_at is no TIMESTAMP"
    assert json.loads(letters[0].payload)["record_key"] == "k4"


def test_a_row_too_large_for_a_row_goes_by_claim_check() -> None:
    kept: list[Row] = []
    objects: dict[str, bytes] = {}

    def store(name: str, body: bytes) -> str:
        objects["folder:" + name] = body
        return "folder:" + name

    huge = a_row(BODIES, body="x" * MAX_ROW_BYTES)
    bundle(WriteRowsFn(RowWriter(lambda: MemorySink(kept), "test", 1, lambda: 5, store)), huge)
    [letter] = kept
    assert isinstance(letter, DeadLetter) and letter.payload == b""
    assert letter.payload_uri is not None
    assert json.loads(objects[letter.payload_uri])["body"] == huge.body


def test_without_an_object_store_a_row_too_large_fails_the_bundle() -> None:
    fn = WriteRowsFn(RowWriter(lambda: MemorySink([]), "test", 1, lambda: 5))
    with pytest.raises(RetriableError, match="dead letter was refused"):
        bundle(fn, a_row(BODIES, body="x" * MAX_ROW_BYTES))


def test_a_refused_row_keeps_its_broken_text_as_escapes() -> None:
    kept: list[Row] = []
    row = a_row(PEOPLE, full_name="a\ud800", written_at=2**62)
    bundle(WriteRowsFn(RowWriter(lambda: MemorySink(kept), "test", 1, lambda: 5)), row)
    [letter] = kept
    assert isinstance(letter, DeadLetter)
    assert json.loads(letter.payload)["full_name"] == "a\ud800"


def test_a_retried_bundle_writes_the_same_dead_letter() -> None:
    kept: list[Row] = []
    row = a_row(PEOPLE, written_at=2**62)
    for _ in range(2):
        bundle(WriteRowsFn(RowWriter(lambda: MemorySink(kept), "test", 1, lambda: 5)), row)
    assert kept[0] == kept[1]


def test_discarding_counts_what_a_table_would_refuse() -> None:
    sink = DiscardSink()
    bad = a_row(PEOPLE, written_at=2**62)
    sink.write([a_row(PEOPLE), bad])
    assert sink.flush() == [RefusedRow(bad, "column written_at is no TIMESTAMP")]
    assert sink.flush() == []
    sink.close()


def test_what_was_refused_while_somebody_was_erased_comes_again_and_makes_no_letter() -> None:
    kept: list[Row] = []
    stored: list[str] = []
    standing = [NOBODY]

    def store(name: str, body: bytes) -> str:
        stored.append(name)
        return f"folder:{name}"

    writer = RowWriter(
        lambda: MemorySink(kept), "test", 1, lambda: 5, store, lambda: lambda: standing[-1]
    )
    ann = a_row(PEOPLE, change_id="1", record_key="crm:contact:ann")
    # What was said names nobody: only the row beside it does.
    said = a_row(BODIES, change_id="1", body="x" * (MAX_ROW_BYTES + 1))
    bundle(WriteRowsFn(writer), ann)
    writer.start()
    writer.write([ann, said])
    standing.append(Marks([mark(b"key", "record", "crm:contact:ann")], b"key"))
    with pytest.raises(RetriableError, match="1 rows were refused while somebody was erased"):
        writer.finish()
    assert stored == [] and not any(isinstance(row, DeadLetter) for row in kept)
    writer.start()
    writer.write([ann, said])
    assert writer.finish() == (0, 0)
    assert stored == []


def test_who_is_erased_while_a_refused_payload_is_stored_is_in_no_letter() -> None:
    kept: list[Row] = []
    standing = [NOBODY]

    def store(name: str, body: bytes) -> str:
        standing.append(Marks([mark(b"key", "record", "crm:contact:ann")], b"key"))
        return f"folder:{name}"

    writer = RowWriter(
        lambda: MemorySink(kept), "test", 1, lambda: 5, store, lambda: lambda: standing[-1]
    )
    with pytest.raises(RetriableError, match="while somebody was erased"):
        bundle(WriteRowsFn(writer), a_row(BODIES, body="x" * (MAX_ROW_BYTES + 1)))
    assert kept == []
