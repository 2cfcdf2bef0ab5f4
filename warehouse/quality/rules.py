"""Every rule that ships, and what a caller may choose of them."""

from collections.abc import Iterable

from schemas.columns import Table, columns
from schemas.errors import ConfigurationError
from schemas.tables import BY_ID, TABLES
from warehouse.quality.conditions import column_of
from warehouse.quality.declared import identity, interactions, ops, raw, sales
from warehouse.quality.rule import Filled, Rule

_DECLARED: tuple[Rule, ...] = (
    *raw.RULES,
    *sales.RULES,
    *interactions.RULES,
    *identity.RULES,
    *ops.RULES,
)


def least_rules(table: Table) -> tuple[Rule, ...]:
    """What holds of any table, until somebody has declared what is demanded of it: rows that can
    be told apart."""
    key = table.key or tuple(column.name for column in columns(table.row)[:1])
    named = (Filled(table=table.id, column=name, severity="error") for name in key)
    return tuple(rule for rule in named if column_of(table, rule.column).kind == "STRING")


RULES: tuple[Rule, ...] = (
    *_DECLARED,
    *(
        rule
        for table in TABLES
        if all(declared.table != table.id for declared in _DECLARED)
        for rule in least_rules(table)
    ),
)
"""Those that are declared, and the least for a table of which none is."""


def chosen(tables: Iterable[str] = (), severity: str | None = None) -> tuple[Rule, ...]:
    """The rules about these tables, or about all, of one severity where one is named.

    ConfigurationError where there is no such table.
    """
    wanted = frozenset(tables)
    unknown = sorted(wanted - BY_ID.keys())
    if unknown:
        raise ConfigurationError(
            f"there is no table {', '.join(unknown)}; there are: {', '.join(sorted(BY_ID))}"
        )
    return tuple(
        rule
        for rule in RULES
        if (not wanted or rule.table in wanted) and severity in (None, rule.severity)
    )
