"""What the demo has brought about, asked of the warehouse and held against the truth."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from google.cloud import bigquery

from operations.status import row_counts
from sandbox.company.world import Truth
from sandbox.evaluate import Pairs, Rate, Sighting, match_rate, pairs
from sandbox.vendors.estate import Estate
from sandbox.vendors.truth import Expected, Records, differences, newest
from schemas.records import RawChange
from transforms.accept import change_of
from warehouse.latest import latest
from warehouse.query import run_sql, run_view

TIMELINE_ROWS = 8
TIMEOUT_S = 60.0
MOST_ROWS = 1_000_000

LINKS = """
SELECT link.record_key, link.entity_id, link.kind, entity.account_entity_id
FROM `identity.links_latest` AS link
JOIN `identity.entities_latest` AS entity ON entity.entity_id = link.entity_id
"""
SHOWN = """
SELECT interaction.object_id, part.participant_key
FROM `sales.participants_latest` AS part
JOIN `sales.interactions_latest` AS interaction ON interaction.record_key = part.record_key
WHERE NOT part.is_internal
"""
BUSIEST = """
SELECT account_entity_id, COUNT(DISTINCT kind) AS kinds, COUNT(*) AS events
FROM `sales.account_timeline`
GROUP BY account_entity_id
ORDER BY kinds DESC, events DESC, account_entity_id
"""


@dataclass(frozen=True, slots=True)
class Speed:
    """Times on this machine, in seconds; `arrivals`: from a mail in a mailbox to its row."""

    start_s: float
    messages: int
    backfill_s: float
    arrivals: tuple[float, ...]

    @property
    def per_s(self) -> float:
        """Messages a second, from the start of the first backfill to the last row."""
        return self.messages / self.backfill_s

    @property
    def median_s(self) -> float:
        """Half of the arrivals were there sooner."""
        return statistics.median(self.arrivals)

    @property
    def p95_s(self) -> float:
        """Nineteen of twenty arrivals were there sooner."""
        return sorted(self.arrivals)[max(0, -(-len(self.arrivals) * 95 // 100) - 1)]


class Reading(NamedTuple):
    """Records of one kind that live at a vendor, those that we hold, and where the two differ."""

    source: str
    object_type: str
    there: int
    held: int
    differences: tuple[str, ...]


class Reconciled(NamedTuple):
    """Objects of one kind as ops.reconciliation has them: those that the source itself has counted,
    and those that we held then."""

    source: str
    object_type: str
    there: int
    held: int

    @property
    def present(self) -> int:
        """Of those that are there, those that we hold; what we hold besides makes up for none."""
        return min(self.there, self.held)


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the summary shows."""

    readings: list[Reading]
    reconciled: list[Reconciled]
    happened: Mapping[str, int]
    accounting: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]
    rows: dict[str, int]
    timeline: list[dict[str, Any]]
    records: int
    people: int
    accounts: int
    email: Rate
    phone: Rate
    pairs: Pairs
    speed: Speed


def measured(
    client: bigquery.Client, estate: Estate, happened: Mapping[str, int], speed: Speed
) -> Figures:
    """Asks for all of it."""
    expected = estate.expected()
    truth = _of_the_living(estate.company.truth, expected)
    linked = _rows(client, LINKS)
    links = {row["record_key"]: row["entity_id"] for row in linked}
    entities = {row["entity_id"]: row["kind"] for row in linked}
    accounts = {row["entity_id"]: row["account_entity_id"] or "" for row in linked}
    shown: dict[str, set[str]] = {}
    for row in _rows(client, SHOWN):
        shown.setdefault(row["object_id"], set()).add(row["participant_key"])
    mails = [
        Sighting(truth.records[key], key if key in shown.get(mail_id, ()) else "")
        for mail_id, keys in truth.mails.items()
        for key in keys
    ]
    calls = [
        Sighting(truth.records[key], key if shown.get(call_id) == {key} else "")
        for call_id, key in truth.calls.items()
    ]
    return Figures(
        readings=_readings(client, expected),
        reconciled=_reconciled(client),
        happened=happened,
        accounting=run_view(client, "ops.accounting", timeout_s=TIMEOUT_S).rows,
        dead_letters=run_view(client, "ops.dead_letters_summary", timeout_s=TIMEOUT_S).rows,
        rows=row_counts(client),
        timeline=_timeline(client),
        records=len(links),
        people=sum(kind == "person" for kind in entities.values()),
        accounts=sum(kind == "account" for kind in entities.values()),
        email=match_rate(mails, links, truth.records, truth.in_crm),
        phone=match_rate(calls, links, truth.records, truth.in_crm, accounts),
        pairs=pairs(links, truth.records),
        speed=speed,
    )


def _of_the_living(truth: Truth, expected: Mapping[str, Records]) -> Truth:
    """The truth without the records that were deleted or merged since it was told."""
    gone = {
        f"{source}:{object_type}:{object_id}"
        for source, kinds in expected.items()
        for object_type, records in kinds.items()
        for object_id, one in records.items()
        if not one.lives
    }
    return replace(
        truth,
        records={key: true for key, true in truth.records.items() if key not in gone},
        mails={one: keys for one, keys in truth.mails.items() if _mail_lives(one, expected)},
    )


def _mail_lives(message_id: str, expected: Mapping[str, Records]) -> bool:
    found = expected["gmail"]["message"].get(message_id)
    return found is not None and found.lives


def _readings(client: bigquery.Client, expected: Mapping[str, Records]) -> list[Reading]:
    """What the vendors have, record by record, against the newest versions in raw.changes."""
    found = newest(change_of(raw) for raw in latest(client, RawChange))
    differing: dict[tuple[str, str], list[str]] = {}
    for line in differences(expected, found):
        source, object_type, _ = line.split(":", 2)
        differing.setdefault((source, object_type), []).append(line)
    return [
        Reading(
            source,
            kind,
            _living(expected.get(source, {}).get(kind, {})),
            _living(found.get(source, {}).get(kind, {})),
            tuple(differing.get((source, kind), ())),
        )
        for source in sorted({*expected, *found})
        for kind in sorted({*expected.get(source, {}), *found.get(source, {})})
    ]


def _reconciled(client: bigquery.Client) -> list[Reconciled]:
    """What the night has counted in all: the counts of single days are parts of it."""
    return [
        Reconciled(row["source"], row["object_type"], row["there"], row["held"])
        for row in run_view(client, "ops.reconciliation", timeout_s=TIMEOUT_S).rows
        if row["created_date"] is None
    ]


def _living(records: Mapping[str, Expected]) -> int:
    return sum(one.lives for one in records.values())


def _timeline(client: bigquery.Client) -> list[dict[str, Any]]:
    """The newest events of the account that has the most kinds of them, then the most."""
    found = run_sql(client, BUSIEST, limit=1, timeout_s=TIMEOUT_S)
    account = found.rows[0]["account_entity_id"] if found.rows else ""
    shown = run_view(
        client, "sales.account_timeline", account=account, limit=TIMELINE_ROWS, timeout_s=TIMEOUT_S
    )
    return shown.rows


def _rows(client: bigquery.Client, sql: str) -> list[dict[str, Any]]:
    return run_sql(client, sql, limit=MOST_ROWS, timeout_s=TIMEOUT_S).rows
