"""Salesforce as a source: what there is to read of an org."""

from collections.abc import Iterable, Iterator

from connectors.exclusions import Excluder, Exclusions
from connectors.salesforce.backfill import BackfillStream
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.deletions import DeletedStream
from connectors.salesforce.fetch import fetch
from connectors.salesforce.polling import ObjectStream
from connectors.salesforce.reconcile import Known
from connectors.salesforce.shapes import Shapes
from connectors.stream import Page, Stream
from schemas.change import Source
from schemas.errors import ConfigurationError


class SalesforceConnector:
    """One org. `known` gives the ids that we hold, for the daily comparison; without it deletions
    beyond the recycle bin and the log of deletions go unnoticed."""

    source: Source = "salesforce"

    def __init__(
        self,
        client: SalesforceClient,
        exclusions: Exclusions | None = None,
        known: Known | None = None,
    ) -> None:
        self.client = client
        self.excluder = Excluder(exclusions or Exclusions())
        self._known = known
        self._shapes = Shapes(client)

    def streams(self, objects: Iterable[str] = ()) -> Iterable[Stream]:
        """Of every object its changes, then its deletions."""
        for entity in self.entities(objects):
            yield ObjectStream(self.client, self._shapes, entity, self.excluder)
            yield DeletedStream(self.client, self._shapes, entity, self.excluder, self._known)

    def backfill(
        self, since: int | None, until: int, objects: Iterable[str] = ()
    ) -> Iterable[Stream]:
        """Everything stamped within [since, until), microseconds, in lane backfill."""
        for entity in self.entities(objects):
            yield BackfillStream(self.client, self._shapes, entity, self.excluder, since, until)

    def fetch(self, object_type: str, ids: Iterable[str]) -> Iterator[Page]:
        """Pages without a cursor: whole records by their ids."""
        (entity,) = self.entities((object_type,))
        yield from fetch(self.client, entity, ids, self.excluder)

    def entities(self, objects: Iterable[str] = ()) -> tuple[str, ...]:
        """The configured sObjects, or of them those named, by our name or Salesforce's."""
        configured = {name.lower(): name for name in self.client.settings.objects}
        wanted = [name.lower() for name in objects] or list(configured)
        unknown = [name for name in wanted if name not in configured]
        if unknown:
            raise ConfigurationError(
                f"salesforce has no {', '.join(unknown)} here: there are {', '.join(configured)}"
            )
        return tuple(configured[name] for name in wanted)
