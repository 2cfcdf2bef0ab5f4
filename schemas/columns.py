"""Columns and tables, read off the record classes: no second list of columns anywhere.

A table is a msgspec struct; each field is a column, its type the column's type, its metadata the
description and the class of personal data. From these come the BigQuery schemas, the protobuf
rows of the Storage Write API, Terraform's JSON and the tables in docs/.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from schemas.retention import DAYS, RetentionClass

Policy = Literal["", "identifier", "personal", "content"]
"""Class of personal data; "" is none of a person."""

POLICIES: Mapping[Policy, str] = {
    "identifier": "Identifies a person by itself: an e-mail address, a phone number.",
    "personal": "Says something of a person: a name, a title, an address.",
    "content": "What people wrote and said, or may have written there.",
}
"""What each class is: a policy tag each, in a taxonomy."""

Micros = Annotated[int, "TIMESTAMP"]
"""Microseconds since the epoch, UTC."""
Days = Annotated[int, "DATE"]
"""Days since the epoch."""
Json = Annotated[str, "JSON"]
"""A JSON document, encoded."""

_SCALARS: dict[Any, str] = {
    str: "STRING",
    int: "INT64",
    float: "FLOAT64",
    bool: "BOOL",
    bytes: "BYTES",
}


def col(description: str, policy: Policy = "") -> msgspec.Meta:
    """Metadata of a column: what it means, with its unit, and its class of personal data."""
    return msgspec.Meta(description=description, extra={"policy": policy})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything that is written to a table."""


class Column(NamedTuple):
    """One column: `kind` is GoogleSQL's type name, `mode` REQUIRED, NULLABLE or REPEATED."""

    name: str
    kind: str
    mode: str
    description: str
    policy: Policy


class Table(NamedTuple):
    """A table: where it stands, what it holds, how its latest rows are found.

    `key` names the thing a row is a version of and `order` the columns that make one version newer
    than another, most significant first; both are empty for tables of plain events. A `partset`
    table holds several rows a version (a mail's participants): the whole newest set is current.
    Rows of a `retention` class expire by the partition; without one they stay for good. A
    `primary_key` is true at any time: one row a key.
    """

    dataset: str
    name: str
    row: type[Row]
    description: str
    partition: str = ""
    cluster: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    partset: bool = False
    retention: RetentionClass | None = None
    primary_key: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`dataset.name`."""
        return f"{self.dataset}.{self.name}"

    @property
    def expiry_days(self) -> int | None:
        """Days that its rows are kept where no settings say otherwise; None = for good."""
        return DAYS[self.retention] if self.retention else None


@cache
def columns(row: type[Row]) -> tuple[Column, ...]:
    """The columns of a record class, in the order of its fields."""
    hints = get_type_hints(row, include_extras=True)
    return tuple(_column(name, hints[name]) for name in row.__struct_fields__)


def _column(name: str, hint: Any) -> Column:
    meta, nullable, repeated, kind = msgspec.Meta(), False, False, ""
    while True:
        arguments = get_args(hint)
        if get_origin(hint) is Annotated:
            hint = arguments[0]
            for note in arguments[1:]:
                if isinstance(note, msgspec.Meta):
                    meta = note
                else:
                    kind = kind or note
        elif type(None) in arguments:
            nullable, hint = True, next(a for a in arguments if a is not type(None))
        elif get_origin(hint) is tuple:
            repeated, hint = True, arguments[0]
        else:
            break
    mode = "REPEATED" if repeated else "NULLABLE" if nullable else "REQUIRED"
    policy = (meta.extra or {}).get("policy", "")
    return Column(name, kind or _SCALARS[hint], mode, meta.description or "", policy)
