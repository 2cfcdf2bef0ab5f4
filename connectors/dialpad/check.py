"""Whether Dialpad lets us read, and what to grant where it does not: one harmless call a thing."""

from collections.abc import Callable, Iterator

from connectors.dialpad.client import DialpadClient, NotAllowed, NotFound
from connectors.dialpad.settings import DialpadSettings
from connectors.dialpad.signature import LEAST_SECRET_BYTES
from connectors.dialpad.subscriptions import drifts
from connectors.finding import Finding, not_looked_at
from connectors.secrets import Secrets
from schemas.errors import ConfigurationError, SalesIntelError

ADMIN = "make the API key as a company admin: Admin Settings > My Company > Authentication"
NO_CALL = "0"
"""The id of no call: a 404 says that we may ask."""

GRANTS = {
    "call": f"{ADMIN}, and give it the scope calls:list",
    "user": ADMIN,
    "contact": ADMIN,
    "transcript": f"{ADMIN}; transcripts need Dialpad Ai to be on",
    "recap": "ask Dialpad for the scope ai_recap for this key, or leave recap out of objects",
}


def check(
    client: DialpadClient, settings: DialpadSettings, secrets: Secrets | None
) -> Iterator[Finding]:
    """A finding for the key, for each object, for the secret (None: not ours to read) and for each
    subscription. Nothing is changed, and no record is kept."""
    company = _tried("dialpad key", client.company, ADMIN)
    yield company
    if not company.ok:
        return
    reads: dict[str, Callable[[], object]] = {
        "call": lambda: client.calls(before_ms=0),
        "user": client.users,
        "contact": client.contacts,
        "transcript": lambda: client.transcript(NO_CALL),
        "recap": lambda: client.recap(NO_CALL),
    }
    for name in settings.objects:
        if name in reads:
            yield _tried(f"dialpad {name}", reads[name], GRANTS[name])
        else:
            fix = f"objects: {', '.join(reads)}"
            yield Finding(f"dialpad {name}", False, "nothing of that name is read", fix)
    if not settings.webhook_url:
        found = "none: calls wait for a round, and text messages never come"
        yield Finding("dialpad events", True, found)
        return
    if secrets is None:
        yield not_looked_at("dialpad", len(settings.webhook_secrets))
    else:
        yield from _secrets(settings, secrets)
    yield from _subscriptions(client, settings)


def _tried(what: str, read: Callable[[], object], grant: str) -> Finding:
    try:
        read()
    except NotFound:
        pass
    except NotAllowed as error:
        return Finding(what, False, str(error), grant)
    except ConfigurationError as error:
        return Finding(what, False, str(error), f"{grant}; and see what token names")
    except SalesIntelError as error:
        return Finding(what, False, str(error), "try again; status.dialpad.com may know more")
    return Finding(what, True, "can be read")


def _secrets(settings: DialpadSettings, secrets: Secrets) -> Iterator[Finding]:
    for place, reference in enumerate(settings.webhook_secrets):
        what = f"dialpad secret {place + 1}"
        fix = "openssl rand -hex 32, and make the webhook anew with it"
        try:
            length = len(secrets.get(reference).reveal())
        except SalesIntelError as error:
            yield Finding(what, False, str(error), fix)
            continue
        found = f"{length} characters"
        if length < LEAST_SECRET_BYTES:
            found += f": at least {LEAST_SECRET_BYTES} (RFC 7518, 3.2)"
        yield Finding(what, length >= LEAST_SECRET_BYTES, found, fix)


def _subscriptions(client: DialpadClient, settings: DialpadSettings) -> Iterator[Finding]:
    try:
        found = list(drifts(client, settings))
    except SalesIntelError as error:
        yield Finding("dialpad subscriptions", False, str(error), ADMIN)
        return
    for one in found:
        yield Finding(f"dialpad {one.kind} events", False, one.found, one.fix)
    if not found:
        yield Finding("dialpad subscriptions", True, "as wanted")
