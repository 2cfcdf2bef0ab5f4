"""A signed event: the whole body is a compact JWT, HS256, whose claims are the event.

Dialpad gives it neither a time nor an id of its own: who has a token can send it again for ever.
https://developers.dialpad.com/docs/call-events
"""

import json
from collections.abc import Callable, Sequence

import jwt

from connectors.secrets import Secret, Secrets
from connectors.webhooks.receiver import InvalidSignature
from schemas.errors import ConfigurationError

LEAST_SECRET_BYTES = 32
"""https://www.rfc-editor.org/rfc/rfc7518#section-3.2"""

# One algorithm, whatever a token's own header asks for: neither none nor a public key as secret.
_JWS = jwt.PyJWS(algorithms=["HS256"])


def token_of(body: bytes) -> str:
    """The token of a body, which may stand in quotes and end with a line; InvalidSignature where
    there is none, as in a plain JSON object that nobody has signed."""
    try:
        text = body.decode("ascii").strip()
        if text.startswith('"'):
            text = str(json.loads(text)).strip()
    except ValueError:
        raise InvalidSignature("no token") from None
    if text.count(".") != 2:
        raise InvalidSignature("no token")
    return text


def opened(token: str, secret: Secret) -> bytes | None:
    """The bytes that were signed; None where they were not with this secret."""
    key = secret.reveal_bytes().rstrip(b"\r\n")
    if not key:
        raise ConfigurationError("dialpad: the secret of the webhook is empty")
    try:
        return bytes(_JWS.decode(token, key, algorithms=["HS256"]))
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None


class Opener:
    """Opens tokens with any of several secrets, which may change at any time. Thread-safe."""

    def __init__(self, references: Sequence[str], secrets: Secrets) -> None:
        self._references = tuple(references)
        self._secrets = secrets

    def open(self, body: bytes) -> bytes:
        """What was signed; InvalidSignature where nobody whom we know has."""
        token = token_of(body)
        found = self._tried(token, self._secrets.get)
        if found is None:
            found = self._tried(token, self._secrets.renew)
        if found is None:
            raise InvalidSignature("signature")
        return found

    def _tried(self, token: str, read: Callable[[str], Secret]) -> bytes | None:
        for reference in self._references:
            found = opened(token, read(reference))
            if found is not None:
                return found
        return None
