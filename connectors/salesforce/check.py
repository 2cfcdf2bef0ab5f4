"""Whether the org lets us read what we are to read, and what to grant where it does not."""

from collections.abc import Iterator

from connectors.finding import Finding
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.refusals import LimitReached
from connectors.salesforce.shapes import shape_of
from schemas.errors import ConfigurationError, SalesIntelError, SkippableError

NEEDED = {
    "Account": ("Name", "Website", "Phone"),
    "Contact": ("Email", "Phone", "AccountId"),
    "Lead": ("Email", "Company", "IsConverted", "ConvertedContactId"),
    "Opportunity": ("StageName", "Amount", "AccountId"),
    "Task": ("WhoId", "WhatId"),
    "Event": ("WhoId", "WhatId", "StartDateTime"),
    "EmailMessage": ("FromAddress", "ToAddress", "MessageIdentifier"),
    "User": ("Email",),
}
"""Fields that the views live on: hidden by field-level security, they would just be empty."""

CALLS = "find what else calls the API so often, or raise the org's limit"


def check(client: SalesforceClient) -> Iterator[Finding]:
    """A login, and a description of every object: nothing is changed, no record is read."""
    logged_in = False
    for entity in client.settings.objects:
        try:
            shape = shape_of(client, entity)
        except SkippableError as error:
            # An object is refused to somebody who is logged in.
            if not logged_in:
                logged_in = True
                yield _logged_in(client)
            fix = f"grant Read and View All on {entity} to the integration user's permission set"
            yield Finding(f"salesforce {entity}", False, str(error), fix)
            continue
        except SalesIntelError as error:
            what = f"salesforce {entity}" if logged_in else "salesforce login"
            yield Finding(what, False, str(error), _fix(error))
            return
        if not logged_in:
            logged_in = True
            yield _logged_in(client)
        hidden = {one.lower() for one in client.settings.left_out.get(entity, ())}
        lacking = [
            one
            for one in NEEDED.get(entity, ())
            if one not in shape.types and one.lower() not in hidden
        ]
        found = f"{len(shape.types)} fields, followed by {shape.stamp}"
        if lacking:
            found = f"not visible: {', '.join(lacking)}"
        fix = "grant Read on these fields in the permission set" if lacking else ""
        yield Finding(f"salesforce {entity}", not lacking, found, fix)
    yield _limit(client)


def _logged_in(client: SalesforceClient) -> Finding:
    return Finding("salesforce login", True, client.settings.instance_url)


def _fix(error: SalesIntelError) -> str:
    if isinstance(error, ConfigurationError):
        return "see docs/setup/salesforce.md, step 2"
    if isinstance(error, LimitReached):
        return CALLS
    return "try again; status.salesforce.com may know more"


def _limit(client: SalesforceClient) -> Finding:
    usage, stop = client.usage, client.settings.stop_share
    if usage is None:
        return Finding("salesforce calls", True, "the org does not tell how many are spent")
    found = f"{usage.used} of {usage.allowed} of the day are spent; polling stops at {stop:.0%}"
    return Finding("salesforce calls", usage.share < stop, found, CALLS)
