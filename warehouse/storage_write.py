"""One table's default stream of the Storage Write API: batches out, acknowledgements in.

The default stream needs no commit: an acknowledged batch is there and can be queried.
https://cloud.google.com/bigquery/docs/write-api-streaming
"""

import logging
import queue
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from google.api_core import exceptions as api
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types

from schemas.columns import Row, Table
from schemas.errors import FatalError, RetriableError
from warehouse.protobuf import descriptor

log = logging.getLogger(__name__)

ROWS_A_BATCH = 500
BYTES_A_BATCH = 4_000_000
"""Well below the 10 MB of a request: https://cloud.google.com/bigquery/quotas#write-api-limits"""

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


class Encoded(NamedTuple):
    """A row with its bytes."""

    row: Row
    body: bytes


class RefusedRow(NamedTuple):
    """A row that its table would not take, and why."""

    row: Row
    error: str


class Away(Exception):
    """The connection broke: what is not acknowledged has to be sent again."""


class TableWriter:
    """Appends to one table; not for several threads at once."""

    def __init__(
        self,
        client: BigQueryWriteClient,
        project: str,
        table: Table,
        dataset_prefix: str = "",
        give_up_after_s: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._name = (
            f"projects/{project}/datasets/{dataset_prefix}{table.dataset}"
            f"/tables/{table.name}/streams/_default"
        )
        self._table = table
        self._give_up_after_s = give_up_after_s
        self._sleep = sleep
        self._gathered: list[Encoded] = []
        self._gathered_bytes = 0
        self._sent: deque[list[Encoded]] = deque()
        self._refused: list[RefusedRow] = []
        self._requests: queue.SimpleQueue[Any] | None = None
        self._responses: Any = None
        self._opened = 0.0
        self._introduced = False

    def add(self, encoded: Encoded) -> None:
        """Takes a row; sends a batch when it is full."""
        self._gathered.append(encoded)
        self._gathered_bytes += len(encoded.body)
        if len(self._gathered) >= ROWS_A_BATCH or self._gathered_bytes >= BYTES_A_BATCH:
            self.send()

    def send(self) -> None:
        """Sends what is gathered without waiting for the answer."""
        if not self._gathered:
            return
        batch, self._gathered, self._gathered_bytes = self._gathered, [], 0
        if len(self._sent) >= BATCHES_IN_FLIGHT:
            self.settle()
        self._sent.append(batch)
        try:
            self._put(batch)
        except Away:
            self.settle()

    def settle(self) -> None:
        """Returns when every batch that was sent is acknowledged or refused row by row."""
        began, noted, attempt = time.monotonic(), time.monotonic(), 0
        while self._sent:
            try:
                self._receive()
                attempt = 0
                continue
            except Away as away:
                reason = str(away)
            waited = time.monotonic() - began
            if self._give_up_after_s is not None and waited > self._give_up_after_s:
                raise RetriableError(f"{self._table.id} cannot be written: {reason}")
            if time.monotonic() - noted > LOG_EVERY_S:
                noted = time.monotonic()
                log.warning("%s: waiting for the warehouse (%s)", self._table.id, reason)
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
        self._gathered, self._gathered_bytes = [], 0
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
        try:
            for batch in self._sent:
                self._put(batch)
        except Away:
            # settle() finds out at its next receive, and waits longer.
            self.close()

    def _put(self, batch: list[Encoded]) -> None:
        if self._requests is None or (
            len(self._sent) <= 1 and time.monotonic() - self._opened > STREAM_AGE_S
        ):
            self._open()
        assert self._requests is not None
        rows = types.ProtoRows(serialized_rows=[encoded.body for encoded in batch])
        data = types.AppendRowsRequest.ProtoData(rows=rows)
        if not self._introduced:
            data.writer_schema = types.ProtoSchema(proto_descriptor=descriptor(self._table.row))
            self._introduced = True
        self._requests.put(types.AppendRowsRequest(write_stream=self._name, proto_rows=data))

    def _open(self) -> None:
        self.close()
        requests: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def outgoing() -> Iterator[Any]:
            while (request := requests.get()) is not None:
                yield request

        try:
            self._responses = self._client.append_rows(
                outgoing(),
                timeout=STREAM_TIMEOUT_S,
                retry=None,
                metadata=(("x-goog-request-params", f"write_stream={self._name}"),),
            )
        except api.GoogleAPICallError as error:
            raise self._policy(error) from error
        self._requests = requests
        self._opened = time.monotonic()
        self._introduced = False

    def _receive(self) -> None:
        if self._responses is None:
            raise Away("no connection")
        try:
            response = next(self._responses)
        except StopIteration:
            self.close()
            raise Away("the stream ended") from None
        except api.GoogleAPICallError as error:
            self.close()
            if isinstance(error, api.InvalidArgument):
                self._sift(str(error.message))
                return
            raise self._policy(error) from error
        if response.row_errors:
            self._refuse({e.index: e.message for e in response.row_errors})
        elif response.error.code:
            self._sift(response.error.message)
        else:
            self._sent.popleft()

    def _policy(self, error: api.GoogleAPICallError) -> Exception:
        if isinstance(error, (*RETRIABLE, api.NotFound)):
            # A table that was just made is not found for a while.
            return Away(type(error).__name__)
        return FatalError(f"{self._table.id} cannot be written: {error.message}")

    def _refuse(self, errors: dict[int, str]) -> None:
        batch = self._sent.popleft()
        self._refused += [RefusedRow(batch[i].row, text) for i, text in sorted(errors.items())]
        self._again([encoded for i, encoded in enumerate(batch) if i not in errors])

    def _sift(self, reason: str) -> None:
        """A batch was refused whole: halves find the rows that are to blame."""
        batch = self._sent.popleft()
        if len(batch) == 1:
            self._refused.append(RefusedRow(batch[0].row, reason))
            self._again([])
            return
        half = len(batch) // 2
        self._again(batch[:half], batch[half:])

    def _again(self, *batches: list[Encoded]) -> None:
        """Puts batches back behind what is in flight; a broken stream sends all of it anew."""
        pending = [batch for batch in batches if batch]
        broken = self._responses is None
        for batch in pending:
            self._sent.append(batch)
            if not broken:
                self._put(batch)
        if broken:
            self._resend()
