"""The default streams of the Storage Write API: batches out, acknowledgements in.

The default stream needs no commit: an acknowledged batch is there and can be queried. One
connection serves all tables (multiplexing), the schema sent along where the table changes.
https://cloud.google.com/bigquery/docs/write-api-best-practices#connection_pool_management
"""

import logging
import queue
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grpc
from google.api_core import exceptions as api
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types

from schemas.columns import Row, Table
from schemas.errors import FatalError, RetriableError
from warehouse.protobuf import descriptor

log = logging.getLogger(__name__)

ROWS_A_BATCH = 2_000
BYTES_A_BATCH = 4_000_000
"""Well below the 10 MB of a request; a single row may have more, and then travels alone.
https://cloud.google.com/bigquery/quotas#write-api-limits"""

GATHERED_S = 30.0
"""Rows of a table that few come to are sent with the next one that does, after that."""

BATCHES_IN_FLIGHT = 8
STREAM_TIMEOUT_S = 60.0
"""A call that long without an end is taken for hung: streams are opened anew before that."""

STREAM_AGE_S = 30.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
LOG_EVERY_S = 10.0

RETRIABLE = (
    api.ServiceUnavailable,
    api.Aborted,
    api.InternalServerError,
    api.DeadlineExceeded,
    api.Cancelled,
    api.Unknown,
    api.ResourceExhausted,
    api.TooManyRequests,
)


NEW_COLUMN = "Input schema has more fields than BigQuery schema"
"""A column that was just added is known to the Storage Write API some minutes later.
https://cloud.google.com/bigquery/docs/write-api#update_schema"""

BLAME = ("Conversion Error", "Invalid Input Error")
"""Of DuckDB: the embedded warehouse answers UNKNOWN, as to a fault of its own, where a value is
what it cannot take. Sent again as it is, such a batch would hold up all others for ever."""

_VALUE = re.compile(r"[\"{\[]|\bInput\b|\bvalue\b", re.IGNORECASE)


def without_values(message: str) -> str:
    """A server's message up to where it may quote what stood in the row."""
    return _VALUE.split(message, maxsplit=1)[0].strip()[:300] or "refused"


class Encoded(NamedTuple):
    """A row with its bytes."""

    row: Row
    body: bytes


class RefusedRow(NamedTuple):
    """A row that its table would not take, and why."""

    row: Row
    error: str


class Batch(NamedTuple):
    """Rows of one table that travel together; `since`: when the first was taken (monotonic)."""

    table: Table
    rows: list[Encoded]
    since: float


class Away(Exception):
    """The connection broke: what is not acknowledged has to be sent again."""


class Appender:
    """Appends to the tables of a project; not for several threads at once.

    RetriableError after `give_up_after_s` without an answer, and where a row would be sent later
    than `sent_within_s` after it was taken; None = never.
    """

    def __init__(
        self,
        client: BigQueryWriteClient,
        project: str,
        dataset_prefix: str = "",
        give_up_after_s: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        *,
        sent_within_s: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._datasets = f"projects/{project}/datasets/{dataset_prefix}"
        self._give_up_after_s = give_up_after_s
        self._sent_within_s = sent_within_s
        self._sleep, self._monotonic = sleep, monotonic
        self._gathered: dict[str, Batch] = {}
        self._gathered_bytes: dict[str, int] = {}
        self._sent: deque[Batch] = deque()
        self._refused: list[RefusedRow] = []
        self._requests: queue.SimpleQueue[Any] | None = None
        self._responses: Any = None
        self._opened = 0.0
        self._schema_of = ""

    def _stream(self, table: Table) -> str:
        return f"{self._datasets}{table.dataset}/tables/{table.name}/streams/_default"

    def now(self) -> float:
        """The present, as `add` takes it."""
        return self._monotonic()

    def add(self, table: Table, encoded: Encoded, taken: float | None = None) -> None:
        """Takes a row; sends a batch when it is full. `taken`: when it was given, None = now."""
        size = self._gathered_bytes.get(table.id, 0) + len(encoded.body)
        if size > BYTES_A_BATCH and table.id in self._gathered:
            self._send(table.id)
            size = len(encoded.body)
        now = self._monotonic()
        since = now if taken is None else taken
        batch = self._gathered.setdefault(table.id, Batch(table, [], since))
        batch.rows.append(encoded)
        self._gathered_bytes[table.id] = size
        if len(batch.rows) >= ROWS_A_BATCH or size >= BYTES_A_BATCH:
            self._send(table.id)
        elif now - next(iter(self._gathered.values())).since > GATHERED_S:
            self.send()

    def send(self) -> None:
        """Sends what is gathered of every table without waiting for the answers."""
        for table_id in list(self._gathered):
            self._send(table_id)

    def _send(self, table_id: str) -> None:
        batch = self._gathered.pop(table_id)
        self._gathered_bytes.pop(table_id)
        # Until there is room, and no longer: the others travel while the next one is made. Of an
        # old stream until nothing is on its way, so that the next one can have another.
        self.settle(0 if self._aged() else BATCHES_IN_FLIGHT - 1)
        self._sent.append(batch)
        self._put(batch)

    def settle(self, but_for: int = 0) -> None:
        """Returns when every batch that was sent, `but_for` some, is acknowledged or refused row by
        row."""
        began, noted, attempt = time.monotonic(), time.monotonic(), 0
        while len(self._sent) > but_for:
            try:
                self._receive()
                began, attempt = time.monotonic(), 0
                continue
            except Away as away:
                reason = str(away)
            waited = time.monotonic() - began
            if self._give_up_after_s is not None and waited > self._give_up_after_s:
                first = self._sent[0].table.id
                raise RetriableError(f"{first} cannot be written: {reason}")
            if time.monotonic() - noted > LOG_EVERY_S:
                noted = time.monotonic()
                log.warning("waiting for the warehouse (%s)", reason)
            longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
            self._sleep(random.uniform(0, longest))  # noqa: S311 (full jitter)
            attempt += 1
            self._resend()

    def take_refused(self) -> list[RefusedRow]:
        """The rows refused since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def discard(self) -> None:
        """Forgets what is not acknowledged: its bundle has failed and will come again."""
        self._gathered, self._gathered_bytes = {}, {}
        self._refused = []
        if self._sent:
            self._sent.clear()
            self.close()

    def close(self) -> None:
        """Ends the stream."""
        if self._requests is not None:
            self._requests.put(None)
        if self._responses is not None:
            self._responses.cancel()
        self._requests = self._responses = None

    def _resend(self) -> None:
        self.close()
        for batch in self._sent:
            self._put(batch)

    def _put(self, batch: Batch) -> None:
        waited = self._monotonic() - batch.since
        if self._sent_within_s is not None and waited > self._sent_within_s:
            # The compaction relies on it (warehouse/settling.py).
            raise RetriableError(
                f"{batch.table.id}: rows have waited {waited:.0f} s to be sent, which is too long: "
                "their bundle comes again"
            )
        if self._requests is None or (len(self._sent) <= 1 and self._aged()):
            self._open()
        assert self._requests is not None
        rows = types.ProtoRows(serialized_rows=[encoded.body for encoded in batch.rows])
        proto = types.AppendRowsRequest.ProtoData(rows=rows)
        if self._schema_of != batch.table.id:
            schema = types.ProtoSchema(proto_descriptor=descriptor(batch.table.row))
            proto.writer_schema = schema
            self._schema_of = batch.table.id
        stream = self._stream(batch.table)
        self._requests.put(types.AppendRowsRequest(write_stream=stream, proto_rows=proto))

    def _aged(self) -> bool:
        return time.monotonic() - self._opened > STREAM_AGE_S

    def _open(self) -> None:
        self.close()
        pending: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def outgoing() -> Iterator[Any]:
            while (request := pending.get()) is not None:
                yield request

        # The stub itself: the client's method would wait here for the first response, and there is
        # none before the first request.
        self._responses = self._client.transport.append_rows(
            outgoing(),
            timeout=STREAM_TIMEOUT_S,
            metadata=(
                ("x-goog-request-params", f"write_stream={self._stream(self._sent[0].table)}"),
            ),
        )
        self._requests = pending
        self._opened = time.monotonic()
        self._schema_of = ""

    def _receive(self) -> None:
        if self._responses is None:
            raise Away("no connection")
        try:
            response = next(self._responses)
        except StopIteration:
            self.close()
            raise Away("the stream ended") from None
        except grpc.RpcError as failure:
            self.close()
            self._judge(api.from_grpc_error(failure))
            return
        if response.row_errors:
            self._refuse({e.index: e.message for e in response.row_errors})
        elif response.error.code:
            self._judge(api.from_grpc_status(response.error.code, response.error.message))
        else:
            self._sent.popleft()

    def _judge(self, error: api.GoogleAPICallError) -> None:
        """Sifts a batch that rows are to blame for; else raises what is to be done."""
        reason = str(error.message)
        if NEW_COLUMN in reason:
            raise Away("a new column is not known yet") from error
        blamed = isinstance(error, api.Unknown) and any(words in reason for words in BLAME)
        if blamed or isinstance(error, (api.InvalidArgument, api.OutOfRange)):
            self._sift(reason)
        elif isinstance(error, (*RETRIABLE, api.NotFound)):
            # A table that was just made is not found for a while.
            raise Away(type(error).__name__) from error
        else:
            table_id = self._sent[0].table.id
            raise FatalError(f"{table_id} cannot be written: {without_values(reason)}") from error

    def _refuse(self, errors: dict[int, str]) -> None:
        batch = self._sent.popleft()
        self._refused += [
            RefusedRow(batch.rows[i].row, without_values(text))
            for i, text in sorted(errors.items())
        ]
        kept = [encoded for i, encoded in enumerate(batch.rows) if i not in errors]
        self._again(batch._replace(rows=kept))

    def _sift(self, reason: str) -> None:
        """A batch was refused whole: halves find the rows that are to blame."""
        batch = self._sent.popleft()
        rows = batch.rows
        if len(rows) == 1:
            self._refused.append(RefusedRow(rows[0].row, without_values(reason)))
            self._again()
            return
        half = len(rows) // 2
        self._again(batch._replace(rows=rows[:half]), batch._replace(rows=rows[half:]))

    def _again(self, *batches: Batch) -> None:
        """Puts batches back behind what is in flight; a broken stream sends all of it anew."""
        broken = self._responses is None
        for batch in batches:
            if batch.rows:
                self._sent.append(batch)
                if not broken:
                    self._put(batch)
        if broken:
            self._resend()
