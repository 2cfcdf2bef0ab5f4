"""The rules that ship: about every table, in names that there are, and what their figures mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from schemas.columns import columns
from schemas.errors import ConfigurationError
from schemas.tables import BY_ID, TABLES
from warehouse.catalogue import views
from warehouse.quality.checking import window_of, with_bounds
from warehouse.quality.conditions import column_of, is_row_rule
from warehouse.quality.judging import LEAST_ROWS, Judgement, judge, number_of
from warehouse.quality.questions import Question, counted, question, sample
from warehouse.quality.rule import (
    Fresh,
    Held,
    Holds,
    Refers,
    Required,
    Rule,
    SteadyNulls,
    SteadyVolume,
)
from warehouse.quality.rules import RULES, chosen, least_rules

NOW = datetime(2026, 3, 11, 15, 30, tzinfo=UTC)
WINDOW = window_of(NOW)
RULE = Required(table="sales.people", column="full_name", bound=0.1, hint="mend it")


def asked(rule: Rule) -> list[Question]:
    """Everything that a rule is asked by."""
    first = (
        counted(BY_ID[rule.table], [rule], WINDOW)
        if is_row_rule(rule)
        else (question(rule, WINDOW))
    )
    second = sample(rule, WINDOW)
    return [first] if second is None else [first, second]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.id)
def test_every_table_has_rules(table: Any) -> None:
    assert chosen([table.id])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.id)
def test_of_a_table_without_rules_of_its_own_the_least_is_demanded(table: Any) -> None:
    least = least_rules(table)
    assert least
    for rule in least:
        assert asked(rule)


def test_a_rule_has_a_name_of_its_own_among_those_of_its_table() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert all(rule.id.startswith(f"{rule.table}.") for rule in RULES)
    assert all(rule.bound >= 0 for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_reads_our_tables_within_their_days_and_holds_no_value_itself(rule: Rule) -> None:
    for sql, parameters in asked(rule):
        tree = sqlglot.parse_one(sql, read="bigquery")
        read = {f"{one.db}.{one.name}" for one in tree.find_all(exp.Table) if one.db}
        assert read
        assert read <= BY_ID.keys() | views().keys()
        partitions = {
            BY_ID[name.removesuffix("_latest")].partition
            for name in read
            if name.removesuffix("_latest") in BY_ID
        }
        named = {column.name for column in tree.find_all(exp.Column)}
        # Sources count all that they have, and so all that we hold is counted.
        whole = {"event_date"} if isinstance(rule, Held) else set()
        assert partitions - {""} - whole <= named
        placeholders = {one.name for one in tree.find_all(exp.Parameter)}
        assert placeholders == set(parameters)


@pytest.mark.parametrize(
    "rule", [one for one in RULES if is_row_rule(one)], ids=lambda rule: rule.id
)
def test_a_rule_about_rows_names_columns_that_its_table_has(rule: Rule) -> None:
    known = {column.name for column in columns(BY_ID[rule.table].row)} | {"one"}
    for text in (rule.where, rule.holds if isinstance(rule, Holds) else ""):
        tree = sqlglot.parse_one(text or "TRUE", read="bigquery")
        assert {column.name for column in tree.find_all(exp.Column)} <= known
    for sql, _ in asked(rule):
        tree = sqlglot.parse_one(sql, read="bigquery")
        own = {one.alias for one in tree.find_all(exp.Alias)} | {"one"}
        assert {column.name for column in tree.find_all(exp.Column)} <= known | own


def test_of_a_rule_about_what_refers_both_ends_are_there() -> None:
    for rule in RULES:
        if isinstance(rule, Refers):
            assert rule.to_column in {one.name for one in columns(BY_ID[rule.to].row)}, rule.id


def test_a_column_that_there_is_not_is_no_rule() -> None:
    with pytest.raises(LookupError, match=r"sales\.people has no column nothing"):
        counted(BY_ID["sales.people"], [Required(table="sales.people", column="nothing")], WINDOW)


def test_rules_are_chosen_by_table_and_severity_and_an_unknown_table_is_named() -> None:
    assert {rule.table for rule in chosen(["sales.deals", "raw.changes"])} == {
        "sales.deals",
        "raw.changes",
    }
    assert {rule.severity for rule in chosen((), "error")} == {"error"}
    assert len(chosen((), "error")) + len(chosen((), "warning")) == len(RULES)
    with pytest.raises(ConfigurationError, match=r"no table sales\.nothing"):
        chosen(["sales.nothing"])


def test_a_deployment_may_demand_less() -> None:
    (lenient,) = with_bounds([RULE], {RULE.id: 0.5})
    assert lenient.bound == 0.5
    assert with_bounds([RULE], {"another": 0.5}) == (RULE,)


@pytest.mark.parametrize(
    ("checked", "failed", "value", "passed", "message"),
    [
        (100, 10, 0.1, True, "10 of 100 fail"),
        (1_000, 101, 0.101, False, "101 of 1,000 fail: mend it"),
        (0, 0, None, True, "nothing to check"),
    ],
)
def test_a_rule_passes_up_to_its_bound_and_where_nothing_is_there(
    checked: int, failed: int, value: float | None, passed: bool, message: str
) -> None:
    judged = judge(RULE, {"checked": checked, "failed": failed})
    assert (judged.value, judged.passed, judged.message) == (value, passed, message)


def test_the_age_of_the_newest_row_is_told_in_hours() -> None:
    rule = Fresh(table="raw.changes", column="written_at", bound=24, hint="poll")
    assert judge(rule, {"checked": 3, "hours": 23.5}).passed
    late = judge(rule, {"checked": 3, "hours": 30.25})
    assert (late.passed, late.message) == (False, "the newest is 30.2 hours old: poll")


@pytest.mark.parametrize(
    ("rows", "usual", "passed"), [(100, 100, True), (49, 100, False), (151, 100, False)]
)
def test_a_day_that_departs_from_the_usual_either_way_is_seen(
    rows: int, usual: float, passed: bool
) -> None:
    rule = SteadyVolume(table="raw.changes", bound=0.5)
    assert judge(rule, {"checked": rows, "usual": usual, "n": 500}).passed is passed


@pytest.mark.parametrize(
    "rule",
    [
        Fresh(table="raw.changes", column="written_at", bound=24, hint="poll"),
        SteadyVolume(table="raw.changes", bound=0.5, hint="poll"),
    ],
)
def test_no_row_at_all_is_a_fault_where_there_were_some_and_nothing_on_a_new_stack(
    rule: Rule,
) -> None:
    nothing = {"checked": 0, "hours": None, "usual": 0.0, "n": 0}
    new = judge(rule, {**nothing, "had": 0})
    assert (new.passed, new.message) == (True, "not applicable: no rows yet")
    emptied = judge(rule, {**nothing, "had": 1_200})
    assert (emptied.passed, emptied.value) == (False, None)
    assert emptied.message == "no rows, where there were 1,200 before: poll"


def test_of_few_rows_nothing_is_usual() -> None:
    volume = SteadyVolume(table="raw.changes", bound=0.5)
    nulls = SteadyNulls(table="sales.interactions", column="owner_key", bound=0.1)
    assert judge(volume, {"checked": 0, "usual": LEAST_ROWS - 1, "n": 49}).value is None
    few = {"checked": LEAST_ROWS - 1, "failed": 40, "before": 1_000, "failed_before": 0}
    assert judge(nulls, few).value is None


def test_a_column_that_is_suddenly_empty_is_seen() -> None:
    rule = SteadyNulls(table="sales.interactions", column="owner_key", bound=0.1)
    figures = {"checked": 100, "failed": 40, "before": 1_000, "failed_before": 100}
    judged = judge(rule, figures)
    assert judged.value == pytest.approx(0.3)
    assert not judged.passed
    assert "40.0% were empty yesterday, 10.0%" in judged.message


def test_the_number_is_the_mean_of_its_rules_however_many_rows_each_is_about() -> None:
    large, small = RULE, Required(table="sales.people", column="emails")
    judged = [
        Judgement(large, 1_000_000, 0, 0.0, ""),
        Judgement(small, 10, 6, 0.6, ""),
        Judgement(Required(table="sales.deals", column="name"), 0, 0, None, ""),
    ]
    found = number_of(judged)
    assert found.value == pytest.approx(0.7)
    assert (found.checked, found.failed) == (1_000_010, 6)
    assert found.message == "the mean of 2 rules; least: sales.people.emails.present with 40.0%"
    assert number_of([]) == number_of(judged[2:]) == (None, 0, 0, "nothing to check")


def test_completeness_counts_what_may_be_empty_alone() -> None:
    asked = [rule for rule in RULES if rule.measure == "completeness"]
    required = [rule for rule in asked if isinstance(rule, Required)]
    assert required
    for rule in required:
        assert column_of(BY_ID[rule.table], rule.column).mode != "REQUIRED", rule.id
    assert {rule.table.partition(".")[0] for rule in required} == {"sales"}


def test_a_table_is_looked_at_for_no_longer_than_it_is_kept() -> None:
    wide = window_of(NOW, 4_000)
    assert (NOW.date() - wide.since_of(BY_ID["raw.changes"])).days == 89
    assert wide.since_of(BY_ID["sales.people"]) == wide.since
    assert WINDOW.since_of(BY_ID["raw.changes"]) == WINDOW.since


def test_yesterday_is_the_last_whole_day_in_utc() -> None:
    assert window_of(NOW, 7).since == (NOW - timedelta(days=7)).date()
    assert WINDOW.yesterday.isoformat() == "2026-03-10"
