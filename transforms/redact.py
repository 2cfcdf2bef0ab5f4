"""Field policy: what happens to a column after Normalise, before anything is kept.

A policy names `dataset.table.column` and drops, truncates or hashes its value. Rows only:
resolution works on the canonical identifiers that Normalise found, unless `sales.people.emails` or
`.phones` is dropped, which takes them from the resolver's records too. Raw payloads and dead
letters are not touched here: their tables are restricted and short-lived.
"""

import hmac
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.columns import Column, Row, columns
from schemas.errors import ConfigurationError
from schemas.flow import Normalised
from schemas.tables import BY_ID
from transforms.settings import FieldPolicy

HASH_CHARACTERS = 32
Treat = Callable[[Any], Any]


def _treatment(policy: FieldPolicy, column: Column, key: bytes) -> Treat:
    if policy.treatment == "drop":
        if column.mode == "REQUIRED":
            raise ConfigurationError(
                f"field policy: {policy.column} is required and cannot be dropped; hash it instead"
            )
        return lambda value: () if column.mode == "REPEATED" else None
    if column.kind != "STRING":
        raise ConfigurationError(
            f"field policy: {policy.column} is {column.kind}; only text is cut or hashed"
        )
    if policy.treatment == "truncate":
        if policy.length <= 0:
            raise ConfigurationError(f"field policy: {policy.column} needs a length above 0")
        return _each(lambda text: text[: policy.length], column)
    if not key:
        raise ConfigurationError(f"field policy: {policy.column} is hashed but no key is set")
    return _each(
        lambda text: hmac.digest(key, text.encode(), "sha256").hex()[:HASH_CHARACTERS], column
    )


def _each(change: Callable[[str], str], column: Column) -> Treat:
    if column.mode == "REPEATED":
        return lambda values: tuple(change(value) for value in values)
    return lambda value: None if value is None else change(value)


class Redact:
    """The field policies of a deployment, compiled; a class of rows without one costs nothing."""

    def __init__(self, policies: Sequence[FieldPolicy], key: bytes = b"") -> None:
        """ConfigurationError names a policy whose column does not exist or cannot be treated so."""
        self._by_row: dict[type[Row], dict[str, Treat]] = {}
        self._dropped: set[str] = set()
        for policy in policies:
            if policy.treatment == "keep":
                continue
            table_id, _, name = policy.column.rpartition(".")
            table = BY_ID.get(table_id)
            known = {column.name: column for column in columns(table.row)} if table else {}
            if table is None or name not in known:
                where = f"columns: {', '.join(known)}" if known else f"tables: {', '.join(BY_ID)}"
                raise ConfigurationError(f"field policy: {policy.column} does not exist; {where}")
            treatments = self._by_row.setdefault(table.row, {})
            treatments[name] = _treatment(policy, known[name], key)
            if policy.treatment == "drop" and policy.column in _IDENTITY_COLUMNS:
                self._dropped.add(_IDENTITY_COLUMNS[policy.column])

    def __call__(self, element: Normalised) -> Normalised:
        """The element with every policy applied."""
        if not self._by_row:
            return element
        identities = element.identities
        if self._dropped:
            identities = tuple(
                msgspec.structs.replace(record, **dict.fromkeys(self._dropped, ()))
                for record in identities
            )
        return Normalised(
            element.arrival, tuple(self._row(row) for row in element.rows), identities
        )

    def _row(self, row: Row) -> Row:
        treatments = self._by_row.get(type(row))
        if not treatments:
            return row
        treated = {name: treat(getattr(row, name)) for name, treat in treatments.items()}
        return msgspec.structs.replace(row, **treated)


_IDENTITY_COLUMNS = {"sales.people.emails": "emails", "sales.people.phones": "phones"}
