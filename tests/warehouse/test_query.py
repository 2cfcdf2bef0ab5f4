"""Questions by name and by SQL: limits, parameters, refusals and how answers are shown."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from hypothesis import given
from hypothesis import strategies as st
from view_warehouse import PROJECT, embedded_warehouse, fill

from embedded.ports import free_port
from schemas.errors import ConfigurationError, RetriableError
from warehouse.query import QueryResult, is_account, readable, run_sql, run_view
from warehouse.render import FORMATS, write_csv, write_json, write_table
from warehouse.statement import RefusedQuery, one_select

INJECTIONS = [
    "x' OR 1=1 --",
    "x') OR (1=1",
    "'; DROP TABLE `sales.people`; --",
    "\\' OR TRUE #",
    "` OR 1=1",
    "@since",
    "%",
    "",
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bigquery.Client]:
    with embedded_warehouse(tmp_path_factory.mktemp("query")) as client:
        for number in range(1, 6):
            task: dict[str, Any] = {"part": "task", "kind": "task", "interaction_id": f"t{number}"}
            task["record_key"] = f"salesforce:task:{number}"
            task["occurred_at"] = datetime(2026, 1, number, tzinfo=UTC)
            task["account_keys"] = [f"salesforce:account:{number % 2}"]
            if number == 4:  # With both accounts: that of place 2 finds it too.
                task["account_keys"].append("salesforce:account:1")
            fill(client, "sales.interactions", [task])
        for number, name in enumerate(("Acme", "Bolt")):
            link = {"record_key": f"salesforce:account:{number}", "kind": "account"}
            entity = {"kind": "account", "display_name": name, "primary_domain": f"{name}.test"}
            fill(client, "identity.links", [link | {"entity_id": f"a{number}"}])
            fill(client, "identity.entities", [entity | {"entity_id": f"a{number}"}])
        yield client


def _ids(result: QueryResult) -> list[str]:
    return [row["interaction_id"] for row in result.rows]


@pytest.mark.slow
def test_a_view_is_read_in_its_own_order_up_to_the_limit(client: bigquery.Client) -> None:
    result = run_view(client, "sales.communications", limit=2)
    assert _ids(result) == ["t5", "t4"]
    assert result.truncated
    assert result.columns[:3] == ("interaction_id", "occurred_at", "kind")
    everything = run_view(client, "sales.communications", limit=5)
    assert len(everything.rows) == 5
    assert not everything.truncated


@pytest.mark.slow
@pytest.mark.parametrize("account", ["a1", "Bolt", "bolt", "BOLT.test"])
def test_an_account_is_found_by_id_name_or_domain(client: bigquery.Client, account: str) -> None:
    assert _ids(run_view(client, "sales.communications", account=account)) == [
        "t5",
        "t4",
        "t3",
        "t1",
    ]
    assert is_account(client, account)
    assert not is_account(client, f"{account}x")


@pytest.mark.slow
def test_an_account_has_its_timeline(client: bigquery.Client) -> None:
    events = run_view(client, "sales.account_timeline", account="acme").rows
    assert [event["event_id"] for event in events] == ["t4", "t2"]


@pytest.mark.slow
def test_since_cuts_off_what_is_older(client: bigquery.Client) -> None:
    since = datetime(2026, 1, 4, tzinfo=UTC)
    assert _ids(run_view(client, "sales.communications", since=since)) == ["t5", "t4"]


@pytest.mark.slow
@pytest.mark.parametrize("account", INJECTIONS)
def test_an_account_that_is_sql_finds_nothing_and_breaks_nothing(
    client: bigquery.Client, account: str
) -> None:
    assert run_view(client, "sales.communications", account=account).rows == []
    assert run_sql(client, "SELECT 1 AS n WHERE 'x' = @name", {"name": account}).rows == []
    assert run_sql(client, "SELECT COUNT(*) AS n FROM `sales.interactions`").rows == [{"n": 5}]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sales.nothing", "sales.people` --", "information_schema.tables"])
def test_an_unknown_name_is_refused_with_those_that_there_are(
    client: bigquery.Client, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no view .*sales\.communications"):
        run_view(client, name)


@pytest.mark.slow
def test_a_table_can_be_read_by_name_newest_first(client: bigquery.Client) -> None:
    newer = {"record_key": "salesforce:account:9", "kind": "account", "revision": 2}
    fill(client, "identity.links", [newer])
    assert [row["revision"] for row in run_view(client, "identity.links").rows] == [2, 1, 1]
    assert "ops.runs" in readable()


@pytest.mark.slow
def test_what_a_view_does_not_know_cannot_be_asked_of_it(client: bigquery.Client) -> None:
    with pytest.raises(ConfigurationError, match="has no account"):
        run_view(client, "ops.health", account="a1")
    with pytest.raises(ConfigurationError, match="has no time"):
        run_view(client, "ops.health", since=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ConfigurationError, match="no time zone"):
        run_view(client, "sales.communications", since=datetime(2026, 1, 1))
    with pytest.raises(ConfigurationError, match="below 1"):
        run_view(client, "sales.communications", limit=0)


@pytest.mark.slow
def test_every_kind_of_parameter_reaches_the_query(client: bigquery.Client) -> None:
    values = {
        "text": "it's",
        "whole": 7,
        "part": 0.5,
        "yes": True,
        "moment": datetime(2026, 1, 1, 8, tzinfo=UTC),
        "day": date(2026, 1, 1),
    }
    sql = f"SELECT {', '.join(f'@{name} AS {name}' for name in values)}"
    assert run_sql(client, sql, values).rows == [values]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM `sales.interactions` WHERE TRUE",
        "DROP TABLE `sales.interactions`",
        "CREATE TABLE sales.mine AS SELECT 1 AS n",
        "SELECT 1; DELETE FROM `sales.interactions` WHERE TRUE",
        "SELECT 1 /* ; */ ; -- ;\nDELETE FROM `sales.interactions` WHERE TRUE",
        "BEGIN DELETE FROM `sales.interactions` WHERE TRUE; END",
        "EXECUTE IMMEDIATE 'DELETE FROM `sales.interactions` WHERE TRUE'",
        "TRUNCATE TABLE `sales.interactions`",
        "",
    ],
)
def test_anything_but_one_select_is_refused_and_changes_nothing(
    client: bigquery.Client, sql: str
) -> None:
    with pytest.raises(RefusedQuery, match="only one SELECT"):
        run_sql(client, sql)
    assert run_sql(client, "SELECT COUNT(*) AS n FROM `sales.interactions`").rows == [{"n": 5}]


@pytest.mark.slow
def test_semicolons_in_strings_and_comments_are_no_script(client: bigquery.Client) -> None:
    sql = "-- one; it's\nSELECT ';' AS a, # two;\n 'it\\'s' AS b, \"\"\"x;'y\"\"\" AS c /* ; */ ;  "
    assert run_sql(client, sql).rows == [{"a": ";", "b": "it's", "c": "x;'y"}]


@pytest.mark.parametrize("sql", ["SELECT 'a", "SELECT `a", "SELECT 1 /* open", 'SELECT\n"a\nb"'])
def test_a_quote_or_comment_left_open_is_refused(sql: str) -> None:
    with pytest.raises(RefusedQuery, match="nothing closes it"):
        one_select(sql)


@pytest.mark.parametrize("prefix", ["r", "R", "br", "rb"])
def test_a_raw_string_that_could_hide_a_statement_is_refused(prefix: str) -> None:
    with pytest.raises(RefusedQuery, match="without the r"):
        one_select(f"SELECT {prefix}'\\'; DELETE FROM `sales.people` WHERE TRUE --'")


@given(st.text(alphabet="SELECT from'\"`;-#/*\\\n1", max_size=40))
def test_any_text_is_one_select_or_refused(text: str) -> None:
    try:
        kept = one_select(text)
    except RefusedQuery:
        return
    assert one_select(kept) == kept


@pytest.mark.slow
def test_wrong_sql_is_refused_in_the_words_of_the_warehouse(client: bigquery.Client) -> None:
    with pytest.raises(RefusedQuery, match=r"^Syntax error: Unexpected") as refused:
        run_sql(client, "SELECT * FROM x y z")
    assert "http" not in str(refused.value)


@pytest.mark.slow
def test_a_missing_table_is_answered_with_those_that_there_are(client: bigquery.Client) -> None:
    with pytest.raises(RefusedQuery, match=r"^Not found: Table .*sales\.communications"):
        run_sql(client, "SELECT * FROM sales.nothing")


@pytest.mark.slow
def test_a_query_that_takes_too_long_is_given_up(client: bigquery.Client) -> None:
    many = "SELECT n FROM UNNEST(GENERATE_ARRAY(1, 20000)) AS n"
    sql = f"SELECT COUNT(*) AS n FROM ({many}) AS a JOIN ({many}) AS b ON a.n * b.n < a.n + b.n"
    with pytest.raises(RetriableError, match=r"longer than 0\.3 s: narrow"):
        run_sql(client, sql, timeout_s=0.3)


@pytest.mark.slow
def test_a_query_that_is_given_up_holds_up_nobody_after_it(client: bigquery.Client) -> None:
    rows = "UNNEST(GENERATE_ARRAY(1, 1000))"
    pairs = ", ".join(f"{rows} AS {name}" for name in "abcd")
    for _ in range(2):
        with pytest.raises(RetriableError, match=r"longer than 0\.5 s: narrow"):
            run_sql(client, f"SELECT COUNT(*) AS n FROM {pairs} WHERE a + b = c * d", timeout_s=0.5)
        # It would take days; whoever asks next waits for none of it.
        assert run_sql(client, "SELECT 1 AS n", timeout_s=30).rows == [{"n": 1}]


def test_a_warehouse_that_is_away_is_said_to_be_away() -> None:
    absent = bigquery.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=f"http://127.0.0.1:{free_port()}"),
    )
    with pytest.raises(RetriableError, match=r"does not answer .*salesintel up"):
        run_view(absent, "ops.health", timeout_s=5)
    with pytest.raises(RetriableError, match=r"does not answer .*salesintel up"):
        run_sql(absent, "SELECT 1", timeout_s=5)


ROW = {
    "moment": datetime(2026, 1, 31, 8, 0, 1, 500_000, tzinfo=UTC),
    "day": date(2026, 1, 31),
    "names": ["Ann", "Bo"],
    "facts": {"role": "from"},
    "raw": b"\x00\x01",
    "ok": True,
    "count": 1_234_567,
    "share": 0.25,
    "nothing": None,
    "text": "plain",
}
RESULT = QueryResult(columns=tuple(ROW), rows=[ROW], truncated=True)


def _written(name: str, result: QueryResult) -> str:
    stream = io.StringIO()
    FORMATS[name](result, stream)
    return stream.getvalue()


def test_json_holds_every_value_in_column_order() -> None:
    [row] = json.loads(_written("json", RESULT))
    assert list(row) == list(ROW)
    assert row["moment"] == "2026-01-31T08:00:01.500000Z"
    assert (row["raw"], row["names"], row["nothing"]) == ("AAE=", ["Ann", "Bo"], None)


def test_csv_holds_every_value_as_text() -> None:
    heading, row = csv.reader(io.StringIO(_written("csv", RESULT)))
    assert heading == list(ROW)
    assert dict(zip(heading, row, strict=True)) == {
        "moment": "2026-01-31T08:00:01.500000Z",
        "day": "2026-01-31",
        "names": '["Ann","Bo"]',
        "facts": '{"role":"from"}',
        "raw": "AAE=",
        "ok": "true",
        "count": "1234567",
        "share": "0.25",
        "nothing": "",
        "text": "plain",
    }


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+cmd|x", "-2+3", "@SUM(A1)", "\t=1"])
def test_csv_lets_no_formula_through(text: str) -> None:
    result = QueryResult(columns=("text",), rows=[{"text": text}], truncated=False)
    assert list(csv.reader(io.StringIO(_written("csv", result))))[1] == ["'" + text]


def test_csv_leaves_phone_numbers_alone() -> None:
    result = QueryResult(columns=("text",), rows=[{"text": "+14155550100"}], truncated=False)
    assert _written("csv", result) == "text\n+14155550100\n"


def test_a_table_shows_times_lists_and_that_there_is_more() -> None:
    narrow = QueryResult(
        columns=("moment", "names", "raw", "text"),
        rows=[ROW | {"text": "a" * 300}],
        truncated=True,
    )
    shown = _written("table", narrow)
    assert "2026-01-31" in shown
    assert "Ann, Bo" in shown
    assert "2 bytes" in shown
    assert "a…" in shown.replace("\n", "")
    assert "1 row, more with a higher --limit" in shown


def test_a_table_lets_no_terminal_command_through() -> None:
    hostile = "\x1b[2Jwiped [bold]loud[/bold] \u202etxt.exe"
    result = QueryResult(columns=("text",), rows=[{"text": hostile}], truncated=False)
    shown = _written("table", result)
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert "[bold]loud[/bold]" in shown


def test_headings_are_text_and_no_markup_or_command(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("[/x]", "[bold]b", "\x1b[2Jc", *(f"wide[/{number}]" for number in range(40)))
    monkeypatch.setenv("COLUMNS", "100")
    row = dict.fromkeys(names, "value " * 5)
    shown = _written("table", QueryResult(columns=names, rows=[row], truncated=False))
    assert "[/x]" in shown
    assert "[bold]b" in shown
    assert "\x1b[2J" not in shown
    assert "wide[/39]" in shown


@given(st.recursive(st.none() | st.booleans() | st.text() | st.floats(), st.lists))
def test_every_value_can_be_shown_in_every_format(value: Any) -> None:
    result = QueryResult(columns=("value",), rows=[{"value": value}], truncated=False)
    for write in (write_table, write_csv, write_json):
        write(result, io.StringIO())
