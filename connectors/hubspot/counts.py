"""How many records HubSpot says it has, per object: what ours are held against."""

from connectors.hubspot.client import HubSpot
from connectors.hubspot.kinds import KINDS, OWNER
from connectors.hubspot.paging import pages
from connectors.hubspot.settings import HubSpotSettings
from schemas.errors import RetriableError


def counts(client: HubSpot, settings: HubSpotSettings) -> dict[str, int]:
    """Object to the number of records that are not archived; owners with the archived ones, as we
    keep them."""
    found: dict[str, int] = {}
    for name in settings.objects:
        if name == OWNER:
            found[name] = sum(_owners(client, archived) for archived in (False, True))
            continue
        total = client.search(KINDS[name], [], KINDS[name].stamp, limit=1).body.get("total")
        if not isinstance(total, int):
            raise RetriableError(f"hubspot: a search of {KINDS[name].path} without a total")
        found[name] = total
    return found


def _owners(client: HubSpot, archived: bool) -> int:
    listed = pages("owners", lambda after: client.owners(archived, after))
    return sum(len(page.results) for page in listed)
