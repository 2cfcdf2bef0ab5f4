"""What a SELECT may read and call: our own tables and views, and functions of BigQuery.

The embedded warehouse hands what it does not know to DuckDB, which takes a function or a quoted
name for a file of this machine, and opens it.
"""

import re
from collections.abc import Collection

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from schemas.tables import DATASETS
from warehouse.statement import RefusedQuery

_SOURCES = (exp.Table, exp.Query, exp.Unnest, exp.Paren)
_CHANGES = (exp.DDL, exp.DML, exp.Command, exp.Into)
_FILES = (exp.ReadCSV, exp.ReadParquet, exp.ToFile, exp.Columns)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SCHEMA = "information_schema."

# Those of BigQuery that the parser has no class for.
# https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
_FUNCTIONS = frozenset(
    """
    array_avg array_includes array_includes_all array_includes_any array_is_distinct
    array_transform bool_array date_bucket datetime_bucket error float64_array
    generate_range_array ieee_divide int64_array json_contains json_flatten nullifzero range
    range_contains range_end range_intersect range_overlaps range_start search string_array
    timestamp_bucket zeroifnull
    ip_from_string ip_net_mask ip_to_string ip_trunc ipv4_from_int64 ipv4_to_int64 public_suffix
    safe_ip_from_string
    st_area st_asbinary st_asgeojson st_astext st_centroid st_contains st_dwithin st_geogfromtext
    st_geogpoint st_intersects st_length st_makeline st_within st_x st_y
    """.split()
)


def check_allowed(sql: str, project: str, readable: Collection[str], prefix: str = "") -> None:
    """RefusedQuery where one SELECT reads or calls anything else, or is none.

    `readable` are ids, `dataset.table`; their datasets are known under the prefix too.
    """
    tree = _parsed(sql)
    if not isinstance(tree, exp.Query) or tree.find(*_CHANGES):
        raise RefusedQuery("only one SELECT is run here, and this holds another statement")
    for source in tree.find_all(exp.From, exp.Join):
        if not isinstance(source.this, _SOURCES):
            raise _no_table(source.this.sql("bigquery"), readable)
    datasets = {f"{before}{dataset}" for dataset in DATASETS for before in ("", prefix)}
    ids = {f"{before}{one}" for one in readable for before in ("", prefix)}
    for table in tree.find_all(exp.Table):
        own = table.catalog in ("", project) and (
            f"{table.db}.{table.name}" in ids
            or (table.db in datasets and table.name.lower().startswith(_SCHEMA))
        )
        named = not table.db and _PLAIN.match(table.name) and _is_named_above(table)
        if not isinstance(table.this, exp.Identifier) or not (own or named):
            raise _no_table(table.sql("bigquery"), readable)
    for call in tree.find_all(exp.Func):
        if isinstance(call, _FILES):
            raise _no_function(call.sql_name())
        unknown = isinstance(call, exp.Anonymous | exp.AnonymousAggFunc)
        if unknown and call.name.lower() not in _FUNCTIONS:
            raise _no_function(call.name)


def _parsed(sql: str) -> exp.Expr:
    try:
        statements = [one for one in sqlglot.parse(sql, read="bigquery") if one is not None]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        what = str(first.get("description") or "it cannot be read").rpartition(" / ")[2]
        place = f" at line {first['line']}, column {first['col']}" if "line" in first else ""
        raise RefusedQuery(f"Syntax error: {what}{place}") from None
    except SqlglotError:
        raise RefusedQuery("Syntax error: it cannot be read") from None
    except RecursionError:
        raise RefusedQuery("Syntax error: it is nested too deep") from None
    if len(statements) != 1:
        raise RefusedQuery("only one SELECT is run here, and this is a script of several")
    return statements[0]


def _is_named_above(table: exp.Table) -> bool:
    """Whether a WITH around the table names it."""
    name, node = table.name.lower(), table.parent
    while node is not None:
        if isinstance(node, exp.Query) and any(one.alias.lower() == name for one in node.ctes):
            return True
        node = node.parent
    return False


def _no_table(name: str, readable: Collection[str]) -> RefusedQuery:
    return RefusedQuery(
        f"Not found: Table {name.partition(' AS ')[0]} is none of ours. "
        f"Views and tables: {', '.join(readable)}"
    )


def _no_function(name: str) -> RefusedQuery:
    return RefusedQuery(f"there is no function {name} here: use one of BigQuery's")
