"""What a rebuild has changed: the latest rows before it held against those after it, key by key.

The digests of all latest rows are put aside in the warehouse, in tables that expire by themselves,
and compared there, so that nothing but the differences leaves it.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from google.cloud import bigquery

from schemas.columns import Table
from schemas.identity import Entity, Link, StoredRecord
from schemas.records import Participant, RawChange
from schemas.tables import BY_ROW, TABLES
from warehouse.digests import ask, latest_digests, row_key, summed, told
from warehouse.latest import table_reference

COMPARED = (
    *(table for table in TABLES if table.dataset == "sales"),
    *(BY_ROW[row] for row in (StoredRecord, Link, Entity)),
)
SAMPLES = 5
ASIDE_HOURS = 24
"""How long the digests stay where a rebuild was killed; one that ends drops them."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The latest rows of a table at two moments; volatile columns are not looked at."""

    table: str
    before: int
    after: int
    checksum_before: str
    checksum_after: str
    differing: int = 0
    """Keys whose row came, went or says something else, and that no later change explains."""
    meanwhile: int = 0
    """Those that a change explains which came while it ran."""
    samples: tuple[str, ...] = ()
    """Some of the keys that differ."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs but what came meanwhile."""
        return not self.differing


class Proof:
    """Compares the derived tables at two moments; `keep` comes before the work, `compare` after."""

    def __init__(
        self,
        client: bigquery.Client,
        dataset_prefix: str = "",
        tables: Sequence[Table] = COMPARED,
    ) -> None:
        self._client = client
        self._prefix = dataset_prefix
        self._tables = tables

    def _name(self, table: Table) -> str:
        return table_reference(self._client, table, self._prefix)

    def _aside(self, table: Table) -> str:
        name = f"before_rebuild_{table.dataset}_{table.name}"
        return f"{self._client.project}.{self._prefix}ops.{name}"

    def keep(self) -> None:
        """Puts the digests of what is there now aside."""
        until = f"TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {ASIDE_HOURS} HOUR)"
        for table in self._tables:
            ask(
                self._client,
                f"CREATE OR REPLACE TABLE `{self._aside(table)}` "
                f"OPTIONS (expiration_timestamp = {until}) AS {self._digests(table)}",
            )

    def _digests(self, table: Table) -> str:
        return latest_digests(table, self._name(table))

    def compare(self, settled: datetime) -> tuple[Comparison, ...]:
        """What differs now, table by table; changes published from `settled` on explain theirs."""
        return tuple(self._compared(table, settled) for table in self._tables)

    def _compared(self, table: Table, settled: datetime) -> Comparison:
        both = (
            f"`{self._aside(table)}` AS b FULL OUTER JOIN ({self._digests(table)}) AS a "
            "ON b.row_key = a.row_key"
        )
        differ = "COALESCE(b.digest, '') != COALESCE(a.digest, '')"
        sums = f"{summed('b.digest', '_before')}, {summed('a.digest', '_after')}"
        [found] = ask(self._client, f"SELECT {sums}, COUNTIF({differ}) AS differing FROM {both}")  # noqa: S608
        differing, samples = found.differing, list[str]()
        if differing:
            row_key = "COALESCE(b.row_key, a.row_key)"
            rest = (
                f"SELECT {row_key} AS row_key FROM {both} WHERE {differ} "  # noqa: S608 (own names)
                f"AND {row_key} NOT IN ({self._explained(table)})"
            )
            differing = self._count(rest, settled=settled)
            first = f"{rest} ORDER BY row_key LIMIT {SAMPLES}"
            samples = [row.row_key for row in ask(self._client, first, settled=settled)]
        return Comparison(
            table=table.id,
            before=found.n_before,
            after=found.n_after,
            checksum_before=told(found, "_before"),
            checksum_after=told(found, "_after"),
            differing=differing,
            meanwhile=found.differing - differing,
            samples=tuple(samples),
        )

    def _count(self, sql: str, **values: datetime) -> int:
        [row] = ask(self._client, f"SELECT COUNT(*) AS n FROM ({sql})", **values)  # noqa: S608
        return int(row.n)

    def _explained(self, table: Table) -> str:
        """Keys of a table that changes bear on which were published since `settled`."""
        raw = self._name(BY_ROW[RawChange])
        since = f"FROM {raw} WHERE publish_time >= @settled"
        if table.row not in (StoredRecord, Link, Entity):
            return (
                f"SELECT {row_key(table)} FROM {self._name(table)} "  # noqa: S608 (own names)
                f"WHERE change_id IN (SELECT change_id {since})"
            )
        records = (
            f"SELECT record_key {since} UNION DISTINCT SELECT participant_key "  # noqa: S608
            f"FROM {self._name(BY_ROW[Participant])} WHERE change_id IN (SELECT change_id {since})"
            " AND participant_key IS NOT NULL"
        )
        links, entities = self._name(BY_ROW[Link]), self._name(BY_ROW[Entity])
        theirs = (
            f"SELECT entity_id FROM {links} WHERE entity_id IS NOT NULL "  # noqa: S608 (own names)
            f"AND record_key IN ({records})"
        )
        if table.row is StoredRecord:
            return records
        if table.row is Link:
            # Whoever was ever together with one of these records may have been moved with it.
            moved = f"SELECT record_key FROM {links} WHERE entity_id IN ({theirs})"  # noqa: S608
            return f"{records} UNION DISTINCT {moved}"
        of_account = f"SELECT entity_id FROM {entities} WHERE account_entity_id IN ({theirs})"  # noqa: S608
        return f"{theirs} UNION DISTINCT {of_account}"

    def drop(self) -> None:
        """Drops what was put aside."""
        for table in self._tables:
            self._client.delete_table(self._aside(table), not_found_ok=True)
