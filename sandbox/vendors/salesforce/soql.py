"""A strict reader of the SOQL that a connector sends: what it does not know is MALFORMED_QUERY.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sandbox.vendors.salesforce.schema import Entity
from schemas.clock import parse_rfc3339

Row = dict[str, Any]
Predicate = Callable[[Row], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<day>\d{4}-\d\d-\d\d)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<text>'(?:[^'\\]|\\['\"\\nrtbf])*')|(?P<word>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|!=|[=<>(),]))"
)
_KEYWORDS = frozenset(
    "SELECT FROM WHERE ORDER BY LIMIT AND OR IN ASC DESC COUNT NULL TRUE FALSE".split()
)
_ORDERED = ("<", "<=", ">", ">=")
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class SoqlError(Exception):
    """`code` as Salesforce has it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Query:
    """What was asked."""

    fields: tuple[str, ...]
    counts: bool
    entity: Entity
    matches: Predicate
    order: tuple[tuple[str, bool], ...]
    limit: int | None

    def run(self, rows: list[Row]) -> list[Row]:
        """The rows that match, in order."""
        found = [row for row in rows if self.matches(row)]
        for name, descending in reversed(self.order):
            kind = self.entity.types[name]
            found.sort(key=lambda row: _sortable(row.get(name), kind), reverse=descending)
        return found if self.limit is None else found[: self.limit]


@lru_cache(maxsize=100_000)
def moment(text: str) -> int:
    """Microseconds of a time as rows have it."""
    return parse_rfc3339(text)


def _sortable(value: Any, kind: str) -> tuple[bool, Any]:
    if value is None:
        return (False, 0)
    return (True, moment(value) if kind == "datetime" else value)


def parse(soql: str, entities: dict[str, Entity]) -> Query:
    """The query of a text; SoqlError as the org would have it."""
    return _Parser(soql, entities).query()


def _tokens(soql: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(soql.rstrip()):
        found = _TOKEN.match(soql, place)
        if found is None or found.lastgroup is None:
            raise SoqlError("MALFORMED_QUERY", f"unexpected token at {place}")
        yield found.lastgroup, found[found.lastgroup]
        place = found.end()


class _Parser:
    def __init__(self, soql: str, entities: dict[str, Entity]) -> None:
        self._tokens = list(_tokens(soql))
        self._place = 0
        self._entities = entities

    def _peek(self) -> str:
        kind, text = self._next_token()
        return text.upper() if kind == "word" else text

    def _next_token(self) -> tuple[str, str]:
        if self._place < len(self._tokens):
            return self._tokens[self._place]
        return "end", ""

    def _take(self) -> tuple[str, str]:
        token = self._next_token()
        self._place += 1
        return token

    def _expect(self, *wanted: str) -> None:
        for one in wanted:
            if self._peek() != one:
                raise SoqlError("MALFORMED_QUERY", f"expecting {one}, found '{self._peek()}'")
            self._place += 1

    def _found(self, wanted: str) -> bool:
        if self._peek() != wanted:
            return False
        self._place += 1
        return True

    def _word(self) -> str:
        kind, text = self._take()
        if kind != "word" or text.upper() in _KEYWORDS:
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{text}'")
        return text

    def query(self) -> Query:
        self._expect("SELECT")
        fields: list[str] = []
        counts = self._found("COUNT")
        if counts:
            self._expect("(", ")")
        else:
            fields.append(self._word())
            while self._found(","):
                fields.append(self._word())
        self._expect("FROM")
        name = self._word()
        if name not in self._entities:
            raise SoqlError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        self._entity = self._entities[name]
        for one in fields:
            self._known(one)
        if len(set(fields)) != len(fields):
            raise SoqlError("MALFORMED_QUERY", "duplicate field selected")
        matches: Predicate = self._either() if self._found("WHERE") else (lambda row: True)
        order: list[tuple[str, bool]] = []
        if self._found("ORDER"):
            self._expect("BY")
            order.append(self._ordering())
            while self._found(","):
                order.append(self._ordering())
        limit = self._number() if self._found("LIMIT") else None
        if self._place < len(self._tokens):
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{self._peek()}'")
        return Query(tuple(fields), counts, self._entity, matches, tuple(order), limit)

    def _known(self, name: str) -> str:
        if name not in self._entity.types:
            raise SoqlError(
                "INVALID_FIELD", f"No such column '{name}' on entity '{self._entity.name}'."
            )
        return self._entity.types[name]

    def _ordering(self) -> tuple[str, bool]:
        name = self._word()
        self._known(name)
        descending = self._found("DESC")
        if not descending:
            self._found("ASC")
        return name, descending

    def _number(self) -> int:
        kind, text = self._take()
        if kind != "number" or not text.isdigit():
            raise SoqlError("MALFORMED_QUERY", "LIMIT takes a number")
        return int(text)

    def _either(self) -> Predicate:
        """Conditions joined by AND or by OR; Salesforce takes no mix of both without brackets."""
        parts = [self._condition()]
        joint = self._peek() if self._peek() in ("AND", "OR") else ""
        while joint and self._found(joint):
            parts.append(self._condition())
        if self._peek() in ("AND", "OR"):
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{self._peek()}'")
        if joint == "OR":
            return lambda row: any(part(row) for part in parts)
        return lambda row: all(part(row) for part in parts)

    def _condition(self) -> Predicate:
        if self._found("("):
            inner = self._either()
            self._expect(")")
            return inner
        name = self._word()
        kind = self._known(name)
        if self._found("IN"):
            self._expect("(")
            wanted = {self._literal(kind)}
            while self._found(","):
                wanted.add(self._literal(kind))
            self._expect(")")
            return lambda row: _comparable(row.get(name), kind) in wanted
        sign_kind, sign = self._take()
        if sign_kind != "sign" or sign in "(),":
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{sign}'")
        literal = self._literal(kind)
        return lambda row: _compare(_comparable(row.get(name), kind), sign, literal)

    def _literal(self, kind: str) -> Any:
        form, text = self._take()
        fits = {
            "time": kind == "datetime",
            "day": kind == "date",
            "number": kind in ("int", "double", "currency", "percent"),
            "text": kind not in ("datetime", "date", "boolean", "int", "double", "currency"),
            "word": text.upper() == "NULL" or (kind == "boolean" and text in ("true", "false")),
        }.get(form, False)
        if not fits:
            raise SoqlError("INVALID_FIELD", f"value of filter criterion must be of type {kind}")
        if form == "time":
            return moment(text)
        if form == "number":
            return float(text)
        if form == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if form == "word":
            return {"TRUE": True, "FALSE": False}.get(text.upper())
        return text


def _comparable(value: Any, kind: str) -> Any:
    return moment(value) if kind == "datetime" and isinstance(value, str) else value


def _compare(value: Any, sign: str, literal: Any) -> bool:
    if sign in _ORDERED and (value is None or literal is None):
        return False
    return bool(_SIGNS[sign](value, literal))
