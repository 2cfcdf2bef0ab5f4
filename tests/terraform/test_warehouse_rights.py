"""Who may do what in the warehouse, as a plan shows it: held against what the code does there."""

import re
from collections.abc import Iterator

import pytest
from duties import DUTIES, ONE_MACHINE
from google_calls import modules, reached
from offline import Resource
from policy import ROWS, Grant, grants, permissions
from test_grants import DEPLOYER, READERS

from pipelines.sweep import DERIVED
from schemas import identity
from schemas.columns import POLICIES, columns
from schemas.current import COMPACTED, CURRENT
from schemas.tables import BY_ID, BY_ROW, TABLES
from transforms.treatments import TREATMENTS
from warehouse.access import RESTRICTED, authorisations
from warehouse.catalogue import views
from warehouse.compaction import compacted_views
from warehouse.retention import KEPT_WHOLE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("terraform")]

Plan = tuple[Resource, ...]
ALL = {table.id: table for table in (*TABLES, *CURRENT.values())}


@pytest.fixture(scope="module")
def granted(plan: Plan) -> list[Grant]:
    return list(grants(plan))


def of_role(granted: list[Grant], role: str) -> set[tuple[str, str]]:
    """Accounts that have a role of ours, and where."""
    return {(one.account, one.name) for one in granted if one.role.endswith(f".{role}")}


def reads(granted: list[Grant], account: str) -> set[str]:
    """Tables whose rows an account reads."""
    return {
        table_id
        for one in granted
        if one.account == account and one.kind in ("table", "dataset")
        if "bigquery.tables.getData" in permissions(one.role)
        for table_id in ALL
        if one.name in (table_id, table_id.partition(".")[0])
    }


def tags(plan: Plan, member: str) -> set[str]:
    """Classes of personal data that somebody sees."""
    return {
        one.key.rpartition("/")[2].partition(" ")[0]
        for one in plan
        if one.type == "google_data_catalog_policy_tag_iam_member"
        if str(one.values["member"]).startswith(member)
    }


def test_the_compactor_keeps_copies_and_the_views_that_read_them(granted: list[Grant]) -> None:
    """Whoever erases empties them."""
    kept = {(who, table.id) for who in ("compactor", "eraser") for table in CURRENT.values()}
    assert of_role(granted, "copyKeeper") == kept
    views_of_copies = {view.id for view in compacted_views(COMPACTED)}
    replacing = ("compactor", "rebuilder", "eraser")
    replaced = {(who, view) for who in replacing for view in views_of_copies}
    assert of_role(granted, "viewKeeper") == replaced
    datasets = {(account, view_id.partition(".")[0]) for account, view_id in replaced}
    assert of_role(granted, "viewMaker") == datasets
    known = {table.id for table in COMPACTED} | {table.id for table in CURRENT.values()}
    assert reads(granted, "compactor") == known


def test_retention_deletes_what_expires_and_nothing_else(granted: list[Grant]) -> None:
    expiring = {table_id for table_id, table in ALL.items() if table.retention}
    superseded = {table.id for table in COMPACTED} - KEPT_WHOLE
    erased = {name for who, name in of_role(granted, "rowEraser") if who == "retention"}
    assert erased == expiring | superseded


def test_a_rebuild_replaces_derived_rows_and_no_copy_is_gone_by_meanwhile(
    granted: list[Grant],
) -> None:
    others = ("retention", "eraser")
    erased = {(who, name) for who, name in of_role(granted, "rowEraser") if who not in others}
    assert erased == {("rebuilder", table.id) for table in DERIVED}
    marks = {("rebuilder", table.id) for table in CURRENT.values()}
    assert of_role(granted, "markKeeper") == marks
    # To replace a view takes reading what it reads.
    assert {table.id for table in COMPACTED} <= reads(granted, "rebuilder")


def test_an_erasure_searches_every_table_and_takes_rows_from_those_that_name_people(
    granted: list[Grant],
) -> None:
    erased = {name for who, name in of_role(granted, "rowEraser") if who == "eraser"}
    assert erased == {name for name, one in TREATMENTS.items() if one.way != "nobody"}
    assert reads(granted, "eraser") == ALL.keys()
    assert reads(granted, "exporter") == BY_ID.keys()


NOTED = {
    "exporter": {"ops.audit", "ops.runs"},
    "granter": {"ops.readers"},
    "quality": {"ops.quality", "ops.runs"},
    "notifier": {"ops.runs"},
    "replayer": {"ops.runs"},
}
"""What an account reads besides that it notes there: that it searches, asks, or looks who else is
at work."""


def test_nobody_else_takes_rows_away(granted: list[Grant]) -> None:
    """That takes reading and writing one table."""
    may = {"", "compactor", "eraser", "rebuilder", "retention", "worker"}
    for account in {one.account for one in granted} - may:
        written = {name for who, name in of_role(granted, "rowWriter") if who == account}
        assert written & reads(granted, account) <= NOTED.get(account, set()), account


OF_A_STACK = "operations.waiting"
"""Its questions are asked on one machine alone."""


def test_a_steward_reads_what_the_questions_of_its_commands_name_and_nothing_else(
    granted: list[Grant],
) -> None:
    duty, named = DUTIES["steward"], set[str]()
    for module in reached(duty.roots, duty.source, ONE_MACHINE) - {OF_A_STACK}:
        if module.startswith("operations."):
            text = modules()[module].read_text(encoding="utf-8")
            named |= set(re.findall(r"`((?:raw|sales|identity|ops)\.\w+)`", text))
            rows = re.findall(r"\blatest\(client, (\w+)\)", text)
            named |= {BY_ROW[getattr(identity, row)].id for row in rows}
    read = {
        one.name
        for one in granted
        if (one.account, one.kind) == ("steward", "table")
        and "bigquery.tables.getData" in permissions(one.role)
    }
    assert read == named


def test_whose_code_notes_what_people_do_may_write_that_from_every_command(
    granted: list[Grant],
) -> None:
    """The retention deletes what has expired."""
    noting = set()
    for account, duty in DUTIES.items():
        by_root = {
            "operations.audit" in reached((root,), duty.source, ONE_MACHINE) for root in duty.roots
        }
        assert len(by_root) == 1, f"some commands of {account} note what is done, and some do not"
        noting |= {account} if True in by_root else set()
    roles = of_role(granted, "rowWriter") | of_role(granted, "rowEraser")
    writing = {account for account, name in roles if account and name == "ops.audit"}
    assert noting | {"retention"} == writing


READ_WHOLE = ("compactor", "eraser", "exporter", "rebuilder", "replayer")
"""Accounts whose code reads every column of their tables."""


def test_an_account_sees_no_class_of_columns_that_its_tables_have_not(
    granted: list[Grant], plan: Plan
) -> None:
    for account in sorted({one.account for one in granted} - {""}):
        classes = {
            column.policy
            for table_id in reads(granted, account)
            for column in columns(ALL[table_id].row)
            if column.policy
        }
        seen = tags(plan, f"serviceAccount:{account}@")
        assert seen == classes if account in READ_WHOLE else seen <= classes, account


def test_people_who_work_with_customers_see_every_class_and_operators_none(plan: Plan) -> None:
    for member in READERS - {"group:operators@example.com"}:
        assert tags(plan, member) == POLICIES.keys()
    assert tags(plan, "group:operators@example.com") == set()


def row_policies(plan: Plan) -> Iterator[tuple[str, set[str]]]:
    for one in plan:
        if one.type == ROWS:
            assert one.values["filter_predicate"] == "TRUE"
            yield (
                f"{one.values['dataset_id']}.{one.values['table_id']}",
                set(one.values["grantees"]),
            )


def test_rows_with_texts_are_seen_by_the_accounts_that_read_them_and_through_views(
    granted: list[Grant], plan: Plan
) -> None:
    found = dict.fromkeys(RESTRICTED, frozenset[str]())
    for table_id, grantees in row_policies(plan):
        found[table_id] |= grantees
    accounts = {one.account for one in granted} - {""}
    for table_id in RESTRICTED:
        reading = {account for account in accounts if table_id in reads(granted, account)}
        members = {
            f"serviceAccount:{one}@test-salesintel.iam.gserviceaccount.com" for one in reading
        }
        asking = READERS - {"group:operators@example.com"}
        assert found.pop(table_id) == members | asking
    assert not found


def test_the_deployer_reads_the_tables_whose_rows_it_hides_and_sees_none(
    granted: list[Grant], plan: Plan
) -> None:
    assert {one.name for one in granted if one.member == DEPLOYER} == set(RESTRICTED)
    assert all(DEPLOYER not in grantees for _, grantees in row_policies(plan))


def test_every_view_is_authorised_on_what_it_reads(plan: Plan) -> None:
    """On the datasets that it reads itself; on what stands behind, the views that it reads are."""
    made = set()
    for one in plan:
        if one.type == "google_bigquery_dataset_access" and one.values.get("view"):
            view = one.values["view"][0]
            made.add((f"{view['dataset_id']}.{view['table_id']}", one.values["dataset_id"]))
    direct = {
        (view.id, source.partition(".")[0]) for view in views().values() for source in view.sources
    }
    assert made == direct
    behind = {one.dataset for one in authorisations()}
    assert behind <= {dataset for _, dataset in made}


def test_readers_ask_the_views_of_their_role_and_no_table(granted: list[Grant]) -> None:
    asked = {
        (one.member, one.name)
        for one in granted
        if one.member in READERS and one.kind == "table" and one.role == "roles/bigquery.dataViewer"
    }
    roles = {"rep": "reps", "manager": "managers", "operator": "operators"}
    assert asked == {
        (f"group:{roles[role]}@example.com", view.id)
        for view in views().values()
        for role in view.metadata.readers
    }
    tables = {(one.member, one.name) for one in granted if one.member in READERS} & {
        (member, table_id) for member in READERS for table_id in BY_ID
    }
    assert {name for _, name in tables} == {"ops.audit"}
