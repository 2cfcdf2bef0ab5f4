"""Gmail's pushes: verified, and read as hints. A push holds no mail, and no id of one.

https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
https://developers.google.com/workspace/gmail/api/guides/push
"""

import binascii
import json
from base64 import urlsafe_b64decode
from typing import Any

import jwt
import msgspec
from jwt.exceptions import InvalidTokenError

from connectors.bad_input import BadInput
from connectors.exclusions import Excluder, Exclusions
from connectors.gmail.history import number_of
from connectors.gmail.pushkeys import PushKeys
from connectors.gmail.settings import GmailSettings
from connectors.webhooks.receiver import Delivery, Hint, InvalidSignature, Received
from schemas.change import Source
from schemas.clock import Clock, wall_clock
from schemas.errors import ConfigurationError

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
LEEWAY_S = 30
"""By which Google's clock and ours may differ."""


class MailboxHint(msgspec.Struct, frozen=True):
    """Something has changed in a mailbox. `history_id` is its newest, as text, for it is a uint64:
    where reading ends, never where it starts."""

    mailbox: str
    history_id: str


class GmailReceiver:
    """A `Receiver`."""

    source: Source = "gmail"

    def __init__(
        self,
        settings: GmailSettings,
        exclusions: Exclusions,
        keys: PushKeys | None = None,
        clock: Clock = wall_clock,
    ) -> None:
        if not settings.push_audience:
            raise ConfigurationError(
                "gmail: push_audience and push_account are empty: name what the push subscription "
                "signs with, or nobody can tell whose a request is"
            )
        self._audience = settings.push_audience
        self._account = settings.push_account
        self._keys = keys or PushKeys(settings.endpoints.push_keys)
        self._excluder = Excluder(exclusions)
        self._clock = clock

    def receive(self, delivery: Delivery) -> Received:
        """As Receiver."""
        self._verify(delivery.headers.get("authorization", ""))
        try:
            hint = read_push(delivery.body)
        except ValueError as error:
            bad = BadInput("gmail", "gmail push", str(error), delivery.body, "live")
            return Received(bad=(bad,))
        if self._excluder.mailbox(hint.mailbox):
            return Received(excluded=1)
        return Received(hints=(Hint("gmail", msgspec.json.encode(hint)),))

    def published(self, received: Received) -> None:
        """As Receiver: nothing is remembered; a push that comes twice tells nothing new."""

    def _verify(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise InvalidSignature("no token")
        claims = self._claims(token.strip())
        # The library would ask the machine's clock.
        now = self._clock() // 1_000_000
        issued, ends = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int | float) or not isinstance(ends, int | float):
            raise InvalidSignature("times")
        if ends < now - LEEWAY_S or issued > now + LEEWAY_S:
            raise InvalidSignature("too old or not yet valid")
        if claims.get("email_verified") is not True:
            raise InvalidSignature("account not verified")
        if str(claims.get("email", "")).lower() != self._account.lower():
            raise InvalidSignature("account")

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "RS256":
                raise InvalidSignature("algorithm")
            key = self._keys.key(str(header.get("kid", "")))
            if key is None:
                raise InvalidSignature("key")
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=self._audience,
                issuer=ISSUERS,
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidAudienceError:
            raise InvalidSignature("audience") from None
        except jwt.InvalidIssuerError:
            raise InvalidSignature("issuer") from None
        except InvalidTokenError:
            raise InvalidSignature("signature") from None
        return claims


def read_push(body: bytes) -> MailboxHint:
    """The hint in a push's envelope; ValueError says what is wrong with it, in no words of its."""
    try:
        data = json.loads(body)["message"]["data"]
        plain = data.replace("+", "-").replace("/", "_").rstrip("=")
        told = json.loads(urlsafe_b64decode(plain + "=" * (-len(plain) % 4)))
        address, history = told["emailAddress"], told["historyId"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise ValueError("not the envelope of a push") from None
    if not isinstance(address, str) or "@" not in address:
        raise ValueError("no emailAddress")
    # A number here, where the rest of the API has text.
    if isinstance(history, bool) or not number_of(history):
        raise ValueError("no historyId")
    return MailboxHint(address.strip().lower(), str(number_of(history)))
