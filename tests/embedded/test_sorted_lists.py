"""Lists in an order come out as DuckDB itself would order them, and everything else stays."""

import duckdb
import pytest
from bqemulator.sql.translator import SQLTranslator
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.sorted_lists import SortedListRule

SORTED = "LIST_TRANSFORM"
DATABASE = duckdb.connect()


def translated(sql: str, *, with_rule: bool) -> str:
    translator = SQLTranslator()
    translator._rules = [
        *(rule for rule in translator._rules if not isinstance(rule, SortedListRule)),
        *([SortedListRule()] if with_rule else []),
    ]
    return str(translator.translate(sql).value)  # type: ignore[union-attr]


LISTS = [
    "ARRAY_AGG(v ORDER BY k, v)",
    "ARRAY_AGG(v ORDER BY k DESC, v DESC)",
    "ARRAY_AGG(v IGNORE NULLS ORDER BY k, v)",
    "ARRAY_AGG(STRUCT(k AS k, v AS v) ORDER BY k, v)",
    "STRING_AGG(v, '; ' ORDER BY k, v)",
    "STRING_AGG(v ORDER BY k DESC, v DESC)",
    "ARRAY_AGG(v ORDER BY k, v LIMIT 2)",
]
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3), st.none() | st.integers(-2, 2), st.none() | st.text("abÄ", max_size=2)
    ),
    max_size=12,
)


@pytest.mark.parametrize("aggregate", LISTS)
@settings(max_examples=25)
@given(rows=ROWS)
def test_a_list_is_the_one_that_duckdb_orders_itself(
    aggregate: str, rows: list[tuple[int, int | None, str | None]]
) -> None:
    sql = f"SELECT g, {aggregate} AS found FROM t GROUP BY g ORDER BY g"
    ours, theirs = (translated(sql, with_rule=one) for one in (True, False))
    assert SORTED in ours
    assert SORTED not in theirs
    DATABASE.execute("CREATE OR REPLACE TABLE t (g INTEGER, k INTEGER, v VARCHAR)")
    for row in rows:
        DATABASE.execute("INSERT INTO t VALUES (?, ?, ?)", row)
    assert DATABASE.execute(ours).fetchall() == DATABASE.execute(theirs).fetchall()


@pytest.mark.parametrize(
    "aggregate",
    [
        "ARRAY_AGG(v)",
        "STRING_AGG(v, ',')",
        "ARRAY_AGG(DISTINCT v ORDER BY v)",
        "ARRAY_AGG(v ORDER BY k, v DESC)",
        "ARRAY_AGG(v ORDER BY k) OVER (PARTITION BY g)",
        "COUNT(v)",
    ],
)
def test_what_it_does_not_know_how_to_sort_stays(aggregate: str) -> None:
    sql = f"SELECT {aggregate} AS found FROM t"
    assert translated(sql, with_rule=True) == translated(sql, with_rule=False)
