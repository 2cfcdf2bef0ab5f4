"""What the views say, in rows that two stacks can be compared by."""

import json
from typing import Any

from google.cloud import bigquery

from warehouse.query import run_view

COMPARED = (
    "sales.communications",
    "sales.account_timeline",
    "sales.people_latest",
    "sales.accounts_latest",
    "sales.deals_latest",
    "sales.interactions_latest",
    "sales.participants_latest",
    "sales.consent",
    "sales.unmatched_emails",
    "identity.links_latest",
    "identity.entities_latest",
    "identity.evidence_latest",
    "identity.candidates_latest",
)
VOLATILE = frozenset({"written_at", "resolved_at", "revision", "attempt", "lane"})
"""When, in which turn and on which way: two runs of the same changes differ in these."""

MOST_ROWS = 100_000

Rows = dict[str, list[str]]


def rows_of(client: bigquery.Client) -> Rows:
    """View to its rows as JSON, in an order of their own."""
    return {view: _rows(client, view) for view in COMPARED}


def _rows(client: bigquery.Client, view: str) -> list[str]:
    found = run_view(client, view, limit=MOST_ROWS)
    assert not found.truncated
    return sorted(_line(row) for row in found.rows)


def _line(row: dict[str, Any]) -> str:
    kept = {name: value for name, value in row.items() if name not in VOLATILE}
    return json.dumps(kept, sort_keys=True, default=str)


def assert_same(found: Rows, expected: Rows) -> None:
    """Names the view and the rows that one side lacks."""
    for view in COMPARED:
        missing = sorted(set(expected[view]) - set(found[view]))
        more = sorted(set(found[view]) - set(expected[view]))
        assert not missing and not more, (
            f"{view}: {len(missing)} rows are missing, {len(more)} are too many\n"
            f"missing: {missing[:2]}\ntoo many: {more[:2]}"
        )
        assert found[view] == expected[view], f"{view} shows a row more than once"


def accounting_of(client: bigquery.Client) -> dict[str, int]:
    """The account of all sources together; asserts that it balances and that nothing is lost."""
    total = dict.fromkeys(
        ("messages", "accepted", "duplicates", "dead_letters", "lost_duplicates"), 0
    )
    for row in run_view(client, "ops.accounting").rows:
        assert row["messages"] == row["accepted"] + row["duplicates"] + row["dead_letters"], row
        for name in total:
            total[name] += row[name]
    assert total["lost_duplicates"] == 0
    return total
