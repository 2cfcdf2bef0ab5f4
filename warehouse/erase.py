"""The erasure of a person from the tables, in passes: again until a pass finds nothing.

A pass may end anywhere and be begun again: nothing is deleted before what is left of it has been
acknowledged, and what has been done is not found again. What lies elsewhere goes before a row is
touched, and last the rows by which it is known who the person is; of these one after the other, the
links at the very end. Once the first is gone, the marks that stand say whose the others are.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from google.cloud import bigquery

from schemas.clock import Clock, from_us, wall_clock
from schemas.columns import Column, Row, Table, columns
from schemas.current import CURRENT
from schemas.errors import RetriableError
from schemas.identity import Entity, Link
from schemas.operations import DeadLetter
from schemas.records import RawChange
from schemas.tables import TABLES
from transforms.forget import ERASED, empty, forget_rows
from transforms.traces import Traces
from transforms.treatments import TREATMENTS
from warehouse import bounded
from warehouse.catalogue import qualified
from warehouse.latest import select
from warehouse.row_writer import RowWriter
from warehouse.subject import array
from warehouse.traced import TIMEOUT_S, Found, Person, row_id, rows

CHANGES_AT_ONCE = 200
"""Whose rows are held in memory together."""
IDS_AT_ONCE = 1_000

Tell = Callable[[str], None]

_BY_CHANGE = tuple(table for table in TABLES if TREATMENTS[table.id].way == "changes")
_BY_TEXT = tuple(table for table in TABLES if TREATMENTS[table.id].way == "texts")
_NOBODYS = tuple(table for table in TABLES if TREATMENTS[table.id].way == "nobody")
# A link names the record and the entity: by either the person can be asked for until the end.
_BY_RECORD = tuple(
    sorted(
        (table for table in reversed(TABLES) if TREATMENTS[table.id].way == "records"),
        key=lambda table: table.row is Link,
    )
)


class Pass(NamedTuple):
    """What a pass has found: rows by table, and changes."""

    rows: dict[str, int]
    changes: frozenset[str] = frozenset()


class Elsewhere(Protocol):
    """What lies outside the tables."""

    def drop(self, addresses: Collection[str]) -> None:
        """Deletes payloads, while rows still name them: so a pass that is broken off leaves none
        that nobody knows of."""
        ...

    def scrub(self, traces: Traces, changes: Collection[str]) -> None:
        """Takes the person out there; `changes` are ids of theirs."""
        ...


class Nowhere:
    """Nothing lies outside the tables."""

    def drop(self, addresses: Collection[str]) -> None:
        """As Elsewhere."""

    def scrub(self, traces: Traces, changes: Collection[str]) -> None:
        """As Elsewhere."""


def _silent(table_id: str) -> None:
    """Tells nobody."""


class Erasing:
    """Passes over all tables for one person: `once` until it finds nothing, then `last` likewise.

    What is left of others is held against all marks that stand, as the writer has them then: of an
    erasure that runs at the same time, too.
    """

    def __init__(
        self,
        client: bigquery.Client,
        writer: RowWriter,
        person: Person,
        elsewhere: Elsewhere,
        dataset_prefix: str = "",
        clock: Clock = wall_clock,
    ) -> None:
        self._client, self._writer, self.person = client, writer, person
        self._elsewhere, self._prefix, self._clock = elsewhere, dataset_prefix, clock

    def look(self, tell: Tell = _silent, *, payloads: bool = True, copies: bool = False) -> Pass:
        """What there is to do, and does nothing; `copies`: in current tables, too, which no pass
        looks at, for they are emptied."""
        counts: dict[str, int] = {}
        for table in (*TABLES, *(CURRENT.values() if copies else ())):
            tell(table.id)
            count = sum(
                1 for _ in rows(self._client, table, self.person, self._prefix, payloads=payloads)
            )
            if count:
                counts[table.id] = count
        return Pass(counts)

    def once(self, tell: Tell = _silent) -> Pass:
        """One pass over what lies elsewhere and over the rows of changes. Who the person is can be
        asked again after it, with all that they are known by."""
        counts: dict[str, int] = {}
        traced: set[str] = set()
        for table in (*_BY_CHANGE, *_NOBODYS):
            tell(table.id)
            for one in rows(self._client, table, self.person, self._prefix):
                counts[table.id] = counts.get(table.id, 0) + 1
                if table in _BY_CHANGE:
                    traced.add(one.row.change_id)  # type: ignore[attr-defined]
        tell("messages, payloads and logs")
        # Only the rows say which changes are theirs: these are rewritten after that.
        self._elsewhere.scrub(self.person.traces, traced)
        tell("the rows of changes")
        for ids in _parts(sorted(traced), CHANGES_AT_ONCE):
            self._rewrite(ids)
        return Pass(counts, frozenset(traced))

    def last(self, tell: Tell = _silent) -> Pass:
        """One pass over the texts that name the person, and then over who they are."""
        counts: dict[str, int] = {}
        for table in (*_BY_TEXT, *_BY_RECORD):
            tell(table.id)
            treat = self._treat_records if table in _BY_RECORD else self._empty
            found = rows(self._client, table, self.person, self._prefix)
            if count := treat(table, found):
                counts[table.id] = count
        return Pass(counts)

    def _rewrite(self, ids: Sequence[str]) -> None:
        """The rows of some changes again, without the person; then the old ones are deleted."""
        began = self._clock()
        parameters = [array("ids", ids), _moment("began", began)]
        where = "WHERE change_id IN UNNEST(@ids) AND written_at < @began"
        held: list[Row] = []
        for table in _BY_CHANGE:
            sql = f"SELECT * FROM `{table.id}` {where}"  # noqa: S608 (own names)
            held += select(self._client, table.row, self._qualified(sql), parameters)
        named = {row.dataref for row in held if isinstance(row, RawChange) and row.dataref}
        left = forget_rows(held, self.person.marks, ids)
        left = [msgspec.structs.replace(self.person.without(one), written_at=began) for one in left]
        self._writer.start()
        self._writer.write(left)
        refused = self._writer.settle()
        if refused:
            raise RetriableError(
                f"{len(refused)} rows without the person were refused: {refused[0].error}; their "
                "old rows stay, do it again when that is mended"
            )
        self._elsewhere.drop(named)
        for table in _BY_CHANGE:
            self._run(f"DELETE FROM `{table.id}` {where}", parameters)  # noqa: S608

    def _treat_records(self, table: Table, found: Iterator[Found]) -> int:
        """Rows about a record of the person go; rows about others' that name the person stay
        without that, one by one: there are few."""
        keys = [column.name for column in columns(table.row) if column.name.endswith("_key")]
        theirs = set(self.person.subject.identifiers.records)
        count = 0
        for one in found:
            named = {getattr(one.row, key) for key in keys}
            marked = {key for key in named if self.person.marks.bears("record", key)}
            theirs |= marked
            if not marked and one.left is not None:
                count += self._replace(table, one.row, one.left)
        about = " OR ".join(f"{key} IN UNNEST(@records)" for key in keys)
        sql = f"DELETE FROM `{table.id}` WHERE {about}"  # noqa: S608 (own names)
        parts = _parts(sorted(theirs), IDS_AT_ONCE)
        return count + sum(self._run(sql, [array("records", part)]) for part in parts)

    def _replace(self, table: Table, row: Row, left: Row) -> int:
        """What stands in one row, by its key and version."""
        changed = [c for c in columns(table.row) if getattr(row, c.name) != getattr(left, c.name)]
        by_name = {column.name: column for column in columns(table.row)}
        values = ", ".join(
            f"{c.name} = PARSE_JSON(@{c.name})" if c.kind == "JSON" else f"{c.name} = @{c.name}"
            for c in changed
        )
        places = [by_name[name] for name in dict.fromkeys((*table.key, *table.order))]
        which = " AND ".join(f"{c.name} = @old_{c.name}" for c in places)
        parameters = [_value(c.name, c, getattr(left, c.name)) for c in changed]
        parameters += [_value(f"old_{c.name}", c, getattr(row, c.name)) for c in places]
        return self._run(f"UPDATE `{table.id}` SET {values} WHERE {which}", parameters)  # noqa: S608

    def _empty(self, table: Table, found: Iterator[Found]) -> int:
        """The columns that name the person say nothing; rows that change alike go together."""
        theirs = list(found)
        count = self._delete_entities() if table.row is Entity else 0
        alike: dict[tuple[str, ...], list[str]] = {}
        letters = (one.row for one in theirs if isinstance(one.row, DeadLetter))
        self._elsewhere.drop({letter.payload_uri for letter in letters if letter.payload_uri})
        for one in theirs:
            changed = tuple(
                f"{column.name} = {_nothing(column, getattr(one.left, column.name))}"
                for column in columns(table.row)
                if one.left is not None
                and getattr(one.row, column.name) != getattr(one.left, column.name)
            )
            alike.setdefault(changed, []).append(one.row_id)
        for changed, ids in alike.items():
            for part in _parts(ids, IDS_AT_ONCE):
                parameters = [array("ids", part)]
                which = f"WHERE {row_id(table)} IN UNNEST(@ids)"
                if changed:
                    sql = f"UPDATE `{table.id}` SET {', '.join(changed)} {which}"  # noqa: S608
                    count += self._run(sql, parameters)
                else:
                    count += self._run(f"DELETE FROM `{table.id}` {which}", parameters)  # noqa: S608
        return count

    def _delete_entities(self) -> int:
        """What was published of the person; that it is retired stays said, and names nobody."""
        sql = (
            "DELETE FROM `identity.entities` WHERE entity_id IN UNNEST(@entities) AND NOT "
            "(is_retired AND display_name IS NULL AND primary_email IS NULL)"
        )
        return self._run(sql, [array("entities", self.person.subject.entities)])

    def _run(self, sql: str, parameters: Sequence[Any]) -> int:
        return bounded.changed(self._client, self._qualified(sql), parameters, timeout_s=TIMEOUT_S)

    def _qualified(self, sql: str) -> str:
        return qualified(sql, self._client.project, self._prefix)


def _parts(values: Sequence[str], at_once: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), at_once):
        yield values[start : start + at_once]


def _nothing(column: Column, left: Any) -> str:
    """As SQL, what is left in a column that named the person: nothing, or that it was erased."""
    if left == ERASED:
        return f"'{ERASED}'"
    value = empty(column)
    if value is None:
        return "NULL"
    if column.mode == "REPEATED":
        return "[]"
    return {"JSON": "JSON '{}'", "BYTES": "b''"}.get(column.kind, "''")


def _value(name: str, column: Column, value: Any) -> Any:
    """A parameter for a value as records have it."""
    if column.mode == "REPEATED":
        return bigquery.ArrayQueryParameter(name, column.kind, list(value))
    if column.kind == "TIMESTAMP":
        return _moment(name, value)
    kind = "STRING" if column.kind == "JSON" else column.kind
    return bigquery.ScalarQueryParameter(name, kind, value)


def _moment(name: str, moment: int) -> bigquery.ScalarQueryParameter:
    return bigquery.ScalarQueryParameter(name, "TIMESTAMP", from_us(moment))
