"""Where a person stands in the tables: each row that is about them, or names them in any column.

The warehouse compares keys and texts; payloads, which it cannot unwrap, are read and searched here.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
from google.cloud import bigquery

from schemas.columns import Column, Row, Table, columns
from schemas.operations import DeadLetter
from transforms.erasure import Marks
from transforms.forget import empty, forget_rows, group_of, text_columns, touches
from transforms.traces import Identifiers, Traces
from transforms.treatments import TREATMENTS
from warehouse import bounded
from warehouse.catalogue import qualified
from warehouse.latest import record
from warehouse.subject import Subject, array

TIMEOUT_S = 3_600.0
PAGE_ROWS = 1_000
ROW_ID = "row_id_"


class Found(NamedTuple):
    """A row, what is left of it (None: nothing), and its id in a table of texts."""

    row: Row
    left: Row | None
    row_id: str
    is_theirs: bool
    """About the person, also where nothing of it has to go."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left to do."""
        return self.left == self.row


class Person(NamedTuple):
    """Whom to look for, and how."""

    subject: Subject
    traces: Traces
    marks: Marks
    was_marked: bool = False
    """Whether some of the marks are of what is not known of them any more."""

    @classmethod
    def forgotten(cls, marks: Marks) -> "Person":
        """All who are forgotten already, of whom nothing but marks is known."""
        nobody = Subject((), Identifiers(), (), 0)
        return cls(nobody, Traces(nobody.identifiers), marks)

    @property
    def is_known(self) -> bool:
        """Whether the warehouse can be asked for the person: it cannot tell whose a mark is."""
        known = self.traces.sql_pattern or self.subject.interactions
        return bool(known) and not self.was_marked

    def found(self, row: Row, row_id: str = "") -> Found:
        """What an erasure leaves of one row by itself."""
        traced = any(True for _ in self._naming(row))
        left = forget_rows([row], self.marks, {group_of(row)} if traced else ())
        is_theirs = traced or touches(row, self.marks)
        if traced:
            left = [self.without(one) for one in left]
        return Found(row, left[0] if left else None, row_id, is_theirs)

    def without(self, row: Row) -> Row:
        """The row without what names the person in a way that marks do not see."""
        emptied = {column.name: empty(column) for column in self._naming(row)}
        return msgspec.structs.replace(row, **emptied) if emptied else row

    def _naming(self, row: Row) -> Iterator[Column]:
        for column in text_columns(type(row)):
            value = getattr(row, column.name)
            data = value if isinstance(value, bytes) else _written(value)
            if data and self.traces.find(data):
                yield column


def as_held(row: Row) -> Row:
    """The row as the table has it."""
    return row


def rows(
    client: bigquery.Client,
    table: Table,
    person: Person,
    dataset_prefix: str = "",
    *,
    payloads: bool = True,
    theirs: bool = False,
    complete: Callable[[Row], Row] = as_held,
) -> Iterator[Found]:
    """The rows of a table that an erasure has something to do with, or all that are `theirs`; where
    there are payloads every row has to be read, unless that is left for later, and in every table
    of whom marks alone are known, or marks besides. `complete` adds to a row what is kept apart
    from it, before the person is looked for in it."""
    has_payloads = any(column.kind == "BYTES" for column in columns(table.row))
    whole = (payloads and has_payloads) or not person.is_known
    where = "TRUE" if whole else _condition(table)
    sql = f"SELECT *, {row_id(table)} AS {ROW_ID} FROM `{table.id}` WHERE {where}"  # noqa: S608 (own names)
    asked = bounded.rows(
        client,
        qualified(sql, client.project, dataset_prefix),
        [] if whole else _parameters(person),
        timeout_s=TIMEOUT_S,
        maximum_bytes_billed=bounded.WHOLE_TABLES_BYTES,
        page_size=PAGE_ROWS,
    )
    for values in asked:
        row = complete(record(table.row, dict(values.items())))
        found = person.found(row, values[ROW_ID])
        if found.is_theirs if theirs else not found.is_clean:
            yield found


def _parameters(person: Person) -> list[object]:
    subject = person.subject
    pattern = person.traces.sql_pattern
    return [
        array("records", subject.identifiers.records),
        array("interactions", subject.interactions),
        bigquery.ScalarQueryParameter("pattern", "STRING", pattern),
    ]


def _condition(table: Table) -> str:
    """That a row names a record or an interaction of the person, or may name them in a text."""
    names = columns(table.row)
    parts = []
    for column in names:
        if column.name.endswith("_key"):
            parts.append(f"{column.name} IN UNNEST(@records)")
        elif column.name.endswith("_keys"):
            one = f"SELECT 1 FROM UNNEST({column.name}) AS one WHERE one IN UNNEST(@records)"  # noqa: S608
            parts.append(f"EXISTS ({one})")
        elif column.name == "interaction_id":
            parts.append("interaction_id IN UNNEST(@interactions)")
    if table.row is DeadLetter:
        key = "CONCAT(source, ':', object_type, ':', object_id)"
        parts.append(f"COALESCE({key}, '') IN UNNEST(@records)")
    texts = ", '\\n', ".join(_as_text(one) for one in text_columns(table.row))
    if texts:
        # Nobody is found where nothing is looked for.
        parts.append(f"(@pattern != '' AND REGEXP_CONTAINS(CONCAT({texts}), @pattern))")
    return f"({' OR '.join(parts)})" if parts else "FALSE"


def _as_text(column: Column) -> str:
    if column.kind == "BYTES":
        return f"COALESCE(SAFE_CONVERT_BYTES_TO_STRING({column.name}), '')"
    if column.mode == "REPEATED":
        return f"ARRAY_TO_STRING({column.name}, '\\n')"
    text = f"TO_JSON_STRING({column.name})" if column.kind == "JSON" else column.name
    return f"COALESCE({text}, '')"


def row_id(table: Table) -> str:
    """An expression that tells one row from another, where rows are treated one by one."""
    # No treatment is a copy's own.
    treatment = TREATMENTS.get(table.id)
    parts = [f"CAST({name} AS STRING)" for name in (treatment.row if treatment else ())]
    between = ", '|', "
    return f"CONCAT({between.join(parts)})" if parts else "''"


def _written(value: object) -> bytes:
    text = "\n".join(value) if isinstance(value, tuple) else value
    return text.encode("utf-8", "replace") if isinstance(text, str) else b""
