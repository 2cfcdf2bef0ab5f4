"""Google's keys for push tokens, kept for a while and asked for anew when one is unknown.

https://developers.google.com/identity/openid-connect/openid-connect#discovery
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import requests
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from connectors.calls.http import session
from schemas.errors import RetriableError

KEPT_S = 3_600.0
NOT_SOONER_S = 60.0
"""Between two askings: a token with an invented key id costs no call each time."""


class PushKeys:
    """Key id to key. Thread-safe."""

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: dict[str, PyJWK] = {}
        self._read_at: float | None = None
        self.fetches = 0

    def key(self, key_id: str) -> PyJWK | None:
        """The key, or None where Google has none of that id. RetriableError while it cannot be
        told."""
        with self._lock:
            age = None if self._read_at is None else self._monotonic() - self._read_at
            known = key_id in self._keys
            if age is None or age >= KEPT_S or (not known and age >= NOT_SOONER_S):
                try:
                    self._keys, self._read_at = self._fetched(), self._monotonic()
                except RetriableError:
                    if not known:
                        raise
                    # What we have is good for a while yet; not every push need ask.
                    self._read_at = self._monotonic() - KEPT_S + NOT_SOONER_S
            return self._keys.get(key_id)

    def _fetched(self) -> dict[str, PyJWK]:
        self.fetches += 1
        try:
            with session() as opened:
                answer = opened.get(self._url)
            found: Any = answer.json() if answer.status_code == 200 else {}
            keys = PyJWKSet.from_dict(found).keys
            # Tokens are signed by RS256; a key of another kind would break the check of them.
            return {one.key_id: one for one in keys if one.key_id and one.key_type == "RSA"}
        except (requests.RequestException, PyJWTError, ValueError, AttributeError) as error:
            raise RetriableError(f"push keys cannot be had: {type(error).__name__}") from None
