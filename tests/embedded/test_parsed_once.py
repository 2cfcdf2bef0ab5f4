"""A statement is parsed once, and nobody sees what another has made of the tree."""

from collections.abc import Iterator

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError

from embedded import parsed_once
from warehouse.catalogue import definition, views

PROJECT = "a-project"


@pytest.fixture(autouse=True)
def parsed() -> Iterator[None]:
    """As in the process of the warehouse."""
    before = Dialect.parse
    Dialect.parse = parsed_once.parse  # type: ignore[method-assign]
    parsed_once._trees.cache_clear()
    yield
    Dialect.parse = before  # type: ignore[method-assign]


def parsings() -> int:
    return parsed_once._trees.cache_info().misses


def test_every_view_is_read_as_it_would_be_each_time() -> None:
    for view in views().values():
        sql = definition(view, PROJECT)
        first = sqlglot.parse_one(sql, read="bigquery")
        before = parsings()
        again = sqlglot.parse_one(sql, read="bigquery")
        assert parsings() == before, view.id
        [anew] = parsed_once._parse(Dialect.get_or_raise("bigquery"), sql)
        assert first == again == anew, view.id
        assert again.sql("bigquery") == (anew and anew.sql("bigquery")), view.id


def test_what_one_makes_of_a_tree_no_other_sees() -> None:
    tree = sqlglot.parse_one("SELECT a FROM t", read="bigquery")
    tree.find(exp.Table).replace(exp.to_table("another"))
    assert sqlglot.parse_one("SELECT a FROM t", read="bigquery").sql() == "SELECT a FROM t"
    assert parsings() == 1


def test_a_dialect_reads_a_text_in_its_own_way() -> None:
    sql = 'SELECT "a"'
    assert sqlglot.parse_one(sql, read="bigquery").find(exp.Literal)
    assert sqlglot.parse_one(sql, read="duckdb").find(exp.Column)
    before = parsings()
    exact = sqlglot.parse_one(sql, read="duckdb, normalization_strategy=case_sensitive")
    assert exact.find(exp.Column)
    assert parsings() == before, "a dialect that was set otherwise is no part of this"


def test_what_cannot_be_parsed_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(ParseError):
            sqlglot.parse_one("SELECT FROM WHERE", read="bigquery")


def test_statements_of_one_text_stay_apart_and_in_their_order() -> None:
    for _ in range(2):
        trees = sqlglot.parse("SELECT 1; SELECT 2", read="bigquery")
        assert [tree.sql() for tree in trees if tree] == ["SELECT 1", "SELECT 2"]
