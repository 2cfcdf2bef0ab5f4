"""Every rule that ships, and what a caller may choose of them."""

from collections.abc import Iterable

from schemas.errors import ConfigurationError
from schemas.tables import BY_ID
from warehouse.quality.declared import identity, interactions, ops, raw, sales
from warehouse.quality.rule import Rule

RULES: tuple[Rule, ...] = (
    *raw.RULES,
    *sales.RULES,
    *interactions.RULES,
    *identity.RULES,
    *ops.RULES,
)


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
