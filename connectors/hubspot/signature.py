"""HubSpot's request signatures, over the bytes as they came.

The library's own check lets a stamp from the future pass, decodes no address and fails on bytes.
https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable

from connectors.webhooks.receiver import Delivery, InvalidSignature

MOST_SKEW_MS = 300_000
"""A signature of version 3 is good for five minutes, before and after."""

_DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_ESCAPE = re.compile("|".join(_DECODED), re.IGNORECASE)


def verify(
    delivery: Delivery, secrets: Iterable[bytes], versions: Iterable[str], now_ms: int
) -> None:
    """InvalidSignature unless one of the secrets made the signature, of one of the versions."""
    headers, known = delivery.headers, tuple(versions)
    if "v3" in known and "x-hubspot-signature-v3" in headers:
        given = headers["x-hubspot-signature-v3"]
        stamp = headers.get("x-hubspot-request-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 20):
            raise InvalidSignature("timestamp")
        if abs(now_ms - int(stamp)) > MOST_SKEW_MS:
            raise InvalidSignature("too old" if now_ms > int(stamp) else "from the future")
        made = [_v3(secret, delivery, stamp) for secret in secrets]
    else:
        version = headers.get("x-hubspot-signature-version", "").lower()
        if version not in ("v1", "v2") or version not in known:
            raise InvalidSignature("no signature of a version that is believed")
        given = headers.get("x-hubspot-signature", "").lower()
        made = [_sha(secret, delivery, version) for secret in secrets]
    # Every one is compared, and as bytes: text that is not ASCII would raise.
    same = [hmac.compare_digest(one, given.encode("utf-8", "replace")) for one in made]
    if not any(same):
        raise InvalidSignature("signature")


def signed_address(url: str) -> str:
    """The address as HubSpot signs it: no fragment, and a dozen escapes decoded, no others."""
    return _ESCAPE.sub(lambda found: _DECODED[found.group().upper()], url.partition("#")[0])


def _v3(secret: bytes, delivery: Delivery, stamp: str) -> bytes:
    said = f"{delivery.method.upper()}{signed_address(delivery.url)}".encode() + delivery.body
    return base64.b64encode(hmac.digest(secret, said + stamp.encode(), hashlib.sha256))


def _sha(secret: bytes, delivery: Delivery, version: str) -> bytes:
    said = secret
    if version == "v2":
        said += f"{delivery.method.upper()}{delivery.url.partition('#')[0]}".encode()
    return hashlib.sha256(said + delivery.body).hexdigest().encode()
