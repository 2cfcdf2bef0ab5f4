"""Derived rows and who is who on one machine: the steps of the graph, and its resolver, without a
runner.

A rebuild needs no shuffle: what a change says is a matter of that change alone, and of the records
the newest version is all that counts. So it reads slice by slice, and memory holds one of them and
the records; a runner would hold every change of a bounded run, and encode it at each step.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any

from google.cloud import bigquery

from pipelines.graph import Parts, accepted, steps_of
from pipelines.raw_messages import messages_of, slices
from pipelines.seeds import read_overrides, read_seeds
from pipelines.sweep import RAW, READABLE, TIMEOUT_S
from schemas.columns import Row
from schemas.flow import Normalised, Received, RowBatch
from schemas.identity import StoredRecord
from schemas.operations import DeadLetter, SchemaChange
from schemas.records import Duplicate, RawChange
from schemas.tables import BY_ROW, latest_sql
from transforms.decide import decisions_of
from transforms.guard import Guarded
from transforms.identity.engine import Engine
from transforms.identity.newest import Newest, Standing
from transforms.identity.weighed.choice import matching_of
from transforms.pack import ROWS_TOGETHER
from transforms.resolve_records import batches, seed_of
from warehouse.bounded import WHOLE_TABLES_BYTES, rows
from warehouse.latest import PAGE_ROWS, record, table_reference
from warehouse.row_writer import RowWriter

Chosen = Callable[[Iterable[Row]], tuple[Row, ...]]
"""Which rows of a change are written."""
LEFT_OUT = (RawChange, Duplicate, SchemaChange)
"""Not derived: these say what came, and are there."""


def derived(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Of the rows of a change those that are made of it."""
    return tuple(row for row in rows if not isinstance(row, LEFT_OUT))


class Derivation:
    """From messages to the rows that a rebuild writes, and the newest version of each record."""

    def __init__(self, parts: Parts, chosen: Chosen) -> None:
        guard = partial(Guarded, job_name=parts.job_name, clock=parts.clock, store=parts.store)
        steps = steps_of(parts)
        self._steps = [guard(step, name) for name, step in steps._asdict().items()]
        self._clock, self._chosen = parts.clock, chosen
        self.newest = Newest()

    def rows(self, message: Received) -> tuple[Row, ...]:
        """The rows of a message: those of its change that are chosen, or its dead letter."""
        made: Any = message
        for step in self._steps:
            made = step(made)
            if isinstance(made, DeadLetter):
                return (made,)
        normalised: Normalised = made
        for identity in normalised.identities:
            self.newest.see(identity)
        return self._chosen(accepted(normalised, self._clock).rows)


def derive(client: bigquery.Client, parts: Parts, dataset_prefix: str = "") -> None:
    """Writes the derived rows of every change anew; returns when all are written."""
    portions = (messages_of(client, one, dataset_prefix) for one in slices(client, dataset_prefix))
    standing = standing_records(client, dataset_prefix)
    write_rows(parts, portions, standing)


def standing_records(
    client: bigquery.Client,
    dataset_prefix: str = "",
    condition: str = "TRUE",
    asked: Sequence[bigquery.ScalarQueryParameter] = (),
) -> Iterator[Standing]:
    """The newest row of each record, and whether its change is not among those that are read:
    readable ones that meet the condition."""
    table = BY_ROW[StoredRecord]
    newest = latest_sql(table, table_reference(client, table, dataset_prefix))
    raw = table_reference(client, RAW, dataset_prefix)
    read = f"SELECT DISTINCT version_digest FROM {raw} WHERE {READABLE} AND {condition}"  # noqa: S608
    found = rows(
        client,
        f"SELECT newest.*, read.version_digest IS NULL AS is_alone FROM ({newest}) AS newest "  # noqa: S608
        f"LEFT JOIN ({read}) AS read "
        "ON read.version_digest = JSON_VALUE(newest.record, '$.digest')",
        asked,
        timeout_s=TIMEOUT_S,
        maximum_bytes_billed=WHOLE_TABLES_BYTES,
        page_size=PAGE_ROWS,
    )
    for row in found:
        yield Standing(record(StoredRecord, dict(row.items())), row.is_alone)


def write_rows(
    parts: Parts,
    portions: Iterable[Iterable[Received]],
    standing: Iterable[Standing] = (),
    chosen: Chosen = derived,
) -> None:
    """Writes the rows of messages, portion by portion, and then those of their records, held
    against those that stand."""
    derivation = Derivation(parts, chosen)
    with _writer(parts) as writer:
        for messages in portions:
            _write(writer, _gathered(map(derivation.rows, messages)))
        for one in standing:
            derivation.newest.stands(one)
        _write(writer, batches(derivation.newest.rows(parts.clock())))


def resolve(client: bigquery.Client, parts: Parts, dataset_prefix: str = "") -> None:
    """Resolves the records of the tables anew and writes what differs from what is published."""
    engine = Engine(parts.settings, parts.clock, matching_of(parts.settings))
    standing = chain.from_iterable(map(decisions_of, read_overrides(client, dataset_prefix)))
    resolved = engine.seed(map(seed_of, read_seeds(client, dataset_prefix)), standing)
    with _writer(parts) as writer:
        _write(writer, batches(resolved))


@contextmanager
def _writer(parts: Parts) -> Iterator[RowWriter]:
    writer = parts.writer()
    try:
        yield writer
    finally:
        writer.close()


def _write(writer: RowWriter, gathered: Iterable[RowBatch]) -> None:
    writer.start()
    for batch in gathered:
        writer.write(batch.rows)
    writer.finish()


def _gathered(of_changes: Iterable[tuple[Row, ...]]) -> Iterator[RowBatch]:
    """Rows of some changes together: whoever is forgotten is looked for once in them."""
    rows: list[Row] = []
    for one in of_changes:
        rows += one
        if len(rows) >= ROWS_TOGETHER:
            yield RowBatch(tuple(rows))
            rows = []
    if rows:
        yield RowBatch(tuple(rows))
