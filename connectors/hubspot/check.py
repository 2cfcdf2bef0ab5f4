"""Whether the account can be read: one harmless call an object, and what to grant where not."""

from collections.abc import Iterator
from typing import NamedTuple

from connectors.hubspot.client import HubSpot, MissingScope
from connectors.hubspot.kinds import KINDS, OWNER
from connectors.hubspot.settings import HubSpotSettings
from schemas.errors import ConfigurationError, SalesIntelError

SCOPES = {
    "contact": "crm.objects.contacts.read",
    "company": "crm.objects.companies.read",
    "deal": "crm.objects.deals.read",
    "owner": "crm.objects.owners.read",
    "call": "crm.objects.contacts.read",
    "email": "sales-email-read",
    "meeting": "crm.objects.contacts.read",
    "note": "crm.objects.contacts.read",
    "task": "crm.objects.contacts.read",
    "communication": "crm.objects.contacts.read",
}
"""The least that each object needs.
https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/scopes"""


class Finding(NamedTuple):
    """`what` was tried, whether it is `allowed`, and in `words` what to do where it is not."""

    what: str
    allowed: bool
    words: str


def check(client: HubSpot, settings: HubSpotSettings) -> Iterator[Finding]:
    """A finding an object; one alone where the token itself is refused."""
    for name in settings.objects:
        try:
            if name == OWNER:
                client.owners(archived=False)
            else:
                kind = KINDS[name]
                client.search(kind, [], kind.stamp, limit=1)
                client.properties(kind)
        except MissingScope as refused:
            yield Finding(name, False, f"{refused} (at least {SCOPES[name]})")
        except ConfigurationError as refused:
            yield Finding("token", False, str(refused))
            return
        except SalesIntelError as error:
            yield Finding(name, False, f"{error}: try again; status.hubspot.com may know more")
        else:
            yield Finding(name, True, "can be read")
