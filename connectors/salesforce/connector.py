"""Salesforce as a source: what there is to read of an org."""

from collections.abc import Iterable, Iterator

from connectors.cursors import CursorStore
from connectors.exclusions import Excluder, Exclusions
from connectors.finding import Finding
from connectors.questions import Question
from connectors.salesforce.backfill import BackfillStream
from connectors.salesforce.check import check
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.counts import counts, questions
from connectors.salesforce.deletions import DeletedStream
from connectors.salesforce.fetch import fetch
from connectors.salesforce.polling import ObjectStream
from connectors.salesforce.reconcile import Known
from connectors.salesforce.shapes import Shapes
from connectors.stream import Page, Stream
from schemas.change import Source
from schemas.clock import DAY_US
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

    def streams(self, objects: Iterable[str] = ()) -> Iterator[Stream]:
        """Of every object its changes, then its deletions."""
        for entity in self.entities(objects):
            yield ObjectStream(self.client, self._shapes, entity, self.excluder)
            yield DeletedStream(self.client, self._shapes, entity, self.excluder, self._known)

    def backfill(
        self, since_us: int | None, until_us: int | None, objects: Iterable[str] = ()
    ) -> Iterator[Stream]:
        """Everything stamped within [since, until), in lane backfill; resumes where it broke off.

        Without an end up to the present, named by the coming midnight: what begins and breaks off
        on one day is one backfill.
        """
        until = until_us if until_us is not None else (self.client.now() // DAY_US + 1) * DAY_US
        for entity in self.entities(objects):
            yield BackfillStream(self.client, self._shapes, entity, self.excluder, since_us, until)

    def fetch(self, object_type: str, ids: Iterable[str]) -> Iterator[Page]:
        """Pages without a cursor: whole records by their ids."""
        (entity,) = self.entities((object_type,))
        yield from fetch(self.client, entity, ids, self.excluder)

    def counts(self, objects: Iterable[str] = ()) -> dict[str, int]:
        """Object type to how many records the org has that are not deleted."""
        return counts(self.client, self.entities(objects))

    def questions(self, days: Iterable[int]) -> Iterator[Question]:
        """As LiveConnector."""
        return questions(self.client, self.entities(), days)

    def drift(self, cursors: CursorStore) -> Iterable[Finding]:
        """As LiveConnector: nothing is set up at the org that could come loose."""
        return ()

    def comparison(self) -> Iterator[Stream]:
        """As LiveConnector: nothing where nobody says which ids we hold."""
        if self._known is None:
            return
        for entity in self.entities():
            yield DeletedStream(
                self.client, self._shapes, entity, self.excluder, self._known, compare=True
            )

    def check(self) -> Iterator[Finding]:
        """Whether the org lets us read what we are to read."""
        return check(self.client)

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
