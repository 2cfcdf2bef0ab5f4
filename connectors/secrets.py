"""Secrets by reference: never in a setting, a log line or an error.

A reference is `projects/P/secrets/S/versions/V` (Secret Manager), or on one machine `env:NAME` or
`file:PATH`. In the cloud the two last are refused: what stands in an environment is read by whoever
may look at the service.
"""

import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from google.api_core import exceptions, retry

from schemas.errors import ConfigurationError, RetriableError

if TYPE_CHECKING:
    from google.cloud import secretmanager

TIMEOUT_S = 10.0
RETRY = retry.Retry(
    retry.if_exception_type(exceptions.ResourceExhausted, exceptions.ServiceUnavailable),
    initial=0.2,
    timeout=TIMEOUT_S,
)
"""By itself the client tries for a minute, and a vendor waits for an answer."""
KEPT_S = 300.0
"""How long a secret is used before it is read again: a rotation is seen within this time, and at
once where the old one is refused (`renew`)."""

RENEWED_EVERY_S = 10.0
"""A bad signature has a secret read anew, and anybody can send those: for one secret no sooner than
this after the last time. Meanwhile the one that we have is all there is."""

_IN_CLOUD = re.compile(
    r"projects/[a-z0-9:.-]+/secrets/[A-Za-z0-9_-]+/versions/(?:latest|[0-9]+|[a-z][A-Za-z0-9_-]*)\Z"
)


class Secret:
    """A value that shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value as text, without the line end that editors leave; ConfigurationError where it
        is none."""
        try:
            return self._value.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            # From None: that error holds the value.
            raise ConfigurationError(
                "a secret is no text in UTF-8: see what its name leads to"
            ) from None

    def reveal_bytes(self) -> bytes:
        """The value as it is stored."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


class Secrets(Protocol):
    """Where secrets are asked for."""

    def get(self, reference: str) -> Secret:
        """The secret; ConfigurationError where there is none, or we may not have it."""
        ...

    def renew(self, reference: str) -> Secret:
        """Read anew: the one we had was refused. The same one where it was read anew just now."""
        ...


class SecretStore:
    """Reads secrets and keeps each for `KEPT_S` seconds."""

    def __init__(
        self,
        client: "Callable[[], secretmanager.SecretManagerServiceClient] | None" = None,
        *,
        cloud: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client or _manager_client
        self._cloud = cloud
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Secret]] = {}
        self._renewed: dict[str, float] = {}
        self._opened: secretmanager.SecretManagerServiceClient | None = None

    def get(self, reference: str) -> Secret:
        """As Secrets."""
        with self._lock:
            kept = self._kept.get(reference)
            if kept is not None and self._monotonic() - kept[0] < KEPT_S:
                return kept[1]
        return self._read_anew(reference)

    def renew(self, reference: str) -> Secret:
        """As Secrets."""
        with self._lock:
            now, kept = self._monotonic(), self._kept.get(reference)
            last = self._renewed.get(reference)
            if kept is not None and last is not None and now - last < RENEWED_EVERY_S:
                return kept[1]
            self._renewed[reference] = now
        return self._read_anew(reference)

    def _read_anew(self, reference: str) -> Secret:
        secret = self._read(reference)
        with self._lock:
            self._kept[reference] = (self._monotonic(), secret)
        return secret

    def _read(self, reference: str) -> Secret:
        if _IN_CLOUD.match(reference):
            return self._from_manager(reference)
        scheme, colon, rest = reference.partition(":")
        if not colon or scheme not in ("env", "file"):
            raise ConfigurationError(
                "a secret is named projects/P/secrets/S/versions/V, or on one machine env:NAME or "
                "file:PATH; the value itself never stands in a setting"
            )
        if self._cloud:
            raise ConfigurationError(
                f"{scheme}: secrets are for one machine; put this one into Secret Manager and name "
                "it projects/P/secrets/S/versions/V"
            )
        return _from_environment(rest) if scheme == "env" else _from_file(Path(rest))

    def _from_manager(self, reference: str) -> Secret:
        if self._opened is None:
            self._opened = self._client()
        try:
            answer = self._opened.access_secret_version(
                name=reference, timeout=TIMEOUT_S, retry=RETRY
            )
        except (exceptions.NotFound, exceptions.FailedPrecondition):
            raise ConfigurationError(
                f"{reference}: there is no such secret, or the version is disabled"
            ) from None
        except (exceptions.PermissionDenied, exceptions.Unauthenticated):
            raise ConfigurationError(
                f"{reference}: not for us; grant roles/secretmanager.secretAccessor on this secret"
            ) from None
        except exceptions.GoogleAPIError as error:
            raise RetriableError(
                f"Secret Manager does not answer: {type(error).__name__}"
            ) from None
        return Secret(answer.payload.data)


def _manager_client() -> "secretmanager.SecretManagerServiceClient":
    # Loaded by who has a secret there: whoever starts without one starts sooner.
    from google.cloud import secretmanager

    return secretmanager.SecretManagerServiceClient()


def _from_environment(name: str) -> Secret:
    value = os.environ.get(name)
    if not value:
        raise ConfigurationError(f"the variable {name} is not set: it should hold a secret")
    return Secret(value.encode())


def _from_file(path: Path) -> Secret:
    try:
        secret = Secret(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; it should hold a secret") from None
    if not secret.reveal_bytes().strip():
        raise ConfigurationError(f"{path} is empty: it should hold a secret")
    return secret
