"""The properties that HubSpot defines for an object: which are read, and how they change.

https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide
"""

import time
from collections.abc import Callable, Iterator, Mapping

from connectors.cursors import Cursor
from connectors.hubspot.client import HubSpot
from connectors.hubspot.kinds import MERGED, SEQUENCES, Kind
from connectors.hubspot.refusals import MissingScope
from connectors.hubspot.settings import HubSpotSettings
from connectors.schema import drift, drift_notes, packed, schema_changes
from connectors.stream import Page
from schemas.errors import RetriableError


class Properties:
    """The definitions of every object, read anew after an hour, so that new ones turn up."""

    def __init__(
        self,
        client: HubSpot,
        settings: HubSpotSettings,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._settings = settings
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, Mapping[str, str]]] = {}

    def types(self, kind: Kind, *, fresh: bool = False) -> Mapping[str, str]:
        """Name to type of what is defined. `fresh`: it is known to have changed."""
        known, now = self._kept.get(kind.name), self._monotonic()
        if fresh or known is None or now - known[0] > self._settings.properties_kept_s:
            results = self._client.properties(kind).body.get("results")
            listed = results if isinstance(results, list) else []
            types = {one["name"]: str(one.get("type") or "") for one in listed if _is_defined(one)}
            if not types:
                # A record read without them would say that it has none.
                raise RetriableError(f"hubspot: {kind.path} without a single property")
            known = self._kept[kind.name] = (now, types)
        return known[1]

    def names(self, kind: Kind, *, fresh: bool = False) -> tuple[str, ...]:
        """Names to read: those that the settings choose, else all, and what we need ourselves.
        `fresh`: one of them is gone; only those that there are."""
        chosen = self._settings.properties.get(kind.name)
        if chosen is None:
            chosen = tuple(sorted(self.types(kind, fresh=fresh)))
        own = [kind.stamp, MERGED]
        if self._settings.enrollments and kind.name == "contact":
            own += SEQUENCES
        names = tuple(dict.fromkeys((*chosen, *own)))
        if not fresh:
            return names
        types = self.types(kind, fresh=kind.name in self._settings.properties)
        return tuple(one for one in names if one in types)


class PropertiesStream:
    """Tells which properties of an object came, went or changed type. Cursor: `shape`, the packed
    definitions, and `at` (us), when they were read, by the server's clock."""

    def __init__(
        self, client: HubSpot, properties: Properties, kind: Kind, settings: HubSpotSettings
    ) -> None:
        self.name = f"hubspot/{kind.name}/properties"
        self._client = client
        self._properties = properties
        self._kind = kind
        self._chosen = settings.properties.get(kind.name)
        self._every_us = int(settings.properties_kept_s * 1e6)

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream: once an hour one page."""
        now = self._client.server_us
        if cursor is not None and now is not None and now - cursor["at"] < self._every_us:
            return
        try:
            types = dict(self._properties.types(self._kind, fresh=True))
        except MissingScope:
            if self._chosen is None:
                raise
            # Whoever names the properties needs no definitions to read them.
            return
        if self._chosen is not None:
            types = {one: types[one] for one in self._chosen if one in types}
        at = self._client.server_us or 0
        drifts = drift(cursor["shape"], types) if cursor is not None else ()
        yield Page(
            schema_changes("hubspot", self._kind.name, drifts, at),
            {"shape": packed(types), "at": at},
            notes=drift_notes("hubspot", self._kind.name, drifts),
        )


def _is_defined(one: object) -> bool:
    return isinstance(one, dict) and isinstance(one.get("name"), str) and not one.get("archived")
