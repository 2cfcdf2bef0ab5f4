"""Nothing is asked of the warehouse but through the one place that limits time and bytes."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from warehouse import bounded

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "transforms", "warehouse", "pipelines", "embedded", "sandbox", "operations")
OPENS_A_QUERY = {"query", "query_and_wait", "QueryJobConfig"}


def calls(room: str) -> Iterator[tuple[str, str]]:
    """Every call in modules that know BigQuery's client, by the last word of its name."""
    for path in sorted((ROOT / room).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "bigquery" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield str(path.relative_to(ROOT)), node.func.attr


@pytest.mark.parametrize("room", ROOMS)
def test_no_other_module_sends_sql(room: str) -> None:
    found = {path for path, name in calls(room) if name in OPENS_A_QUERY}
    assert found - {"warehouse/bounded.py"} == set()


def test_the_one_place_is_seen_by_this_test() -> None:
    assert ("warehouse/bounded.py", "query") in set(calls("warehouse"))


class Client:
    """Takes note of how it is asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def query(self, sql: str, **how: Any) -> "Client":
        self.asked = how | {"sql": sql}
        return self

    def result(self, **how: Any) -> list[int]:
        self.asked |= {f"result_{name}": value for name, value in how.items()}
        return [1]


def test_time_and_bytes_are_limited_at_the_warehouse_and_here() -> None:
    client = Client()
    parameter = bigquery.ScalarQueryParameter("n", "INT64", 1)
    assert bounded.rows(client, "SELECT @n", [parameter], timeout_s=2.5) == [1]
    settings = client.asked["job_config"]
    assert int(settings.job_timeout_ms) == 2_500
    assert settings.maximum_bytes_billed == bounded.MAXIMUM_BYTES_BILLED
    assert settings.query_parameters == [parameter]
    assert (client.asked["timeout"], client.asked["result_timeout"]) == (2.5, 2.5)
    assert client.asked["job_retry"] is client.asked["result_job_retry"] is None
