"""Whether the account can be read: one harmless call an object, and what to grant where not."""

from collections.abc import Iterator
from contextlib import suppress

from connectors.finding import Finding, not_looked_at
from connectors.hubspot.client import HubSpot
from connectors.hubspot.kinds import KINDS, OWNER
from connectors.hubspot.refusals import MissingScope, NotFound
from connectors.hubspot.settings import HubSpotSettings
from connectors.secrets import Secrets
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


APP = "the private app's settings"
TRY_AGAIN = "try again; status.hubspot.com may know more"


def check(client: HubSpot, settings: HubSpotSettings, secrets: Secrets | None) -> Iterator[Finding]:
    """A finding for each object, one alone where the token itself is refused, and one for each
    secret of the webhook (None: not ours to read). Nothing is changed, and no record is kept."""
    for name in settings.objects:
        what = f"hubspot {name}"
        try:
            _read(client, settings, name)
        except MissingScope as refused:
            yield Finding(what, False, str(refused), f"{APP}, Scopes: {SCOPES[name]} at least")
        except ConfigurationError as refused:
            fix = f"{APP}, Auth: show or rotate the token, and put it where `token` points"
            yield Finding("hubspot token", False, str(refused), fix)
            return
        except SalesIntelError as error:
            yield Finding(what, False, str(error), TRY_AGAIN)
        else:
            yield Finding(what, True, "can be read")
    yield from _webhook(settings, secrets)


def _read(client: HubSpot, settings: HubSpotSettings, name: str) -> None:
    if name == OWNER:
        client.owners(archived=False)
        return
    kind = KINDS[name]
    found = client.search(kind, [], kind.stamp, limit=1).body.get("results") or ()
    client.properties(kind)
    if settings.enrollments and name == "contact":
        for one in found:
            with suppress(NotFound):
                client.enrollment(str(one["id"]))


def _webhook(settings: HubSpotSettings, secrets: Secrets | None) -> Iterator[Finding]:
    if not settings.webhook_secrets:
        found = "none: changes wait for a round, and privacy deletions are never told"
        yield Finding("hubspot webhook", True, found, "see docs/setup/hubspot.md, step 3")
        return
    if secrets is None:
        yield not_looked_at("hubspot", len(settings.webhook_secrets))
        return
    for place, reference in enumerate(settings.webhook_secrets):
        what = f"hubspot secret {place + 1}"
        try:
            secrets.get(reference)
        except SalesIntelError as error:
            yield Finding(what, False, str(error), f"{APP}, Auth: the client secret")
        else:
            yield Finding(what, True, "there")
