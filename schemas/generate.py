"""Writes what others read from the schemas: BigQuery JSON for Terraform, and docs/tables.md.

The manifest has what a BigQuery schema cannot say: layout, days until a partition expires (by
class, for a deployment to set), classes of personal data. A `version_key` names what a row is a
version of and is no constraint; a `primary_key` holds, and is declared NOT ENFORCED.

`make schemas` runs it; a test fails when what is committed is stale.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from schemas.columns import POLICIES, Table, columns
from schemas.current import CURRENT
from schemas.retention import DAYS, LONGEST_DAYS, SHORTEST_DAYS
from schemas.tables import DATASETS, TABLES
from schemas.topology import (
    DECISIONS_SUBSCRIPTION,
    FETCH_SUBSCRIPTIONS,
    HINT_ATTEMPTS,
    NOTIFY_SUBSCRIPTION,
    PIPELINE_SUBSCRIPTIONS,
    RETENTION_S,
    TOPICS,
    Subscription,
)

ROOT = Path(__file__).resolve().parent.parent


def bigquery_fields(table: Table) -> list[dict[str, object]]:
    """The fields of a table as BigQuery's API and Terraform take them."""
    return [
        {
            "name": column.name,
            "type": column.kind,
            "mode": column.mode,
            "description": column.description,
        }
        for column in columns(table.row)
    ]


def manifest() -> dict[str, object]:
    """Tables with their layout, for Terraform."""
    current_of = {current.id: table_id for table_id, current in CURRENT.items()}
    return {
        "datasets": DATASETS,
        "retention_days": DAYS,
        "retention_bounds": {"least": SHORTEST_DAYS, "most": LONGEST_DAYS},
        "taxonomy": POLICIES,
        "tables": {
            table.id: {
                "description": table.description,
                "partition": table.partition or None,
                "cluster": list(table.cluster),
                "version_key": list(table.key),
                "primary_key": list(table.primary_key),
                "current_of": current_of.get(table.id),
                "retention": table.retention,
                "expiry_days": table.expiry_days,
                "policies": {c.name: c.policy for c in columns(table.row) if c.policy},
            }
            for table in (*TABLES, *CURRENT.values())
        },
    }


def topology() -> dict[str, object]:
    """Topics and subscriptions, for Terraform; who reads a subscription decides its policies."""
    engine = [*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION]
    clients = [*FETCH_SUBSCRIPTIONS.values(), NOTIFY_SUBSCRIPTION]
    return {
        "topics": TOPICS,
        "retention_s": RETENTION_S,
        "give_up_after": HINT_ATTEMPTS,
        "subscriptions": {
            **{one.name: _subscription(one, "engine") for one in engine},
            **{one.name: _subscription(one, "client") for one in clients},
        },
    }


def _subscription(one: Subscription, reader: str) -> dict[str, object]:
    return {
        "topic": one.topic,
        "reader": reader,
        "ack_deadline_s": one.ack_deadline_s,
        "given_up_to": one.given_up_to or None,
        "pauses_s": one.pauses_s,
    }


def markdown() -> str:
    """docs/tables.md."""
    lines = ["# Tables", "", "Made by `make schemas` from schemas/; do not edit.", ""]
    for table in TABLES:
        kept = table.retention
        layout = [f"Partition: {table.partition}." if table.partition else "Not partitioned."]
        layout.append(f"Cluster: {', '.join(table.cluster)}.")
        if table.key:
            layout.append(f"Key: {', '.join(table.key)}.")
        layout.append(f"Kept {table.expiry_days} days ({kept})." if kept else "Kept for good.")
        if table.id in CURRENT:
            layout.append(f"Its latest rows, by the last compaction: {CURRENT[table.id].id}.")
        lines += [f"## {table.id}", "", table.description, "", " ".join(layout), ""]
        lines += ["| column | type | mode | class | meaning |", "|---|---|---|---|---|"]
        lines += [
            f"| {c.name} | {c.kind} | {c.mode} | {c.policy or '–'} | {c.description} |"
            for c in columns(table.row)
        ]
        lines.append("")
    return "\n".join(lines)


HELD = re.compile(r"(<!-- held: [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)


def held() -> str:
    """Of docs/privacy.md: which tables hold personal data, of which class, and how long."""
    lines = ["| table | identifier | personal | content | days |", "|---|---|---|---|---|"]
    for table in TABLES:
        by_class: dict[str, list[str]] = {"identifier": [], "personal": [], "content": []}
        for column in columns(table.row):
            if column.policy:
                by_class[column.policy].append(f"`{column.name}`")
        if any(by_class.values()):
            cells = [", ".join(names) or "–" for names in by_class.values()]
            days = f"{table.expiry_days:,} ({table.retention})" if table.retention else "–"
            lines.append(f"| `{table.id}` | {' | '.join(cells)} | {days} |")
    return "\n".join(lines)


def privacy(page: str) -> str:
    """The page with what is held put in; all else in it is written by hand."""
    return HELD.sub(lambda place: f"{place[1]}{held()}\n{place[2]}", page)


def files() -> Iterator[tuple[Path, str]]:
    """Every generated file with its content."""
    for table in (*TABLES, *CURRENT.values()):
        path = ROOT / "terraform" / "schemas" / f"{table.dataset}.{table.name}.json"
        yield path, json.dumps(bigquery_fields(table), indent=2) + "\n"
    yield ROOT / "terraform" / "schemas" / "manifest.json", json.dumps(manifest(), indent=2) + "\n"
    path = ROOT / "terraform" / "schemas" / "topology.json"
    yield path, json.dumps(topology(), indent=2) + "\n"
    yield ROOT / "docs" / "tables.md", markdown()
    page = ROOT / "docs" / "privacy.md"
    yield page, privacy(page.read_text(encoding="utf-8"))


def main() -> None:
    """Writes the files."""
    for path, content in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
