"""An erasure in the cloud: objects of a bucket besides tables, and a stream that does not say how
far it is, but whose writers keep to a bound (HELD_AGAINST_S of warehouse/erasures.py)."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from google.cloud import bigquery

from connectors.erasable_bucket import ErasableBucket, bucket_of
from operations import config
from operations.console import console
from operations.privacy.erasure_orders import erasures
from schemas.clock import DAY_US, Clock, from_us
from schemas.errors import ConfigurationError, RetriableError
from schemas.topology import RETENTION_S
from transforms.traces import Spot, Traces
from warehouse.bounded import WHOLE_TABLES_BYTES, rows
from warehouse.catalogue import qualified
from warehouse.clock import WarehouseClock
from warehouse.compaction import clear
from warehouse.erasures import HELD_AGAINST_S
from warehouse.other_runs import CHECKS, COMPACTIONS, REBUILDS, REPLAYS, OtherRuns, Watched
from warehouse.settling import SETTLED_S

TAKEN_WITHIN_S = 600.0
"""For the stream to take an order: mostly seconds."""
LOOKS_EVERY_S = 5.0
MESSAGES_DAYS = RETENTION_S // 86_400
TIME_TRAVEL_DAYS = 7
"""terraform/warehouse.tf."""
FAIL_SAFE_DAYS = 7
"""After time travel. https://cloud.google.com/bigquery/docs/time-travel#fail-safe"""
JOBS_DAYS = 180
"""https://cloud.google.com/bigquery/docs/managing-jobs#view_jobs_in_a_project"""
LOGGED_DAYS = 400
"""terraform/audit.tf."""


_IN_OTHERS = """
SELECT uri FROM (
  SELECT dataref AS uri FROM `raw.changes`
  UNION ALL
  SELECT payload_uri AS uri FROM `ops.dead_letters`
) WHERE uri IS NOT NULL AND NOT STARTS_WITH(uri, @base) LIMIT 1
"""
ASK_TIMEOUT_S = 600.0


class InTheCloud:
    """As Surroundings, of a project. `clock` is the warehouse's: what it is compared with was
    written by workers, and that of a terminal may be wrong."""

    takes = (
        f"This takes {HELD_AGAINST_S / 60:.0f} minutes for every writer to have the order, and "
        "about five for each gigabyte of payloads, which are searched once and read four times, "
        "those in the bucket once; it may be broken off and begun again."
    )
    searched = "of every table and of every payload in the bucket"

    def __init__(
        self,
        client: bigquery.Client,
        objects: ErasableBucket,
        clock: Clock | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._objects = client, objects
        self._clock, self._sleep = clock or WarehouseClock(client), sleep
        self._stood: dict[str, int] = {}
        """When each mark was in ops.erasures for certain."""
        self._clean: set[str] = set()
        """Payloads that name nobody: what lies at an address never changes."""
        self._compactions = self._others(COMPACTIONS)
        self._checks = self._others(CHECKS)
        self._jobs = (self._others(REBUILDS), self._others(REPLAYS))

    def _others(self, watched: Watched) -> OtherRuns:
        return OtherRuns(self._client, watched, self._clock, self._sleep, console.print)

    @property
    def elsewhere(self) -> str:
        """As Surroundings."""
        safe_days = TIME_TRAVEL_DAYS + FAIL_SAFE_DAYS
        travel, safe, jobs, logged, retained = (
            from_us(self._clock() + days * DAY_US).date().isoformat()
            for days in (TIME_TRAVEL_DAYS, safe_days, JOBS_DAYS, LOGGED_DAYS, MESSAGES_DAYS)
        )
        return (
            f"  BigQuery: time travel until {travel}; the fail-safe, which only\n"
            f"    Google can read, until {safe}; snapshots of tables until they\n"
            "    expire; cached answers for a day; its list of jobs, with what was\n"
            f"    asked, until {jobs};\n"
            f"  Pub/Sub: messages and positions of releases until {retained}; what\n"
            "    is sought back to is held against the marks as it is written;\n"
            "  payloads that come again: not the rows, but the bucket, as long as\n"
            "    raw.changes;\n"
            f"  the audit log: SQL that a person typed, until {logged}; other logs\n"
            "    name ids;\n"
            "  exports and copies that people made;"
        )

    def alone(self) -> AbstractContextManager[None]:
        """As Surroundings. No lock is here: compactions and checks are waited for, rebuilds and
        replays, too, and do not begin meanwhile (pipelines/job_run.py); the retention deletes what
        would go all the same, and another erasure writes nothing that was not held against the
        marks of this one."""
        return nullcontext()

    def refuse_unreached(self) -> None:
        """As Surroundings."""
        base = bigquery.ScalarQueryParameter("base", "STRING", self._objects.base)
        sql = qualified(_IN_OTHERS, self._client.project)
        for row in rows(
            self._client,
            sql,
            [base],
            timeout_s=ASK_TIMEOUT_S,
            maximum_bytes_billed=WHOLE_TABLES_BYTES,
        ):
            raise ConfigurationError(
                f"payloads of rows lie in {bucket_of(row['uri'])}, and {config.OBJECTS_VARIABLE} "
                f"names {self._objects.base}: name the bucket of the stream, or they would stay"
            )

    def until_quiet(self) -> None:
        """As Surroundings."""
        self._checks.until_none()

    def until_jobs_end(self) -> None:
        """As Surroundings."""
        for jobs in self._jobs:
            jobs.until_none()

    def clear_copies(self) -> None:
        """As Surroundings. A compaction that has begun meanwhile may have put rows back, and is
        waited for: those that begin later find none."""
        while True:
            known = self._compactions.until_none()
            clear(self._client)
            if not self._compactions.begun_besides(known):
                return

    def until_taken(self, missing: Callable[[], int]) -> int:
        """As Surroundings."""
        until = self._clock() + int(TAKEN_WITHIN_S * 1_000_000)
        while (left := missing()) and self._clock() < until:
            self._sleep(LOOKS_EVERY_S)
        return left

    def until_held(self, marks: Sequence[str], *, restored: bool = False) -> None:
        """As Surroundings. Marks that have stood for long enough, by this erasure or by one that
        was broken off, are not waited for again."""
        now = self._clock()
        self._note_standing(now, restored=restored)
        if missing := [mark for mark in marks if mark not in self._stood]:
            raise RetriableError(
                f"{len(missing):,} marks do not stand any more: was an erasure lifted just now?"
            )
        until = max(self._stood[mark] for mark in marks) + int(HELD_AGAINST_S * 1_000_000)
        if until > now:
            at = from_us(until).astimezone().strftime("%H:%M")
            console.print(
                f"every writer has the order at {at}: waiting until then", highlight=False
            )
        while (left := (until - self._clock()) / 1_000_000) > 0:
            self._sleep(left)

    def _note_standing(self, now: int, *, restored: bool) -> None:
        """A row is there soon after it says that it was written, and now for certain; one that came
        by a restore is there now, and says what it said before."""
        standing: dict[str, int] = {}
        for row in erasures(self._client):
            if not row.is_lifted:
                there = now if restored else min(now, row.written_at + int(SETTLED_S * 1_000_000))
                for mark in row.marks:
                    standing[mark] = min(there, standing.get(mark, there))
        self._stood = {
            mark: min(there, self._stood.get(mark, there)) for mark, there in standing.items()
        }

    def drop(self, addresses: Collection[str]) -> None:
        """As Surroundings."""
        for address in addresses:
            self._objects.delete(address)

    def search(self, traces: Traces) -> list[Spot]:
        """As Surroundings: every payload in the bucket."""
        # Of whom nothing but marks is known, no payload can tell.
        return list(self._found(traces)) if traces.sql_pattern else []

    def _found(self, traces: Traces) -> Iterator[Spot]:
        for address in self._objects.addresses():
            if address in self._clean:
                continue
            try:
                trace = traces.find(self._objects.get(address), "texts")
            except LookupError:
                continue  # It has expired meanwhile.
            if trace is None:
                self._clean.add(address)
            else:
                yield Spot(address, trace)

    def is_foreign(self, place: str) -> bool:
        """As Surroundings: tables and the bucket are ours."""
        return False

    def scrub(self, traces: Traces, changes: Collection[str]) -> None:
        """As Surroundings: payloads that name them; those of their rows go with these."""
        self.drop([found.path for found in self.search(traces)])

    def renew(self) -> None:
        """As Surroundings. BigQuery keeps deleted rows for time travel; nobody can hasten that."""
