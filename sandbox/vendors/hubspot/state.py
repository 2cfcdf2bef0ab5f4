"""What a simulated HubSpot account holds, how it changes, and what its search index knows of it.

The index is behind: every version of a record turns up in it after a lag drawn anew each time, so
that versions overtake each other. What it finds is shown as it is now, which may be outside of
what was searched for.
"""

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.clock import Clock, rfc3339

Properties = dict[str, str]
STAMP = {"contacts": "lastmodifieddate"}
TYPES = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "calls": "0-48",
    "emails": "0-49",
    "meetings": "0-47",
    "notes": "0-46",
    "tasks": "0-27",
    "communications": "0-18",
}
DEFINED = {
    "contacts": ("firstname", "lastname", "email", "phone", "jobtitle", "lifecyclestage"),
    "companies": ("name", "domain", "phone", "city", "state"),
    "deals": ("dealname", "dealstage", "amount", "closedate"),
    "notes": ("hs_timestamp", "hs_note_body"),
    "calls": (
        "hs_timestamp",
        "hs_call_title",
        "hs_call_direction",
        "hs_call_duration",
        "hs_call_to_number",
    ),
    "emails": (
        "hs_timestamp",
        "hs_email_subject",
        "hs_email_direction",
        "hs_email_text",
        "hs_email_to_email",
    ),
    "meetings": ("hs_timestamp", "hs_meeting_title", "hs_meeting_start_time"),
    "tasks": ("hs_timestamp", "hs_task_subject", "hs_task_status"),
    "communications": ("hs_timestamp", "hs_communication_body"),
}
"""Properties that every account has defined, whether a record has them or not."""
SINGULAR = {"contacts": "contact", "companies": "company", "deals": "deal"}
PRIMARY = {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"}
PLAIN = {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None}


def iso(ms: int) -> str:
    """A moment as HubSpot writes it."""
    return rfc3339(ms * 1_000)[:-4] + "Z"


@dataclass(slots=True)
class Record:
    """An object: moments in milliseconds; `indexed` holds (visible from, stamp or None) versions
    of it in the search index, None where it was taken out."""

    id: str
    properties: Properties
    created: int
    updated: int
    archived: int | None = None
    indexed: list[tuple[int, int | None]] = field(default_factory=list)


@dataclass
class Account:
    """One account. `clock` in microseconds; `lag_ms` is the longest that the index lags."""

    clock: Clock
    seed: int = 0
    lag_ms: int = 0
    portal_id: int = 62_515
    tokens: set[str] = field(default_factory=lambda: {"token-1"})
    scopes: set[str] | None = None
    """Granted; None: all."""
    searches_per_s: int = 1_000_000
    calls_per_10_s: int = 1_000_000
    objects: dict[str, dict[str, Record]] = field(default_factory=dict)
    owners: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[tuple[str, str], dict[str, dict[str, list[dict[str, Any]]]]] = field(
        default_factory=dict
    )
    """(from path, to path) to id to the ids and types of what it is with."""
    merged: dict[tuple[str, str], str] = field(default_factory=dict)
    """(path, loser's id) to the id that it goes by now."""
    enrollments: dict[str, dict[str, Any]] = field(default_factory=dict)
    sensitive: set[str] = field(default_factory=set)
    """Names of properties whose values webhooks do not show."""
    broken: set[str] = field(default_factory=set)
    """Ids of records that are shown with a list where their properties should be."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """Webhook events that wait to be sent."""
    given_up: int = 0
    """Events that were not taken and are not sent again."""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._rng = random.Random(self.seed)
        self._next_id = 9_000_000_000
        self._next_event = 1_000
        for path in TYPES:
            self.objects.setdefault(path, {})

    def now(self) -> int:
        """Milliseconds."""
        return self.clock() // 1_000

    def new_id(self) -> str:
        """An id that no record has."""
        self._next_id += self._rng.randrange(1, 50)
        return str(self._next_id)

    def create(
        self, path: str, properties: Properties, record_id: str = "", at: int | None = None
    ) -> Record:
        """A new record, stamped now or `at`."""
        with self.lock:
            ms = self.now() if at is None else at
            record = Record(record_id or self.new_id(), dict(properties), ms, ms)
            self.objects[path][record.id] = record
            self._stamped(path, record, ms)
            self._event(path, "creation", record)
            return record

    def edit(
        self, path: str, record_id: str, properties: Properties, at: int | None = None
    ) -> None:
        """Changes properties."""
        with self.lock:
            record = self.objects[path][record_id]
            record.properties.update(properties)
            self._stamped(path, record, self.now() if at is None else at)
            for name, value in properties.items():
                shown = "REDACTED" if name in self.sensitive else value
                self._event(
                    path,
                    "propertyChange",
                    record,
                    propertyName=name,
                    propertyValue=shown,
                    isSensitive=name in self.sensitive,
                )

    def archive(self, path: str, record_id: str) -> None:
        """Into the bin: no stamp moves."""
        with self.lock:
            record = self.objects[path][record_id]
            record.archived = self.now()
            record.indexed.append((self._visible(), None))
            self._event(path, "deletion", record)

    def restore(self, path: str, record_id: str) -> None:
        """Out of the bin, under its old stamp."""
        with self.lock:
            record = self.objects[path][record_id]
            record.archived = None
            record.indexed.append((self._visible(), record.updated))
            self._event(path, "restore", record)

    def erase(self, path: str, record_id: str) -> None:
        """A privacy deletion: gone at once, from everywhere."""
        with self.lock:
            record = self.objects[path].pop(record_id)
            self._event(path, "privacyDeletion", record)

    def purge(self, path: str, record_id: str) -> None:
        """Gone from the bin, after 90 days."""
        with self.lock:
            del self.objects[path][record_id]

    def merge(self, path: str, primary: str, other: str, new_id: bool = False) -> Record:
        """Two records become one, under the primary's id or a new one."""
        with self.lock:
            rows = self.objects[path]
            kept, lost = rows[primary], rows.pop(other)
            losers = [other]
            if new_id:
                del rows[primary]
                losers = [primary, other]
                kept = Record(self.new_id(), kept.properties, kept.created, kept.updated)
                rows[kept.id] = kept
            name = "hs_merged_object_ids"
            before = [one.properties[name] for one in (kept, lost) if one.properties.get(name)]
            kept.properties = {**lost.properties, **kept.properties}
            kept.properties[name] = ";".join([*before, *losers])
            for key, winner in list(self.merged.items()):
                if key[0] == path and winner in losers:
                    self.merged[key] = kept.id
            self.merged.update({(path, loser): kept.id for loser in losers})
            self._stamped(path, kept, self.now())
            self._event(
                path,
                "merge",
                kept,
                primaryObjectId=int(primary),
                mergedObjectIds=[int(other)],
                newObjectId=int(kept.id),
                numberOfPropertiesMoved=3,
            )
            return kept

    def associate(
        self, path: str, record_id: str, to_path: str, other: str, primary: bool = False
    ) -> None:
        """Puts two records together: no stamp moves."""
        with self.lock:
            ends = ((path, record_id, to_path, other), (to_path, other, path, record_id))
            for one, one_id, two, two_id in ends:
                known = self.links.setdefault((one, two), {}).setdefault(one_id, {})
                known[two_id] = [PRIMARY, PLAIN] if primary else [PLAIN]
            self._association(path, record_id, to_path, other, primary=primary)

    def dissociate(self, path: str, record_id: str, to_path: str, other: str) -> None:
        """Takes them apart again."""
        with self.lock:
            for one, one_id, two, two_id in (
                (path, record_id, to_path, other),
                (to_path, other, path, record_id),
            ):
                self.links.get((one, two), {}).get(one_id, {}).pop(two_id, None)
            self._association(path, record_id, to_path, other, removed=True)

    def _association(
        self,
        path: str,
        record_id: str,
        to_path: str,
        other: str,
        *,
        primary: bool = False,
        removed: bool = False,
    ) -> None:
        names = [SINGULAR.get(one, one.rstrip("s")) for one in (path, to_path)]
        self._event(
            path,
            "associationChange",
            self.objects[path][record_id],
            fromObjectId=int(record_id),
            toObjectId=int(other),
            associationType="_TO_".join(names).upper(),
            associationRemoved=removed,
            isPrimaryAssociation=primary,
        )

    def live(self, path: str) -> Iterator[Record]:
        """The records that are not archived."""
        return (one for one in list(self.objects[path].values()) if one.archived is None)

    def shown(self, path: str, record: Record, names: list[str] | None) -> dict[str, Any]:
        """A record as the API gives it: of properties asked for that have no value, null."""
        stamp = STAMP.get(path, "hs_lastmodifieddate")
        has = {
            **record.properties,
            "hs_object_id": record.id,
            stamp: iso(record.updated),
            "createdate": iso(record.created),
        }
        wanted = names if names else ["hs_object_id", "createdate", stamp]
        answer: dict[str, Any] = {
            "id": record.id,
            "properties": {name: has.get(name) for name in wanted},
            "createdAt": iso(record.created),
            "updatedAt": iso(record.updated),
            "archived": record.archived is not None,
        }
        if record.archived is not None:
            answer["archivedAt"] = iso(record.archived)
        if record.id in self.broken:
            answer |= {"properties": ["?"], "updatedAt": ""}
        return answer

    def found(self, path: str) -> list[tuple[int, Record]]:
        """Records in the index, under the stamps that it has of them now."""
        now = self.now()
        found = []
        for record in list(self.objects[path].values()):
            known = [stamp for visible, stamp in record.indexed if visible <= now]
            if known and known[-1] is not None:
                found.append((known[-1], record))
        return found

    def property_names(self, path: str) -> list[str]:
        """Of the object's definitions."""
        stamp = STAMP.get(path, "hs_lastmodifieddate")
        names = {"hs_object_id", "createdate", stamp, "hs_merged_object_ids"}
        names.update(DEFINED.get(path, ()))
        for record in list(self.objects[path].values()):
            names.update(record.properties)
        return sorted(names)

    def _stamped(self, path: str, record: Record, ms: int) -> None:
        record.updated = ms
        record.indexed.append((self._visible(), ms))
        # Whatever is visible in time order: a later version may turn up first.
        record.indexed.sort(key=lambda one: one[0])

    def _visible(self) -> int:
        return self.now() + (self._rng.randrange(self.lag_ms) if self.lag_ms else 0)

    def _event(self, path: str, what: str, record: Record, **facts: Any) -> None:
        self._next_event += 1
        name = SINGULAR.get(path)
        event = {
            "eventId": self._next_event,
            "subscriptionId": 4_000 + len(what),
            "portalId": self.portal_id,
            "appId": 11_123,
            "occurredAt": self.now(),
            "subscriptionType": f"{name or 'object'}.{what}",
            "attemptNumber": 0,
            "objectId": int(record.id),
            "changeSource": "CRM_UI",
            **facts,
        }
        if name is None:
            event["objectTypeId"] = TYPES[path]
        self.events.append(event)
