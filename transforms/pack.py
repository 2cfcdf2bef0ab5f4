"""Rows gathered within a bundle before they cross a shuffle: fewer and larger elements."""

from collections.abc import Iterator

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MAX_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from schemas.columns import Row
from schemas.flow import RowBatch
from schemas.records import RawChange

ROWS_TOGETHER = 500
BYTES_TOGETHER = 2_000_000
"""Half of what the sink sends at once; a shuffle's element should stay well below 10 MB."""

ROW_BYTES = 500
"""What a row weighs beside its payload, roughly: it only decides when a batch is full."""


class PackRowsFn(beam.DoFn):  # type: ignore[misc]
    """Joins the row batches of a bundle into batches of some hundred rows."""

    def __init__(self) -> None:
        self._start()

    def start_bundle(self) -> None:
        """Forgets what a failed bundle gathered."""
        self._start()

    def _start(self) -> None:
        self._rows: list[Row] = []
        self._bytes = 0
        self._earliest = MAX_TIMESTAMP

    def process(
        self, batch: RowBatch, timestamp: beam.utils.timestamp.Timestamp = beam.DoFn.TimestampParam
    ) -> Iterator[WindowedValue]:
        """Gathers; emits a batch that is full."""
        self._rows.extend(batch.rows)
        self._bytes += ROW_BYTES * len(batch.rows)
        self._bytes += sum(len(row.payload) for row in batch.rows if isinstance(row, RawChange))
        self._earliest = min(self._earliest, timestamp)
        if len(self._rows) >= ROWS_TOGETHER or self._bytes >= BYTES_TOGETHER:
            yield self._emit()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Emits what is gathered."""
        if self._rows:
            yield self._emit()

    def _emit(self) -> WindowedValue:
        value = WindowedValue(RowBatch(tuple(self._rows)), self._earliest, (GlobalWindow(),))
        self._start()
        return value
