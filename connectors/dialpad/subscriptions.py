"""Whether Dialpad will send us what we want: looked at each night, for a subscription that somebody
has switched off, or moved to another address, fails in silence.

https://developers.dialpad.com/reference/webhook_call_event_subscriptionlist
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from connectors.dialpad.client import DialpadClient, Listed
from connectors.dialpad.paging import pages
from connectors.dialpad.records import Fields, fields_of, id_of
from connectors.dialpad.settings import DialpadSettings
from connectors.dialpad.signature import LEAST_SECRET_BYTES
from connectors.secrets import Secret
from schemas.errors import ConfigurationError

KINDS = ("call", "sms", "contact")


class Drift(NamedTuple):
    """What is not as it should be: `kind` of subscription, and the fix. `absent`: none leads to
    us."""

    kind: str
    found: str
    fix: str
    absent: bool = False


def drifts(client: DialpadClient, settings: DialpadSettings) -> Iterator[Drift]:
    """What has drifted; nothing where all is well. Secrets that Dialpad shows are not repeated."""
    if not settings.webhook_url:
        raise ConfigurationError("dialpad: webhook_url is empty: name our address")
    for kind in KINDS:
        listed = _all("subscriptions", partial(client.subscriptions, kind))
        ours = [one for one in listed if _url(one) == _plain(settings.webhook_url)]
        if not ours:
            elsewhere = len(listed)
            found = f"none leads to us; {elsewhere} elsewhere" if elsewhere else "there is none"
            fix = "salesintel subscribe dialpad, or point one to webhook_url"
            yield Drift(kind, found, fix, absent=True)
            continue
        # One that is as it should be is enough, whatever stands beside it.
        faults = [list(_faults(kind, one, settings)) for one in ours]
        if all(faults):
            yield from min(faults, key=len)


def subscribe(client: DialpadClient, settings: DialpadSettings, secret: Secret) -> list[str]:
    """Makes what there is not, and returns its kinds: the webhook and a subscription of each kind.
    What is there is left as it is, even where it has drifted."""
    if len(secret.reveal()) < LEAST_SECRET_BYTES:
        raise ConfigurationError(
            f"dialpad: a secret of {LEAST_SECRET_BYTES} characters at least: openssl rand -hex 32"
        )
    wanted = {one.kind for one in drifts(client, settings) if one.absent}
    if not wanted:
        return []
    hooks = [one for one in _all("webhooks", client.webhooks) if _is_ours(one, settings)]
    if hooks:
        hook_id = id_of(hooks[0].get("id"))
    else:
        hook = {"hook_url": settings.webhook_url, "secret": secret.reveal()}
        hook_id = id_of(fields_of(client.create("webhooks", "/webhooks", hook).body).get("id"))
    bodies: dict[str, dict[str, Any]] = {
        "call": {"call_states": list(settings.call_states)},
        "sms": {"direction": "all", "include_internal": False, "status": True},
        "contact": {"contact_type": "shared"},
    }
    made = [kind for kind in KINDS if kind in wanted]
    for kind in made:
        body = {"endpoint_id": int(hook_id), "enabled": True, **bodies[kind]}
        client.create("subscriptions", f"/subscriptions/{kind}", body)
    return made


def _faults(kind: str, found: Fields, settings: DialpadSettings) -> Iterator[Drift]:
    if found.get("enabled") is False:
        yield Drift(kind, "switched off", "switch it on: PATCH enabled=true")
    hook = found.get("webhook")
    signature = hook.get("signature") if isinstance(hook, dict) else None
    if not settings.allow_unsigned and not signature:
        yield Drift(kind, "its webhook has no secret", "make the webhook anew with a secret")
    if found.get("target_id") is not None:
        yield Drift(kind, "for one target only", "make one without a target, for the company")
    if kind == "call":
        states = found.get("call_states")
        there = set(states) if isinstance(states, list) else set()
        missing = [] if "all" in there else [s for s in settings.call_states if s not in there]
        if missing:
            yield Drift(kind, f"without {', '.join(missing)}", "add these states to it")
        if found.get("group_calls_only"):
            yield Drift(kind, "for calls of groups only", "PATCH group_calls_only=false")
    if kind == "sms" and found.get("direction") != "all":
        yield Drift(kind, "one direction only", "PATCH direction=all")


def _is_ours(hook: Fields, settings: DialpadSettings) -> bool:
    """Whether a webhook leads to us and signs: which secret it signs with, nobody else can tell."""
    url = hook.get("hook_url")
    leads = isinstance(url, str) and _plain(url) == _plain(settings.webhook_url)
    return leads and bool(hook.get("signature"))


def _url(subscription: Fields) -> str:
    hook = subscription.get("webhook")
    url = hook.get("hook_url") if isinstance(hook, dict) else None
    return _plain(url) if isinstance(url, str) else ""


def _plain(url: str) -> str:
    return url.strip().rstrip("/")


def _all(what: str, read: Callable[[str], Listed]) -> list[Fields]:
    return [fields_of(raw) for page in pages(what, read) for raw in page.records]
