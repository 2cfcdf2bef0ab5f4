"""The embedded warehouse parses a statement once: bqemulator has some twenty rules, each of which
parses the text for itself, and for a view that took longer than all else.

Every caller is given a copy, which it may change; making one takes a sixth of parsing.
"""

from functools import lru_cache
from typing import Any

from sqlglot.dialects.dialect import Dialect
from sqlglot.expressions import Expr

KEPT = 16
"""Texts whose trees are kept: those of a few statements at a time, each of which is rewritten into
three or four."""

_parse = Dialect.parse


@lru_cache(KEPT)
def _trees(dialect: type[Dialect], sql: str) -> tuple[Expr | None, ...]:
    return tuple(_parse(dialect(), sql))


def parse(self: Dialect, sql: str, **options: Any) -> list[Expr | None]:
    """As `Dialect.parse`, which it takes the place of. What is parsed in a way of its own, or
    cannot be parsed, is parsed each time."""
    if options or self.settings or self.normalization_strategy != self.NORMALIZATION_STRATEGY:
        return _parse(self, sql, **options)
    return [tree and tree.copy() for tree in _trees(type(self), sql)]
