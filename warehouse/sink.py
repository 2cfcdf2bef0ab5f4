"""The step that writes: rows of all tables, waited for, with what is refused led off."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import apache_beam as beam
import msgspec

from schemas.change import stable_hash
from schemas.clock import DAY_US, Clock, wall_clock
from schemas.columns import Row
from schemas.envelope import encode as envelope
from schemas.envelope import topic_of
from schemas.errors import InvalidRow, RetriableError
from schemas.flow import RowBatch
from schemas.operations import DeadLetter
from schemas.records import RawChange
from schemas.tables import BY_ROW
from transforms.accept import change_of
from transforms.dead_letters import MAX_PAYLOAD_BYTES, Store
from transforms.forget import Known, OpenKnown, forget_rows, nobody
from transforms.metrics import ROWS_REFUSED, ROWS_WRITTEN, counter
from warehouse.clients import Endpoint, write_client
from warehouse.protobuf import encode
from warehouse.settling import in_time
from warehouse.storage_write import Appender, Encoded, RefusedRow


class RowSink(Protocol):
    """Where rows go."""

    def write(self, rows: Sequence[Row]) -> None:
        """Takes rows; may send them already."""
        ...

    def flush(self) -> list[RefusedRow]:
        """Returns when every row is acknowledged; the rows that were refused, with reasons."""
        ...

    def discard(self) -> None:
        """Forgets what was taken since the last flush: it will come again."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


OpenSink = Callable[[], RowSink]


class StorageSink:
    """Rows into BigQuery, or the embedded warehouse, by default streams."""

    def __init__(
        self,
        endpoint: Endpoint,
        dataset_prefix: str = "",
        give_up_after_s: float | None = None,
        sent_within_s: float | None = None,
    ) -> None:
        self._client = write_client(endpoint)
        self._appender = Appender(
            self._client,
            endpoint.project,
            dataset_prefix,
            give_up_after_s,
            sent_within_s=sent_within_s,
        )
        self._refused: list[RefusedRow] = []

    @staticmethod
    def opener(
        endpoint: Endpoint,
        dataset_prefix: str = "",
        give_up_after_s: float | None = None,
        sent_within_s: float | None = None,
    ) -> OpenSink:
        """What a DoFn carries to its worker; `give_up_after_s` None = wait an outage out,
        `sent_within_s` as of warehouse/settling.py."""
        return partial(StorageSink, endpoint, dataset_prefix, give_up_after_s, sent_within_s)

    def write(self, rows: Sequence[Row]) -> None:
        """Encodes; full batches are on their way when this returns."""
        for row in rows:
            try:
                encoded = Encoded(row, encode(row))
            except InvalidRow as error:
                self._refused.append(RefusedRow(row, str(error)))
                continue
            self._appender.add(BY_ROW[type(row)], encoded)

    def flush(self) -> list[RefusedRow]:
        """Sends the rest of every table, then waits for all."""
        self._appender.send()
        self._appender.settle()
        refused, self._refused = self._refused, []
        return refused + self._appender.take_refused()

    def discard(self) -> None:
        """Forgets what is not acknowledged."""
        self._refused = []
        self._appender.discard()

    def close(self) -> None:
        """Ends the connection."""
        self._appender.close()
        self._client.transport.close()


class DiscardSink:
    """Encodes rows and drops them: what the graph costs without a warehouse."""

    def __init__(self) -> None:
        self._refused: list[RefusedRow] = []

    def write(self, rows: Sequence[Row]) -> None:
        """Encodes."""
        for row in rows:
            try:
                encode(row)
            except InvalidRow as error:
                self._refused.append(RefusedRow(row, str(error)))

    def flush(self) -> list[RefusedRow]:
        """Rows that would have been refused."""
        refused, self._refused = self._refused, []
        return refused

    def discard(self) -> None:
        """Forgets."""
        self._refused = []

    def close(self) -> None:
        """Has nothing to end."""


class MemorySink:
    """Keeps the rows of flushed bundles in a list, for tests; refuses what cannot be encoded."""

    def __init__(self, kept: list[Row]) -> None:
        self._kept = kept
        self._rows: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        """Takes rows."""
        self._rows += rows

    def flush(self) -> list[RefusedRow]:
        """Keeps what a table would take."""
        rows, self._rows, refused = self._rows, [], []
        for row in rows:
            try:
                encode(row)
                self._kept.append(row)
            except InvalidRow as error:
                refused.append(RefusedRow(row, str(error)))
        return refused

    def discard(self) -> None:
        """Forgets what is not flushed."""
        self._rows = []

    def close(self) -> None:
        """Has nothing to end."""


class WriteRowsFn(beam.DoFn):  # type: ignore[misc]
    """Writes row batches; a bundle is done when the warehouse has every row of it.

    A refused row becomes a dead letter in the same bundle, its payload in `store` where no row can
    hold it; a dead letter that is refused, or a warehouse that does not answer, fails the bundle.
    Those whom `open_known` names are forgotten here, whichever way their rows came. What has waited
    for too long is stamped anew (warehouse/settling.py).
    """

    def __init__(
        self,
        open_sink: OpenSink,
        job_name: str,
        pipeline_version: int,
        clock: Clock = wall_clock,
        store: Store | None = None,
        open_known: OpenKnown = nobody,
    ) -> None:
        self._open_sink = open_sink
        self._open_known = open_known
        self._known: Known | None = None
        self._store = store
        self._job_name = job_name
        self._version = pipeline_version
        self._clock = clock
        self._sink: RowSink | None = None
        self._rows = 0
        self._written = counter(ROWS_WRITTEN)
        self._refused = counter(ROWS_REFUSED)

    def start_bundle(self) -> None:
        """Opens the sink at the first bundle, forgets what a failed one left."""
        if self._sink is None:
            self._sink = self._open_sink()
            self._known = self._open_known()
        self._sink.discard()
        self._rows = 0

    def process(self, batch: RowBatch) -> None:
        """Takes the rows."""
        assert self._sink is not None and self._known is not None
        rows = in_time(forget_rows(batch.rows, self._known()), self._clock())
        self._sink.write(rows)
        self._rows += len(rows)

    def finish_bundle(self) -> None:
        """Waits for every acknowledgement."""
        assert self._sink is not None
        refused = self._sink.flush()
        if refused:
            now = self._clock()
            letters = [
                refused_letter(r, now, self._job_name, self._version, self._store) for r in refused
            ]
            self._sink.write(letters)
            again = self._sink.flush()
            if again:
                raise RetriableError(f"a dead letter was refused: {again[0].error}")
        self._written.inc(self._rows - len(refused))
        self._refused.inc(len(refused))

    def teardown(self) -> None:
        """Ends the connection; every row has been waited for before."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None


def refused_letter(
    refused: RefusedRow,
    now: int,
    job_name: str,
    pipeline_version: int,
    store: Store | None = None,
) -> DeadLetter:
    """The dead letter of a row that its table refused.

    Of a raw change it is the original message, which a replay can publish again; of any other row
    the row itself as JSON.
    """
    row, table = refused.row, BY_ROW[type(refused.row)]
    payload, topic, uri = _as_json(row), None, None
    attributes: dict[str, str] = {}
    if isinstance(row, RawChange):
        change = change_of(row)
        payload, attributes = envelope(change)
        topic = topic_of(change.source)
    identity = getattr(row, "change_id", None) or stable_hash(payload)
    dead_letter_id = stable_hash(table.id, identity, payload)
    if len(payload) > MAX_PAYLOAD_BYTES and store is not None:
        uri, payload = store(f"dead-letters/{dead_letter_id}", payload), b""
    return DeadLetter(
        dead_letter_id=dead_letter_id,
        failed_at=now,
        failed_date=now // DAY_US,
        stage="write",
        error_type="RefusedRow",
        error_message=f"{table.id}: {refused.error}"[:1_000],
        source=getattr(row, "source", None),
        object_type=getattr(row, "object_type", None),
        object_id=getattr(row, "object_id", None),
        change_id=getattr(row, "change_id", None),
        message_id=getattr(row, "message_id", None),
        publish_time=getattr(row, "publish_time", None),
        attempt=getattr(row, "attempt", 1),
        retriable=True,
        pipeline_version=pipeline_version,
        job_name=job_name,
        topic=topic,
        attributes=json.dumps(attributes, ensure_ascii=False),
        payload=payload,
        payload_uri=uri,
        table_id=table.id,
    )


def _as_json(row: Row) -> bytes:
    try:
        return msgspec.json.encode(row)
    except UnicodeEncodeError:
        # Lone surrogates can be escaped, and so kept.
        return json.dumps(msgspec.to_builtins(row)).encode()
