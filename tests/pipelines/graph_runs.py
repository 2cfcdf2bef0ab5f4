"""Runs of the whole graph on a sink in memory, and what is asserted of every one of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream

from pipelines.bounded import run_bounded
from pipelines.graph import Ingest, Parts
from schemas.columns import Row
from schemas.flow import Received, RowBatch
from schemas.identity import IdentityRecord, Link
from schemas.operations import DeadLetter
from schemas.records import Duplicate, RawChange
from schemas.tables import TABLES
from transforms.coders import ReceivedCoder
from transforms.identity.records import content_of
from transforms.settings import Settings
from warehouse.sink import MemorySink

SETTINGS = Settings(own_domains=("own.example",), own_numbers=("+14152340100",))
NOW = 1_770_000_000_000_000
"""2026-02-02."""

VOLATILE = {"written_at", "message_id", "publish_time", "publish_date", "resolved_at", "revision"}
"""When and by which of its messages a row was made: what may differ between two runs."""

_kept: dict[int, list[Row]] = {}


def _open(run: int) -> MemorySink:
    # The graph is pickled: what it writes to is found by the number of the run.
    return MemorySink(_kept[run])


def _now() -> int:
    return NOW


def parts(settings: Settings = SETTINGS, **others: Any) -> tuple[Parts, list[Row]]:
    """Parts of a graph whose rows come to the list."""
    run = len(_kept)
    rows = _kept[run] = []
    made = {"clock": _now, "shards": 4, **others}
    return Parts(settings=settings, open_sink=partial(_open, run), **made), rows


def rows_of(
    messages: Iterable[Received], settings: Settings = SETTINGS, **others: Any
) -> list[Row]:
    """Every row that a bounded run writes; the account is asserted."""
    messages = list(messages)
    made, rows = parts(settings, **others)
    run_bounded(partial(iter, messages), made)
    assert_accounted(messages, rows)
    return rows


def rows_of_stream(
    stream: Callable[[TestStream], TestStream],
    messages: Sequence[Received],
    settings: Settings = SETTINGS,
    seeds: Sequence[RowBatch] = (),
    **others: Any,
) -> list[Row]:
    """Every row that a streaming run writes; `stream` says in which bundles messages come."""
    made, rows = parts(settings, **others)
    options = PipelineOptions(["--streaming"])
    with beam.Pipeline(runner="BundleBasedDirectRunner", options=options) as pipeline:
        events = stream(TestStream(coder=ReceivedCoder())).advance_watermark_to_infinity()
        received = pipeline | "Messages" >> events.with_output_types(Received)
        known = None
        if seeds:
            known = pipeline | "Seeds" >> beam.Create(seeds).with_output_types(RowBatch)
        received | "Ingest" >> Ingest(made, known, len(seeds) if seeds else None)
    assert_accounted(messages, rows)
    return rows


def assert_accounted(messages: Iterable[Received], rows: Iterable[Row]) -> None:
    """In = accepted + duplicates + dead letters: each message once, in exactly one of them."""
    sent = Counter(message.message_id for message in messages)
    found = Counter(
        row.message_id
        for row in rows
        if isinstance(row, RawChange | Duplicate | DeadLetter) and row.message_id is not None
    )
    assert found == sent


def latest(rows: Iterable[Row], *, without: Iterable[str] = VOLATILE) -> dict[str, Any]:
    """What the latest views would show, by table: `schemas.tables.latest_sql` over a list."""
    rows, ignored = list(rows), set(without)
    shown = {}
    for table in TABLES:
        if not table.key:
            continue
        newest: dict[tuple[Any, ...], tuple[tuple[Any, ...], dict[Any, Row]]] = {}
        for row in rows:
            if type(row) is not table.row:
                continue
            key = tuple(getattr(row, name) for name in table.key)
            order = tuple(getattr(row, name) for name in table.order)
            place = getattr(row, "ordinal", 0) if table.partset else 0
            if key not in newest or order > newest[key][0]:
                newest[key] = (order, {place: row})
            elif order == newest[key][0]:
                newest[key][1].setdefault(place, row)
        shown[table.id] = {
            (*key, place): _columns(row, ignored)
            for key, (_, places) in newest.items()
            for place, row in places.items()
        }
    return shown


def _columns(row: Row, ignored: set[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__ if name not in ignored}


def partition(rows: Iterable[Row]) -> set[frozenset[str]]:
    """Which records are one entity, by the latest links."""
    links = latest([row for row in rows if isinstance(row, Link)])["identity.links"]
    together: dict[str, set[str]] = {}
    for (record_key, _), link in links.items():
        if link["entity_id"] is not None:
            together.setdefault(link["entity_id"], set()).add(record_key)
    return {frozenset(keys) for keys in together.values()}


def views(rows: Iterable[Row], *, without: Iterable[str] = VOLATILE) -> dict[str, Any]:
    """The latest rows as far as they are a function of the set of changes.

    Which version of a record that says the same as the one before stands in identity.records, and
    which entities and pairs there were on the way to those that live, is a matter of order.
    """
    shown = latest(rows, without=without)
    shown["ops.dead_letters"] = {
        (letter["payload"], letter["attributes"], letter["error_message"])
        for letter in shown["ops.dead_letters"].values()
    }
    shown["identity.entities"] = {
        key: entity
        for key, entity in shown["identity.entities"].items()
        if not entity["is_retired"]
    }
    for table_id in ("identity.evidence", "identity.candidates"):
        shown[table_id] = {
            key: pair for key, pair in shown[table_id].items() if not pair["is_deleted"]
        }
    shown["identity.records"] = {
        key: content_of(msgspec.json.decode(stored["record"], type=IdentityRecord))
        for key, stored in shown["identity.records"].items()
    }
    return shown


def assert_same_views(rows: Iterable[Row], expected: Iterable[Row], **options: Any) -> None:
    found, wanted = views(rows, **options), views(expected, **options)
    for table_id, shown in wanted.items():
        assert found[table_id] == shown, table_id


def again(messages: Iterable[Received], mark: str = "again") -> list[Received]:
    """The same messages, published a second time."""
    return [
        Received(one.data, one.attributes, f"{one.message_id}-{mark}", one.publish_time + 1)
        for one in messages
    ]


def in_bundles_of(size: int, messages: Sequence[Received]) -> Callable[[TestStream], TestStream]:
    """A stream that brings messages a bundle at a time."""

    def events(stream: TestStream) -> TestStream:
        for start in range(0, len(messages), size):
            stream = stream.add_elements(messages[start : start + size])
        return stream

    return events
