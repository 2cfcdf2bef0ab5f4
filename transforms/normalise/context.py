"""A deployment's settings, made ready once for the many changes that are read under them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.columns import Row, columns
from schemas.errors import ConfigurationError
from schemas.records import Account, Deal, Interaction, Person, Versioned
from schemas.salesforce_id import key_of
from transforms.identifiers import domain, email, phone
from transforms.normalise.values import (
    Fields,
    as_bool,
    as_days,
    as_float,
    as_int,
    as_list,
    as_micros,
    as_text,
    take,
)
from transforms.settings import Settings

ROW_OF: dict[str, type[Row]] = {
    **dict.fromkeys(("salesforce.account", "hubspot.company", "files.account"), Account),
    **dict.fromkeys(("salesforce.opportunity", "hubspot.deal"), Deal),
    **dict.fromkeys(
        ("salesforce.task", "salesforce.event", "salesforce.emailmessage"), Interaction
    ),
    **dict.fromkeys(
        (f"hubspot.{one}" for one in ("call", "email", "meeting", "note", "task", "communication")),
        Interaction,
    ),
    **dict.fromkeys(("dialpad.call", "dialpad.sms"), Interaction),
    **dict.fromkeys(("salesforce.contact", "salesforce.lead", "salesforce.user"), Person),
    **dict.fromkeys(("hubspot.contact", "hubspot.owner", "files.contact"), Person),
    **dict.fromkeys(("dialpad.user", "dialpad.contact"), Person),
}
"""Which row a record becomes: a custom field names a column of it."""

_PARSERS: dict[str, Callable[[Any], Any]] = {
    "STRING": as_text,
    "INT64": as_int,
    "FLOAT64": as_float,
    "BOOL": as_bool,
    "TIMESTAMP": as_micros,
    "DATE": as_days,
}
_OWN = frozenset(Versioned.__struct_fields__)


class Custom(NamedTuple):
    """A custom field, the column it fills, how its value is read, and whether it holds many."""

    field: str
    column: str
    parse: Callable[[Any], Any]
    many: bool


class Context:
    """What the normalisers ask of the settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.region = settings.region
        self.own_numbers = frozenset(
            parsed.e164 if (parsed := phone.parse(number, settings.region)) else number
            for number in settings.own_numbers
        )
        self._own_domains = settings.own_domains
        self._custom: dict[str, list[Custom]] = {}
        for one in settings.custom_fields:
            made = self._made(one.record, one.field, one.column)
            self._custom.setdefault(one.record, []).append(made)

    def _made(self, record: str, field: str, column: str) -> Custom:
        row = ROW_OF.get(record)
        if row is None:
            raise ConfigurationError(
                f"custom field {field}: no records {record}; there are {', '.join(sorted(ROW_OF))}"
            )
        known = {one.name: one for one in columns(row) if one.name not in _OWN}
        if column not in known or known[column].kind not in _PARSERS:
            raise ConfigurationError(
                f"custom field {field}: {record} has no column {column} to fill"
            )
        found = known[column]
        if column.endswith(("_key", "_keys")):
            return Custom(field, column, _as_key, found.mode == "REPEATED")
        if column == "emails":
            return Custom(field, column, _as_email, True)
        if column == "phones":
            return Custom(field, column, self._as_phone, True)
        if column == "domains":
            return Custom(field, column, _as_domain, True)
        return Custom(field, column, _PARSERS[found.kind], found.mode == "REPEATED")

    def is_internal(self, address: str) -> bool:
        """Whether an address is one of ours."""
        return domain.is_within(address.rpartition("@")[2], self._own_domains)

    def fill(self, record: str, fields: Fields, row: Fields) -> None:
        """Fills the columns of `row` from the custom fields of a record (`salesforce.contact`).

        One value goes before what a standard field gave; of many, those are added.
        """
        for custom in self._custom.get(record, ()):
            if not custom.many:
                found = take(fields, custom.field, custom.parse)
                if found is not None:
                    row[custom.column] = found
                continue
            value = fields.get(custom.field)
            if value is None or value == "":
                continue
            parsed = [custom.parse(part) for part in as_list(value)]
            added = [one for one in parsed if one is not None]
            row[custom.column] = tuple(dict.fromkeys((*row.get(custom.column, ()), *added)))
            if len(added) == len(parsed):
                del fields[custom.field]

    def _as_phone(self, value: Any) -> str | None:
        parsed = phone.parse(str(value), self.region)
        return parsed.e164 if parsed else None


def _as_email(value: Any) -> str | None:
    parsed = email.parse(str(value))
    return parsed.address if parsed else None


def _as_domain(value: Any) -> str | None:
    return domain.of_url(str(value)) or None


def _as_key(value: Any) -> str | None:
    """A record_key, or the Salesforce id of a record."""
    shown = as_text(value)
    return shown if shown and shown.count(":") >= 2 else key_of(shown)


_latest: Context | None = None


def context_of(settings: Settings) -> Context:
    """The context of settings; a process has one, so that the last one is nearly always it."""
    global _latest
    context = _latest
    if context is None or context.settings is not settings:
        context = _latest = Context(settings)
    return context
