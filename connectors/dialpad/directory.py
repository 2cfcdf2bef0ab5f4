"""Users and contacts: listed whole at every poll, for they bear no stamp of their last change.

The cursor remembers what each said, so that only what is new is published; its version is the
server's time of the reading. Who is missing from two whole lists in a row is gone.
"""

from collections.abc import Callable, Iterator

from connectors.bad_input import BadInput
from connectors.cursors import Cursor
from connectors.dialpad.client import Listed
from connectors.dialpad.paging import pages
from connectors.dialpad.records import digest_of, excludes, fields_of, id_of
from connectors.exclusions import Excluder
from connectors.stream import Page
from schemas.change import Change, Lane, new_change, stable_hash
from schemas.errors import InvalidPayload, RetriableError


class DirectoryStream:
    """One list; `kind` is the object type, `read` gets the page of a token.

    The cursor: `known`, id to digest; `missing`, ids that the last whole list did not have.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        read: Callable[[str], Listed],
        excluder: Excluder,
        *,
        volatile: tuple[str, ...] = (),
        lane: Lane = "live",
    ) -> None:
        self._name = name
        self._kind = kind
        self._read = read
        self._excluder = excluder
        self._volatile = volatile
        self._lane = lane

    @property
    def name(self) -> str:
        """As Stream."""
        return self._name

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream. A list that breaks off is read from its start again: what was published of it
        is known by then."""
        cursor = cursor or {}
        known: dict[str, str] = dict(cursor.get("known") or {})
        missing: list[str] = list(cursor.get("missing") or [])
        seen: set[str] = set()
        for listed in pages(f"{self._kind}s", self._read):
            changes, bad, excluded = self._fresh(listed, known, seen)
            if not listed.token:
                gone = [one for one in missing if one not in seen and one in known]
                deleted = self._deleted(gone, known, listed)
                kept = [one for one in deleted if not self._excluder.record(one)]
                excluded += len(deleted) - len(kept)
                changes += kept
                missing = [one for one in known if one not in seen]
            yield Page(tuple(changes), {"known": known, "missing": missing}, tuple(bad), excluded)

    def _fresh(
        self, listed: Listed, known: dict[str, str], seen: set[str]
    ) -> tuple[list[Change], list[BadInput], int]:
        changes: list[Change] = []
        bad: list[BadInput] = []
        excluded = 0
        for raw in listed.records:
            object_id = ""
            try:
                fields = fields_of(raw)
                object_id = id_of(fields.get("id"))
                if not object_id:
                    raise InvalidPayload("no id")
            except InvalidPayload as error:
                reason, object_id = str(error), f"bad:{stable_hash(raw)[:12]}"
                seen.add(object_id)
                if object_id not in known:
                    known[object_id] = ""
                    bad.append(
                        BadInput("dialpad", f"list of {self._kind}s", reason, raw, self._lane)
                    )
                continue
            seen.add(object_id)
            digest = digest_of(fields, self._volatile)
            if known.get(object_id) == digest:
                continue
            known[object_id] = digest
            stamp = _read_at(listed)
            change = new_change(
                "dialpad", self._kind, object_id, raw, stamp=stamp, fetched=stamp, lane=self._lane
            )
            if excludes(self._excluder, change, fields):
                excluded += 1
            else:
                changes.append(change)
        return changes, bad, excluded

    def _deleted(self, gone: list[str], known: dict[str, str], listed: Listed) -> list[Change]:
        changes = []
        for object_id in gone:
            if known.pop(object_id):
                stamp = _read_at(listed)
                change = new_change(
                    "dialpad",
                    self._kind,
                    object_id,
                    b"",
                    stamp=stamp,
                    fetched=stamp,
                    operation="delete",
                    lane=self._lane,
                )
                changes.append(change)
        return changes


def _read_at(listed: Listed) -> int:
    if listed.read_at is None:
        raise RetriableError("dialpad: an answer without a Date: nothing else says which is newer")
    return listed.read_at
