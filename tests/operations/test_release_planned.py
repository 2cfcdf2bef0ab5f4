"""What a plan would take away for good is told by name, and nothing else is."""

import json
from typing import Any

from operations.release.planned import taken_away

OLD = [{"name": "id"}, {"name": "to", "fields": [{"name": "email"}, {"name": "name"}]}]
NEW = [*OLD, {"name": "score"}]


def table(columns: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"dataset_id": "sales", "table_id": "deals", "schema": json.dumps(columns), **more}


def gone(
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *actions: str,
    kind: str = "google_bigquery_table",
) -> tuple[str, ...]:
    change = {"before": before, "after": after, "actions": list(actions)}
    return taken_away({"resource_changes": [{"type": kind, "change": change}]})


def test_a_column_or_a_table_that_goes_is_told() -> None:
    assert gone(table(NEW), table(OLD), "update") == ("sales.deals.score",)
    inner = [OLD[0], {"name": "to", "fields": [{"name": "email"}]}]
    assert gone(table(OLD), table(inner), "update") == ("sales.deals.to.name",)
    assert gone(table(OLD), None, "delete") == ("sales.deals",)
    assert gone(table(OLD), table(OLD), "delete", "create") == ("sales.deals",)


def test_what_comes_and_what_holds_no_rows_is_not() -> None:
    assert not taken_away({})
    assert not gone(None, table(OLD), "create")
    assert not gone(table(OLD), table(NEW), "update")
    assert not gone(table(OLD), table(OLD), "no-op")
    assert not gone(table(OLD, view=[{"query": "SELECT 1"}]), None, "delete")
    assert not gone(table(OLD), None, "delete", kind="google_bigquery_table_iam_member")
