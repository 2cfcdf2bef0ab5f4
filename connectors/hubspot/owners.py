"""Owners: the users to whom records belong. Few, so that the whole list is read each time."""

from collections.abc import Iterator
from functools import partial

from connectors.bad_input import BadInput
from connectors.cursors import Cursor
from connectors.hubspot.client import HubSpot
from connectors.hubspot.kinds import OWNER
from connectors.hubspot.lanes import page
from connectors.hubspot.paging import pages
from connectors.hubspot.records import Read, RecordReader, encoded
from connectors.stream import Page
from schemas.change import new_change, stable_hash
from schemas.clock import parse_rfc3339


class Owners:
    """Cursor: `digests`, owner id to the digest of what was published; of what is no owner that
    digest itself."""

    name = f"hubspot/{OWNER}"

    def __init__(self, client: HubSpot, reader: RecordReader) -> None:
        self._client = client
        self._reader = reader

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream: the owners that are not as they were, archived ones too."""
        digests: dict[str, str] = dict((cursor or {}).get("digests", {}))
        for archived in (False, True):
            for listed in pages("owners", partial(self._client.owners, archived)):
                read = self._read(listed.results, listed.server_us, digests)
                if read.changes or read.bad:
                    yield page(read, {"digests": dict(digests)})

    def _read(self, results: list[object], fetched: int, digests: dict[str, str]) -> Read:
        changes, bad = [], []
        for one in results:
            fields = one if isinstance(one, dict) else {"owner": one}
            owner_id = str(fields.get("id") or "")
            payload = encoded(fields)
            try:
                stamp = parse_rfc3339(str(fields.get("updatedAt")))
            except ValueError:
                stamp = None
            if stamp is None or not (owner_id.isascii() and owner_id.isdigit()):
                # Listed again at every poll, and told once.
                digest = stable_hash(payload)
                if digests.get(f"bad:{digest}") is not None:
                    continue
                digests[f"bad:{digest}"] = digest
                location = f"hubspot {OWNER} {owner_id[:20]}"
                bad.append(BadInput("hubspot", location, "no id or updatedAt", payload, "live"))
                continue
            change = new_change("hubspot", OWNER, owner_id, payload, stamp=stamp, fetched=fetched)
            if digests.get(owner_id) != change.digest:
                digests[owner_id] = change.digest
                changes.append(change)
        read = self._reader.keep(changes)
        read.bad += bad
        return read
