"""A SELECT reads our own tables and views and nothing else of the machine that it runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import bigquery
from view_warehouse import PROJECT, embedded_warehouse, fill

from warehouse.allowed import check_allowed
from warehouse.query import readable, run_sql
from warehouse.statement import RefusedQuery

READING_FILES = [
    "SELECT * FROM read_text('{file}')",
    "FROM read_text('{file}')",
    "SELECT * FROM READ_BLOB('{file}')",
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_csv_auto('{file}')",
    "SELECT * FROM read_json('{file}')",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM parquet_scan('{file}')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM st_read('{file}')",
    "SELECT * FROM glob('{file}')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM system.main.read_text('{file}')",
    "SELECT * FROM `sales.people`, read_text('{file}')",
    "SELECT * FROM `sales.people` JOIN read_text('{file}') ON TRUE",
    "SELECT * FROM `sales.people` LEFT JOIN LATERAL read_text('{file}') ON TRUE",
    "SELECT 1 AS n UNION ALL SELECT 1 FROM read_text('{file}')",
    "SELECT (SELECT content FROM read_text('{file}')) AS text",
    "SELECT 1 AS n WHERE EXISTS (SELECT 1 FROM read_text('{file}'))",
    "WITH a AS (SELECT * FROM read_text('{file}')) SELECT * FROM a",
    "SELECT * FROM `{file}`",
    "SELECT * FROM '{file}'",
    'SELECT * FROM "{file}"',
    "SELECT * FROM (WITH `{file}` AS (SELECT 1 AS n) SELECT * FROM `{file}`), `{file}`",
    "SELECT * FROM (WITH a AS (SELECT 1 AS n) SELECT * FROM a), a",
    "SELECT getenv('HOME') AS home",
    "SELECT main.getenv('HOME') AS home",
    "SELECT `getenv`('HOME') AS home",
    "SELECT SAFE.getenv('HOME') AS home",
    "SELECT current_setting('temp_directory') AS place",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM `other-project.sales.people`",
    "WITH a AS (DELETE FROM `sales.people` WHERE TRUE) SELECT 1",
    "COPY `sales.people` TO '{file}'",
    "ATTACH '{file}' AS other",
    "PRAGMA database_list",
    "SELECT " + "(" * 3_000 + "1" + ")" * 3_000,
]
ALLOWED = [
    "SELECT * FROM `sales.people`",
    "SELECT * FROM sales.people AS p JOIN `sales.accounts` AS a USING (record_key)",
    f"SELECT COUNT(*) AS n FROM `{PROJECT}.sales.people`",
    "SELECT * FROM `sales.account_timeline` LIMIT 1",
    "FROM `sales.people` |> WHERE record_key = 'x' |> SELECT record_key",
    "WITH a AS (SELECT 1 AS n), b AS (SELECT n FROM a) SELECT * FROM b UNION ALL SELECT * FROM a",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r",
    "SELECT * FROM (SELECT 1 AS n) AS x, UNNEST([1, 2]) AS y WITH OFFSET AS place",
    "SELECT email FROM `sales.people` AS p, UNNEST(p.emails) AS email",
    "SELECT email FROM `sales.people` AS p, p.emails AS email",
    "SELECT table_name FROM sales.INFORMATION_SCHEMA.TABLES",
    "SELECT (SELECT MAX(record_key) FROM `sales.people`) AS newest",
    "SELECT SAFE.SUBSTR('abc', 1, 2) AS a, SAFE_DIVIDE(1, 0) AS b, SAFE_CAST('x' AS INT64) AS c",
    "SELECT FORMAT_TIMESTAMP('%F', TIMESTAMP '2026-01-31'), JSON_VALUE('{\"a\": 1}', '$.a') AS a",
    "SELECT '/etc/passwd' AS a, 'read_text(1)' AS b, `record_key` FROM `sales.people`",
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bigquery.Client]:
    with embedded_warehouse(tmp_path_factory.mktemp("allowed")) as client:
        fill(client, "sales.people", [{"record_key": "hubspot:contact:1", "emails": ["a@b.c"]}])
        yield client


@pytest.mark.parametrize("sql", READING_FILES)
def test_what_is_not_ours_is_refused_before_it_is_sent(sql: str) -> None:
    with pytest.raises(RefusedQuery):
        check_allowed(sql.format(file="/etc/data.csv"), PROJECT, readable())


@pytest.mark.slow
@pytest.mark.parametrize("sql", READING_FILES)
def test_no_file_of_the_machine_is_read(client: bigquery.Client, sql: str, tmp_path: Path) -> None:
    file = tmp_path / "private.csv"
    file.write_text("a,b\nsecret,2\n")
    with pytest.raises(RefusedQuery) as refused:
        run_sql(client, sql.format(file=file))
    assert "secret" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("sql", ALLOWED)
def test_our_own_tables_and_bigquerys_functions_are_asked(
    client: bigquery.Client, sql: str
) -> None:
    assert run_sql(client, sql).columns


def test_a_table_under_a_prefix_is_ours() -> None:
    check_allowed("SELECT * FROM x_sales.people", PROJECT, readable(), "x_")
    check_allowed("SELECT * FROM `sales.people`", PROJECT, readable(), "x_")
    check_allowed("SELECT NET.HOST('http://x.y/'), ST_GEOGPOINT(1, 2)", PROJECT, readable(), "x_")
    with pytest.raises(RefusedQuery, match="none of ours"):
        check_allowed("SELECT * FROM y_sales.people", PROJECT, readable(), "x_")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM read_text('x')", r"Table read_text.* none of ours.*sales\.communications"),
        ("SELECT getenv('x')", "no function getenv here"),
        ("SELECT read_csv('x')", "no function"),
        ("SELECT * FROM", "Syntax error"),
    ],
)
def test_a_refusal_says_what_there_is_instead(sql: str, words: str) -> None:
    with pytest.raises(RefusedQuery, match=words):
        check_allowed(sql, PROJECT, readable())
