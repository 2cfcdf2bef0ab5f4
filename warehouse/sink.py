"""Sinks, and the step that writes into one."""

from collections.abc import Sequence
from functools import partial

import apache_beam as beam

from schemas.columns import Row
from schemas.errors import InvalidRow
from schemas.flow import RowBatch
from schemas.tables import BY_ROW
from transforms.metrics import ROWS_REFUSED, ROWS_WRITTEN, counter
from warehouse.clients import Endpoint, write_client
from warehouse.protobuf import encode
from warehouse.row_sink import OpenSink
from warehouse.row_writer import RowWriter
from warehouse.storage_write import Appender, Encoded, RefusedRow


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
        # The last row has waited as long as the first, whatever is waited for in between.
        taken = self._appender.now()
        for row in rows:
            try:
                encoded = Encoded(row, encode(row))
            except InvalidRow as error:
                self._refused.append(RefusedRow(row, str(error)))
                continue
            self._appender.add(BY_ROW[type(row)], encoded, taken)

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
    """Writes row batches; a bundle is done when the warehouse has every row of it."""

    def __init__(self, writer: RowWriter) -> None:
        self._writer = writer
        self._written = counter(ROWS_WRITTEN)
        self._refused = counter(ROWS_REFUSED)

    def start_bundle(self) -> None:
        """Opens the sink at the first bundle, forgets what a failed one left."""
        self._writer.start()

    def process(self, batch: RowBatch) -> None:
        """Takes the rows."""
        self._writer.write(batch.rows)

    def finish_bundle(self) -> None:
        """Waits for every acknowledgement."""
        written, refused = self._writer.finish()
        self._written.inc(written)
        self._refused.inc(refused)

    def teardown(self) -> None:
        """Ends the connection; every row has been waited for before."""
        self._writer.close()
