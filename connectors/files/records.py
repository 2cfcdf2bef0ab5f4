"""A row of an export as the change that the source's API would have given."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.files.headings import (
    MANY,
    distinct,
    hubspot_property,
    mapped_fields,
    salesforce_field,
)
from connectors.files.kinds import Kind
from connectors.files.options import ImportOptions
from connectors.files.stamps import parse_stamp, zone_of
from schemas.change import Change, new_change, opaque_id
from schemas.clock import MAX_US, MIN_US
from schemas.errors import ConfigurationError, InvalidPayload
from schemas.salesforce_id import OBJECT_OF_PREFIX, key_of, to18

_JSON = msgspec.json.Encoder()
_NAMES = {
    "account": "Account",
    "contact": "Contact",
    "lead": "Lead",
    "opportunity": "Opportunity",
    "task": "Task",
    "event": "Event",
    "user": "User",
}
_STAMPS = {
    "salesforce": ("SystemModstamp", "LastModifiedDate"),
    "hubspot": ("lastmodifieddate", "hs_lastmodifieddate"),
    "dialpad": ("event_timestamp", "date_ended", "date_connected", "date_started"),
    "files": ("updated_at",),
}
"""Where the stamp of a version stands, best first."""
_PLACE = ("street", "postal_code", "city", "region", "country")
_NATURAL = {
    "contact": ("organisation", "birth_date", *_PLACE),
    "account": ("domain", *_PLACE),
}
"""What tells two of one name apart."""
_DIALPAD = re.compile(r"[\W_]+")

Fields = dict[str, Any]


class RowReader:
    """Reads the rows of one CSV of the name `file_name`; `headings` are its first row."""

    def __init__(
        self, kind: Kind, headings: list[str], options: ImportOptions, as_of: int, file_name: str
    ) -> None:
        self._kind = kind
        namespace = options.namespace_of(file_name)
        self._prefix = f"{namespace}." if namespace else ""
        self._as_of = as_of
        self._zone = zone_of(options.zone)
        headings = distinct(headings)
        if kind.source == "salesforce":
            self._fields = [salesforce_field(kind.object_type, one) for one in headings]
        elif kind.source == "hubspot":
            self._fields = [hubspot_property(kind.object_type, one) for one in headings]
        elif kind.source == "dialpad":
            self._fields = [_dialpad_field(one) for one in headings]
        else:
            self._fields = mapped_fields(headings, options.mapping)
        self._headings = headings
        self._read = {
            "salesforce": self._salesforce,
            "hubspot": self._hubspot,
            "dialpad": self._dialpad,
            "files": self._files,
        }[kind.source]

    def change(self, cells: list[str], line: int) -> Change:
        """The change of the row that begins on a line; InvalidPayload says what the row lacks.

        A row of one's own without a stamp is a microsecond newer than one on the line before: of
        two with one id the later counts. It is the stamp, for that is part of what a change is: the
        same row elsewhere must not be the same change with another version.
        """
        assert self._kind.source
        object_id, payload, fields = self._read([cell.strip() or None for cell in cells])
        stamp = None
        for name in _STAMPS[self._kind.source]:
            stamp = parse_stamp(fields.get(name), self._zone)
            if stamp is not None:
                break
        if stamp is None or not MIN_US <= stamp <= MAX_US:
            own = self._kind.source == "files"
            stamp = min(self._as_of + line, MAX_US) if own else self._as_of
        return new_change(
            self._kind.source,
            self._kind.object_type,
            object_id,
            _JSON.encode(payload),
            stamp=stamp,
            fetched=stamp,
            lane="import",
        )

    def _named(self, cells: list[str | None]) -> Fields:
        """Field to cell; of two headings for one field the first that says something counts."""
        fields: Fields = {}
        for name, cell in zip(self._fields, cells, strict=True):
            if fields.get(name) is None:
                fields[name] = cell
        return fields

    def _salesforce(self, cells: list[str | None]) -> tuple[str, Fields, Fields]:
        fields = self._named(cells)
        known = to18(fields.get("Id"))
        if known is None or OBJECT_OF_PREFIX.get(known[:3]) != self._kind.object_type:
            raise InvalidPayload(f"Id is no Salesforce id of a {self._kind.object_type}")
        payload = {"attributes": {"type": _NAMES[self._kind.object_type]}, **fields, "Id": known}
        return known, payload, fields

    def _hubspot(self, cells: list[str | None]) -> tuple[str, Fields, Fields]:
        fields: Fields = {}
        associations: dict[str, list[str]] = {}
        for name, cell in zip(self._fields, cells, strict=True):
            target, _, objects = name.partition(".")
            if target == "associations":
                ids = re.findall(r"\d+", cell or "")
                listed = associations.setdefault(objects, [])
                listed += (one for one in ids if one not in listed)
            elif fields.get(name) is None:
                fields[name] = cell
        object_id = fields.get("hs_object_id") or ""
        if not (object_id.isascii() and object_id.isdigit()):
            raise InvalidPayload("Record ID is no number")
        payload: Fields = {"id": object_id, "properties": fields}
        if any(associations.values()):
            payload["associations"] = {
                objects: {"results": [{"id": one} for one in ids]}
                for objects, ids in associations.items()
                if ids
            }
        return object_id, payload, fields

    def _dialpad(self, cells: list[str | None]) -> tuple[str, Fields, Fields]:
        fields = self._named(cells)
        object_id = fields.get("call_id") or ""
        if not (object_id.isascii() and object_id.isdigit()):
            raise InvalidPayload("call_id is no number")
        payload: Fields = {}
        for name, cell in fields.items():
            part, _, rest = name.partition("_")
            if part in ("contact", "target") and rest:
                payload.setdefault(part, {})[rest] = cell
            else:
                payload[name] = cell
        return object_id, payload, fields

    def _files(self, cells: list[str | None]) -> tuple[str, Fields, Fields]:
        payload: Fields = {}
        extra: Fields = {}
        for field, heading, cell in zip(self._fields, self._headings, cells, strict=True):
            if cell is None:
                continue
            if not field:
                extra[heading] = cell
            elif field in MANY:
                payload.setdefault(field, []).append(cell)
            else:
                payload[field] = cell
        stamps = {"updated_at": payload.get("updated_at")}
        for name in stamps | {"created_at": None}:
            us = parse_stamp(payload.get(name), self._zone)
            if us is None and name in payload:
                extra[name] = payload.pop(name)
            elif us is not None:
                payload[name] = us
        if extra:
            payload["extra"] = extra
        account = payload.get("account_id")
        if account and key_of(account) is None:
            payload["account_id"] = f"{self._prefix}{account}"
        return self._own_id(payload), payload, stamps

    def _own_id(self, payload: Fields) -> str:
        if payload.get("id"):
            return f"{self._prefix}{payload['id']}"
        kind = self._kind.object_type
        parts = [payload.get("given_name"), payload.get("family_name")]
        name = _plain(" ".join(part for part in parts if part) or payload.get("full_name"))
        email, phone = (_plain((payload.get(many) or [""])[0]) for many in ("emails", "phones"))
        # People share an address, and an agency's stands with all of its accounts.
        if email and kind == "contact":
            return opaque_id(kind, "email", email, name)
        if kind == "account":
            name = _plain(payload.get("organisation")) or name
        natural = [name, *(_plain(payload.get(field)) for field in _NATURAL[kind]), phone]
        if not any(natural):
            raise InvalidPayload("no id, and neither a name, an address nor a number")
        return opaque_id(kind, *natural)


def _plain(text: str | None) -> str:
    return " ".join((text or "").casefold().split())


def _dialpad_field(heading: str) -> str:
    return _DIALPAD.sub("_", heading.strip().casefold()).strip("_")


def mapping_of(pairs: list[str]) -> Mapping[str, str]:
    """The mapping of `field=Heading` pairs as a command line has them."""
    mapping = {}
    for pair in pairs:
        name, equals, heading = pair.partition("=")
        if not (name.strip() and equals and heading.strip()):
            raise ConfigurationError(f"--map {pair}: write it as field=Heading")
        mapping[name.strip()] = heading.strip()
    return mapping
