"""Derived tables anew from raw.changes: what a parser that was mended now makes of all of it.

Every row is written again beside what is there; the views take the newer one. When all is written,
the rows that the same changes had before are swept. What is older than raw.changes' retention has
no change to be made from and stays as it is; so does what is a dead letter now.

The resolver comes last, from the records as they are now: it writes what differs from what it had
published, so that its feed tells of nothing that only happened on the way.
"""

import time

import msgspec
from google.cloud import bigquery

from pipelines.derive import derive, resolve
from pipelines.graph import Parts
from pipelines.proof import COMPARED, Comparison, Proof
from pipelines.sweep import DEAD, DERIVED, RAW, TIMEOUT_S, Cut, sweep, unread
from schemas.clock import from_us
from warehouse.bounded import rows
from warehouse.clients import Endpoint, bigquery_client
from warehouse.compaction import start_over
from warehouse.latest import table_reference


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of each derived table before, and after the sweep; what became a dead letter; what the
    latest rows say that they did not say before."""

    changes: int
    dead_letters: int
    before: dict[str, int]
    after: dict[str, int]
    compared: tuple[Comparison, ...] = ()
    seconds: dict[str, float] = {}
    """How long each part took."""

    @property
    def differing(self) -> int:
        """Keys that differ and that no change explains which came meanwhile."""
        return sum(one.differing for one in self.compared)


class Stopwatch:
    """Seconds of one part after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, part: str) -> None:
        """The part that ends now."""
        now = time.monotonic()
        self.seconds[part] = round(now - self._since, 3)
        self._since = now


def count(client: bigquery.Client, reference: str) -> int:
    """Rows of a table."""
    sql = f"SELECT COUNT(*) AS n FROM {reference}"  # noqa: S608 (own name)
    return int(next(iter(rows(client, sql, timeout_s=TIMEOUT_S))).n)


def rebuild(
    endpoint: Endpoint,
    parts: Parts,
    dataset_prefix: str = "",
    settled: int | None = None,
    *,
    proved: bool = True,
) -> Rebuilt:
    """Derives the rows of raw.changes, sweeps what it has replaced, resolves the records anew.

    `settled` (microseconds): all rows of what was published before are written. What a pipeline has
    in hand meanwhile was published later and is not swept: this run may not have read it. None:
    nothing else writes. What the latest rows say is compared with what they said before, unless it
    need not be `proved`: that reads every table twice.
    """
    watch = Stopwatch()
    client = bigquery_client(endpoint)
    # Rows are taken away: no view may go by a copy of them.
    start_over(client, dataset_prefix)
    names = {t.id: table_reference(client, t, dataset_prefix) for t in (*DERIVED, RAW, DEAD)}
    before = {table.id: count(client, names[table.id]) for table in DERIVED}
    proof = Proof(client, dataset_prefix, COMPARED if proved else ())
    proof.keep()
    watch.lap("digests before")
    began = parts.clock()
    until = from_us(began if settled is None else settled)
    cut = Cut(from_us(began), until, parts.job_name)
    derive(client, parts, dataset_prefix)
    watch.lap("derived rows")
    sweep(client, cut, dataset_prefix)
    watch.lap("sweep")
    resolve(client, parts, dataset_prefix)
    watch.lap("resolver")
    compared = proof.compare(until)
    proof.drop()
    watch.lap("comparison")
    after = {table.id: count(client, names[table.id]) for table in DERIVED}
    changes = count(client, names[RAW.id])
    refused = unread(client, cut, dataset_prefix)
    client.close()
    return Rebuilt(
        changes=changes,
        dead_letters=refused,
        before=before,
        after=after,
        compared=compared,
        seconds=watch.seconds,
    )
