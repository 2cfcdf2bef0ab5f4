"""What a watch publishes, pushed as Pub/Sub does: signed, with the mailbox's newest history id.

https://developers.google.com/workspace/gmail/api/guides/push
"""

import base64
import json
import secrets

import requests

from sandbox.vendors.gmail.tokens import Tokens

TIMEOUT_S = 10.0


def notification(address: str, history_id: int | str) -> bytes:
    """The envelope that a push endpoint receives."""
    inner = json.dumps({"emailAddress": address, "historyId": history_id}).encode()
    message = {
        "data": base64.b64encode(inner).decode(),
        "messageId": str(secrets.randbits(50)),
        "publishTime": "2026-01-01T00:00:00Z",
    }
    subscription = "projects/sandbox/subscriptions/gmail-push"
    return json.dumps({"message": message, "subscription": subscription}).encode()


def push(tokens: Tokens, address: str, history_id: int | str, target: str, audience: str) -> int:
    """Sends one notification; returns the endpoint's status."""
    answer = requests.post(
        target,
        data=notification(address, history_id),
        headers={
            "Authorization": f"Bearer {tokens.push_token(audience)}",
            "Content-Type": "application/json",
        },
        timeout=TIMEOUT_S,
    )
    return answer.status_code
