"""Whole records by id: bodies by batch read, associations, and the changes made of them."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.bad_input import BadInput
from connectors.exclusions import Excluder
from connectors.hubspot.associations import associations
from connectors.hubspot.client import BATCH, Answer, HubSpot
from connectors.hubspot.kinds import ENROLLED, MERGED, Kind
from connectors.hubspot.properties import Properties
from connectors.hubspot.refusals import NotFound, PropertyGone
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.windows import stamp_ms
from schemas.change import Change, Lane, new_change
from schemas.clock import parse_rfc3339
from schemas.errors import RetriableError

_ABSENT = "OBJECT_NOT_FOUND"
_ROLES = ("from", "to", "cc", "bcc")
_ADDRESS = re.compile(r'"email"\s*:\s*"([^"\\]+)"')
"""In hs_email_headers, which is JSON within a text."""


@dataclass(slots=True)
class Read:
    """What reading some ids brought."""

    changes: list[Change] = field(default_factory=list)
    bad: list[BadInput] = field(default_factory=list)
    excluded: int = 0
    missing: list[str] = field(default_factory=list)
    """Ids that are neither there nor merged into one that is."""

    def add(self, other: "Read") -> None:
        """Takes over what another has."""
        self.changes += other.changes
        self.bad += other.bad
        self.excluded += other.excluded
        self.missing += other.missing


def encoded(record: Mapping[str, Any]) -> bytes:
    """A record as the payload of a change: the same bytes for the same record."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


class RecordReader:
    """Reads records of every kind, with the properties that the settings ask for."""

    def __init__(
        self,
        client: HubSpot,
        settings: HubSpotSettings,
        excluder: Excluder,
        properties: Properties,
    ) -> None:
        self._client = client
        self._settings = settings
        self._excluder = excluder
        self._properties = properties

    def read(
        self, kind: Kind, ids: Iterable[str], lane: Lane = "live", floors: Mapping[str, int] = {}
    ) -> Read:
        """The changes of records as they are now. `floors`: stamps (us) below which a record is
        not dated, for one that came back from the archive with the stamp it went with."""
        wanted = list(dict.fromkeys(ids))
        read = Read()
        for start in range(0, len(wanted), BATCH):
            read.add(self._batch(kind, wanted[start : start + BATCH], lane, floors))
        return read

    def archived(self, kind: Kind, ids: Iterable[str]) -> dict[str, int]:
        """Of ids those that are archived, and since when (us)."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, int] = {}
        for start in range(0, len(wanted), BATCH):
            answer = self._client.read(
                kind, wanted[start : start + BATCH], (kind.stamp,), archived=True
            )
            for one in self._results(kind, answer):
                since = archived_us(one)
                if since is not None:
                    found[str(one.get("id"))] = since
        return found

    def keep(self, changes: Iterable[Change]) -> Read:
        """The changes that may be held."""
        read = Read()
        for change in changes:
            if self._excluder.record(change):
                read.excluded += 1
            else:
                read.changes.append(change)
        return read

    def _batch(self, kind: Kind, ids: list[str], lane: Lane, floors: Mapping[str, int]) -> Read:
        try:
            answer = self._client.read(kind, ids, self._properties.names(kind))
        except PropertyGone:
            # Gone since the definitions were read; what is left is read.
            answer = self._client.read(kind, ids, self._properties.names(kind, fresh=True))
        records = {str(one.get("id")): one for one in self._results(kind, answer)}
        fetched = _completed(answer)
        for path in kind.related:
            related, fetched = associations(self._client, kind, path, records, fetched)
            for one, results in related.items():
                records[one].setdefault("associations", {})[path] = {"results": results}
        read = Read()
        gone: dict[str, str] = {}
        for one, record in records.items():
            self._take(kind, one, record, fetched, lane, floors, read)
            gone.update((loser, one) for loser in merged_ids(record) if loser != one)
        read.missing = [one for one in ids if one not in records and one not in gone]
        return read

    def _take(
        self,
        kind: Kind,
        record_id: str,
        record: dict[str, Any],
        fetched: int,
        lane: Lane,
        floors: Mapping[str, int],
        read: Read,
    ) -> None:
        stamp = _stamp(kind, record)
        if not (record_id.isascii() and record_id.isdigit()) or stamp is None:
            what = "no numeric id" if stamp is not None else f"neither {kind.stamp} nor updatedAt"
            location = f"hubspot {kind.name} {record_id[:20]}"
            read.bad.append(BadInput("hubspot", location, what, encoded(record), lane))
            return
        self._enrol(kind, record_id, record)
        stamp = max(stamp, floors.get(record_id, stamp))
        change = new_change(
            "hubspot",
            kind.name,
            record_id,
            encoded(record),
            stamp=stamp,
            fetched=fetched,
            lane=lane,
        )
        if self._excluder.record(change) or (kind.name == "email" and self._is_excluded(record)):
            read.excluded += 1
            return
        read.changes.append(change)
        losers = (
            merge(kind, loser, record_id, stamp, fetched, lane)
            for loser in merged_ids(record)
            if loser != record_id
        )
        read.add(self.keep(losers))

    def _enrol(self, kind: Kind, record_id: str, record: dict[str, Any]) -> None:
        if not self._settings.enrollments or kind.name != "contact":
            return
        if str(record["properties"].get(ENROLLED)).lower() != "true":
            return
        try:
            record["sequenceEnrollment"] = self._client.enrollment(record_id).body
        except NotFound:
            # Enrolled when it was read, and not any more.
            return

    def _is_excluded(self, record: Mapping[str, Any]) -> bool:
        """Whether an e-mail is from or to somebody whose mails are not held."""
        fields = record["properties"]
        shown = [str(fields.get(f"hs_email_{one}_email") or "") for one in _ROLES]
        listed = _ADDRESS.findall(str(fields.get("hs_email_headers") or ""))
        everybody = [one.strip() for text in (*shown, *listed) for one in text.split(";") if one]
        sender = shown[0] or (listed[0] if listed else "")
        mailbox = any(self._excluder.mailbox(one) for one in everybody)
        return mailbox or self._excluder.mail(sender, everybody, ())

    def _results(self, kind: Kind, answer: Answer) -> list[dict[str, Any]]:
        """The objects of a batch; those that failed for another reason than absence make the
        whole of it one to ask for again (status 207 hides them among successes)."""
        body = answer.body
        errors = body.get("errors")
        for error in errors if isinstance(errors, list) else ():
            if not isinstance(error, dict) or error.get("category") != _ABSENT:
                raise RetriableError(f"hubspot: part of a batch of {kind.path} failed")
        results = body.get("results")
        if not isinstance(results, list) or body.get("status", "COMPLETE") != "COMPLETE":
            raise RetriableError(f"hubspot: a batch of {kind.path} is not complete")
        return [one for one in results if isinstance(one, dict)]


def merge(
    kind: Kind, loser: str, winner: str, stamp: int, fetched: int, lane: Lane = "live"
) -> Change:
    """The change of a record that went into another."""
    payload = encoded({"id": loser, "mergedInto": winner})
    return new_change(
        "hubspot",
        kind.name,
        loser,
        payload,
        stamp=stamp,
        fetched=fetched,
        operation="merge",
        successor=winner,
        lane=lane,
    )


def deletion(kind: Kind, record_id: str, stamp: int, fetched: int, **facts: str | bool) -> Change:
    """The change of a record that is gone: an id and when, nothing of what it held."""
    payload = encoded({"id": record_id, "archived": True, **facts})
    return new_change(
        "hubspot", kind.name, record_id, payload, stamp=stamp, fetched=fetched, operation="delete"
    )


def merged_ids(record: Mapping[str, Any]) -> list[str]:
    """Ids of the records that went into this one."""
    properties = record.get("properties")
    value = properties.get(MERGED) if isinstance(properties, dict) else None
    parts = (part.strip() for part in str(value or "").split(";"))
    return [part for part in parts if part.isascii() and part.isdigit()]


def archived_us(record: Mapping[str, Any]) -> int | None:
    """Since when a record is archived, in microseconds; None where it does not say."""
    try:
        return parse_rfc3339(str(record["archivedAt"]))
    except (KeyError, ValueError):
        return None


def _stamp(kind: Kind, record: Mapping[str, Any]) -> int | None:
    properties = record.get("properties")
    if not isinstance(properties, dict):
        return None
    found = stamp_ms(properties, kind.stamp)
    if found:
        return found * 1_000
    try:
        return parse_rfc3339(str(record.get("updatedAt")))
    except ValueError:
        return None


def _completed(answer: Answer) -> int:
    """When the server had the batch together; its Date header tells seconds only."""
    try:
        return parse_rfc3339(str(answer.body.get("completedAt")))
    except ValueError:
        return answer.server_us
