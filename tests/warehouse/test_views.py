"""Every view gives what its tests say: small tables in, expected rows out, in the real SQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud import bigquery
from view_warehouse import PROJECT, embedded_warehouse, empty, fill, moment

from schemas.current import COMPACTED
from schemas.errors import ConfigurationError, FatalError
from schemas.tables import BY_ID, latest_sql
from warehouse import catalogue, cost
from warehouse.catalogue import (
    VIEWS,
    definition,
    provision_views,
    qualified,
    view_of,
    views,
)
from warehouse.compaction import compacted_views
from warehouse.generate import TARGET, main

CASES = sorted(VIEWS.glob("*/*/tests/*.yaml"))
LATEST = [
    *(f"sales.{name}" for name in ("people", "accounts", "deals", "interactions", "participants")),
    *(f"identity.{name}" for name in ("links", "entities")),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bigquery.Client]:
    with embedded_warehouse(tmp_path_factory.mktemp("views")) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", CASES, ids=lambda path: f"{path.parts[-4]}.{path.parts[-3]}-{path.stem}"
)
def test_a_view_gives_the_rows_that_its_test_expects(client: bigquery.Client, case: Path) -> None:
    view = views()[f"{case.parts[-4]}.{case.parts[-3]}"]
    written = yaml.safe_load(case.read_text(encoding="utf-8"))
    try:
        for table_id, rows in written["tables"].items():
            fill(client, table_id, rows)
        order = ", ".join(view.metadata.order)
        sql = qualified(f"SELECT * FROM `{view.id}` ORDER BY {order}", PROJECT)
        found = [dict(row) for row in client.query(sql, retry=None, job_retry=None).result()]
    finally:
        for table_id in written["tables"]:
            empty(client, table_id)
    asked = [
        {name: _comparable(row[name]) for name in expected}
        for row, expected in zip(found, written["expect"], strict=False)
    ]
    wanted = [_expected(row, got) for row, got in zip(written["expect"], asked, strict=False)]
    assert asked == wanted
    assert len(found) == len(written["expect"])


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def _expected(row: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The expected row; `{between: [low, high]}` stands for whatever was found in that range, and
    `{monday_of: now - 60s}` for the Monday of that moment's week."""
    wanted = {}
    for name, value in row.items():
        if isinstance(value, dict) and value.keys() == {"between"}:
            low, high = value["between"]
            wanted[name] = found[name] if low <= found[name] <= high else value
        elif isinstance(value, dict) and value.keys() == {"monday_of"}:
            day = moment(value["monday_of"]).date()
            wanted[name] = day - timedelta(days=day.weekday())
        else:
            wanted[name] = _comparable(value)
    return wanted


@pytest.mark.slow
def test_a_week_of_the_trend_begins_on_monday_whichever_day_it_is(client: bigquery.Client) -> None:
    monday = "DATE_SUB(day, INTERVAL MOD(DATE_DIFF(day, DATE '0001-01-01', DAY), 7) DAY)"
    assert f"{monday} AS week" in views()["sales.engagement_trend"].sql
    sql = (
        f"SELECT day, {monday} AS week "
        "FROM UNNEST(GENERATE_DATE_ARRAY(DATE '1969-12-20', DATE '1970-01-20')) AS day"
    )
    rows = list(client.query(sql, retry=None, job_retry=None).result())
    assert len(rows) == 32
    assert all(row.week == row.day - timedelta(days=row.day.weekday()) for row in rows)


def test_every_view_has_a_test_a_rule_and_a_complete_order() -> None:
    for view in views().values():
        assert list((view.folder / "tests").glob("*.yaml")), f"{view.id} has no test"
        assert view.sql.startswith("-- "), f"{view.id} states no rule"
        assert view.metadata.order, f"{view.id} has no order"


def test_the_page_of_the_views_is_what_their_metadata_says(tmp_path: Path) -> None:
    main(tmp_path / "views.md")
    assert TARGET.read_text("utf-8") == (tmp_path / "views.md").read_text("utf-8"), (
        "docs/views.md is stale: run make views-docs"
    )


@pytest.mark.parametrize("table_id", LATEST)
def test_a_latest_view_is_the_query_of_the_schemas_without_tombstones(table_id: str) -> None:
    gone = "is_retired" if table_id == "identity.entities" else "is_deleted"
    body = views()[f"{table_id}_latest"].sql.splitlines()[-1]
    newest = latest_sql(BY_ID[table_id], f"`{table_id}`")
    assert body == f"SELECT * FROM ({newest}) WHERE NOT {gone}"


@pytest.mark.parametrize("table_id", ["sales.people", "sales.accounts", "sales.deals"])
def test_merged_keys_read_the_newest_version_as_the_schemas_have_it(table_id: str) -> None:
    assert latest_sql(BY_ID[table_id], f"`{table_id}`") in views()["identity.merged_keys"].sql


def test_every_view_of_latest_rows_goes_by_current_tables_and_so_do_merged_keys() -> None:
    assert {view.id for view in compacted_views(COMPACTED)} == {
        "identity.merged_keys",
        "sales.consent",
        *(f"{table_id}_latest" for table_id in LATEST),
    }
    marks = {table.id: 7 for table in COMPACTED}
    for view in compacted_views(COMPACTED):
        made = definition(view, "p", "x_", marks)
        assert "_current` AS kept" in made and "TIMESTAMP_MICROS(7)" in made
        assert "`sales." not in made and "`identity." not in made


def test_consent_reads_the_newest_as_the_schemas_have_it() -> None:
    sql = views()["sales.consent"].sql
    for table_id, kept in (
        ("sales.people", " WHERE NOT is_deleted"),
        ("identity.links", " WHERE entity_id IS NOT NULL"),
    ):
        assert latest_sql(BY_ID[table_id], f"(SELECT * FROM `{table_id}`{kept})") in sql
    assert latest_sql(BY_ID["identity.entities"], "`identity.entities`") in sql


def test_a_view_comes_after_the_views_that_it_reads() -> None:
    place = {view_id: index for index, view_id in enumerate(views())}
    for view in views().values():
        assert all(place[source] < place[view.id] for source in view.sources if source in place)


def test_references_of_ours_get_project_and_prefix_and_others_stay() -> None:
    sql = "SELECT `a.b`, * FROM `sales.people` JOIN `sales.communications`"
    full = "SELECT `a.b`, * FROM `p.x_sales.people` JOIN `p.x_sales.communications`"
    assert qualified(sql, "p", "x_") == full


def test_an_unknown_view_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no view 'sales.nothing'.*sales.communications"):
        view_of("sales.nothing")
    assert view_of("sales.consent").id == "sales.consent"


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        ({"one": "SELECT * FROM `sales.nowhere`"}, "reads sales.nowhere"),
        ({"one": "SELECT * FROM `sales.two`", "two": "SELECT * FROM `sales.one`"}, "in a ring"),
    ],
)
def test_a_view_that_cannot_stand_is_refused(
    bodies: dict[str, str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = (VIEWS / "sales" / "consent" / "metadata.yaml").read_text(encoding="utf-8")
    for name, body in bodies.items():
        folder = tmp_path / "sales" / name
        folder.mkdir(parents=True)
        (folder / "view.sql").write_text(body, encoding="utf-8")
        (folder / "metadata.yaml").write_text(metadata, encoding="utf-8")
    monkeypatch.setattr(catalogue, "VIEWS", tmp_path)
    with pytest.raises(FatalError, match=reason):
        views.__wrapped__()


def test_metadata_with_an_unknown_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sales" / "one"
    folder.mkdir(parents=True)
    (folder / "view.sql").write_text("SELECT 1", encoding="utf-8")
    (folder / "metadata.yaml").write_text("colour: blue", encoding="utf-8")
    monkeypatch.setattr(catalogue, "VIEWS", tmp_path)
    with pytest.raises(FatalError, match=r"metadata\.yaml of view sales\.one"):
        views.__wrapped__()


@pytest.mark.slow
def test_provisioning_again_does_nothing_and_a_changed_view_is_replaced_with_its_readers(
    client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert provision_views(client) == []
    changed = dict(views())
    consent = changed["sales.consent"]
    changed["sales.consent"] = consent._replace(sql=consent.sql + "\n-- One line more.")
    touched = {consent.id}
    for view in views().values():
        touched |= {view.id} if view.sources & touched else set()
    replaced = [f"replaced view {view_id}" for view_id in views() if view_id in touched]
    assert "replaced view sales.account_priority" in replaced
    monkeypatch.setattr(catalogue, "views", lambda: changed)
    assert provision_views(client) == replaced
    monkeypatch.undo()
    assert provision_views(client) == replaced


@pytest.mark.slow
def test_a_view_that_the_warehouse_refuses_is_named(
    client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = views()["sales.consent"]._replace(sql="SELECT nothing FROM `sales.people`")
    monkeypatch.setattr(catalogue, "views", lambda: {"sales.consent": broken})
    with pytest.raises(FatalError, match=r"view sales\.consent was refused: .*nothing"):
        provision_views(client)


def test_what_is_written_is_counted_for_every_table_as_the_schemas_have_it() -> None:
    assert cost.PATH.read_text(encoding="utf-8") == cost.sql(), "run python -m warehouse.cost"
    assert set(BY_ID) <= views()["ops.cost"].sources


@pytest.mark.parametrize("table_id", list(BY_ID))
def test_every_table_says_when_a_row_was_written(table_id: str) -> None:
    assert cost.written_column(BY_ID[table_id]) in cost.WRITTEN
