"""Sends an account's events as HubSpot does: in batches, signed, and again where it has to."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import unquote

import requests

from sandbox.vendors.hubspot.state import Account

MOST_EVENTS = 100
MOST_ATTEMPTS = 10
"""After the first; spread over a day.
https://developers.hubspot.com/docs/api-reference/webhooks-webhooks-v3/guide"""
TIMEOUT_S = 5.0
KEPT_ESCAPED = frozenset('&=%+ #"<>\\^`{}|')


def signed_headers(
    secret: str, method: str, url: str, body: bytes, ms: int, version: str = "v3"
) -> dict[str, str]:
    """The headers of a request that the vendor has signed."""
    key = secret.encode()
    if version == "v3":
        text = method.encode() + _decoded(url).encode() + body + str(ms).encode()
        made = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return {"X-HubSpot-Signature-v3": made, "X-HubSpot-Request-Timestamp": str(ms)}
    before = method + url if version == "v2" else ""
    made = hashlib.sha256(key + before.encode() + body).hexdigest()
    return {"X-HubSpot-Signature": made, "X-HubSpot-Signature-Version": version}


def send(account: Account, url: str, secret: str, *, public_url: str = "") -> list[int]:
    """Sends all events that wait to `url` and returns the answers' statuses. Events that were not
    taken wait on if HubSpot would send them again: after 429, 5xx or no answer, never after 4xx.
    `public_url` is what is signed where a proxy stands before `url`."""
    with account.lock:
        waiting, account.events = account.events, []
    statuses = []
    for start in range(0, len(waiting), MOST_EVENTS):
        batch = waiting[start : start + MOST_EVENTS]
        status = _post(account, url, secret, public_url or url, batch)
        statuses.append(status)
        if status == 0 or status == 429 or status >= 500:
            left = [one for one in batch if one["attemptNumber"] < MOST_ATTEMPTS]
            again = [{**one, "attemptNumber": one["attemptNumber"] + 1} for one in left]
            with account.lock:
                account.events += again
                account.given_up += len(batch) - len(left)
        elif status >= 400:
            account.given_up += len(batch)
    return statuses


def _post(
    account: Account, url: str, secret: str, public_url: str, batch: list[dict[str, Any]]
) -> int:
    body = json.dumps(batch, ensure_ascii=False).encode()
    headers = signed_headers(secret, "POST", public_url, body, account.now())
    try:
        return requests.post(
            url,
            data=body,
            headers={**headers, "Content-Type": "application/json"},
            timeout=TIMEOUT_S,
        ).status_code
    except requests.RequestException:
        return 0


def _decoded(url: str) -> str:
    """Every escape undone but of those characters that would change what the address says."""
    parts = url.split("%")
    made = parts[0]
    for part in parts[1:]:
        character = unquote(f"%{part[:2]}")
        keep = character in KEPT_ESCAPED or not character.isascii() or character.isalnum()
        made += f"%{part}" if keep else character + part[2:]
    return made
