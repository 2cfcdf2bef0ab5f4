"""What a watch publishes, pushed as Pub/Sub does: signed, with the mailbox's newest history id.

https://developers.google.com/workspace/gmail/api/guides/push
"""

import base64
import json
import secrets
import threading

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


class Pushes:
    """A push for each change of a mailbox that is being watched; a Pub/Sub subscription sends again
    whatever is not acknowledged, for as long as it keeps messages."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, int]] = []
        tokens.state.listeners.append(self._tell)

    def _tell(self, address: str, history_id: int) -> None:
        state = self._tokens.state
        expiration = state.mailboxes[address].watch.get("expiration", 0)
        if expiration * 1_000 > state.clock():
            with self._lock:
                self._waiting.append((address, history_id))

    def send(self, target: str, audience: str) -> list[int]:
        """Sends all that wait once; the statuses, 0 where nobody answered."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        statuses = []
        again = []
        for address, history_id in waiting:
            try:
                status = push(self._tokens, address, history_id, target, audience)
            except requests.RequestException:
                status = 0
            statuses.append(status)
            if not 200 <= status < 300:
                again.append((address, history_id))
        with self._lock:
            self._waiting = again + self._waiting
        return statuses
