"""Tokens for a mailbox by domain-wide delegation: with a key, or keyless through IAM.

https://developers.google.com/identity/protocols/oauth2/service-account
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob
"""

import base64
import json
from collections.abc import Callable
from typing import Any, cast

import google.auth
import google.auth.transport.requests
import requests
from google.auth import crypt
from google.auth.credentials import Credentials
from google.oauth2 import service_account

from connectors.calls.http import session
from connectors.gmail.settings import GmailSettings
from connectors.secrets import Secrets
from schemas.errors import ConfigurationError, RetriableError

PLATFORM_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PlatformToken = Callable[[], str]
"""A token of the workload's own identity."""


def platform_token() -> str:
    """Of the identity that this process runs as; ConfigurationError where it has none."""
    try:
        found, _ = google.auth.default(scopes=[PLATFORM_SCOPE])
        request = google.auth.transport.requests.Request(session())
        found.refresh(request)  # type: ignore[no-untyped-call]
    except google.auth.exceptions.TransportError:
        raise RetriableError("the workload's own identity cannot be asked now") from None
    except google.auth.exceptions.GoogleAuthError:
        raise ConfigurationError(
            "gmail: keyless delegation needs an identity to run as: attach a service account"
        ) from None
    return str(found.token)


class IamSigner(crypt.Signer):
    """Signs as the delegated service account by asking IAM: no key lies anywhere.

    google.auth.iam.Signer does the same at an address that cannot be set.
    """

    def __init__(self, endpoint: str, account: str, token: PlatformToken) -> None:
        self._url = f"{endpoint}/v1/projects/-/serviceAccounts/{account}:signBlob"
        self._token = token

    @property
    def key_id(self) -> str | None:
        """None: IAM chooses the key when it signs."""
        return None

    def sign(self, message: bytes | str) -> bytes:
        """RSA-SHA256, as a JWT wants it."""
        raw = message.encode() if isinstance(message, str) else message
        headers = {"Authorization": f"Bearer {self._token()}"}
        body = {"payload": base64.b64encode(raw).decode("ascii")}
        try:
            with session() as opened:
                answer = opened.post(self._url, json=body, headers=headers)
        except requests.RequestException as error:
            raise RetriableError(f"IAM does not answer: {type(error).__name__}") from None
        if answer.status_code in (401, 403, 404):
            raise ConfigurationError(
                "gmail: IAM does not sign for the service account: grant the workload "
                "roles/iam.serviceAccountTokenCreator on it, and enable the IAM Credentials API"
            )
        if answer.status_code != 200:
            raise RetriableError(f"IAM: status {answer.status_code}")
        return base64.b64decode(answer.json()["signedBlob"])


class Delegation:
    """Makes credentials that act for a user of the domain."""

    def __init__(
        self, settings: GmailSettings, secrets: Secrets, token: PlatformToken = platform_token
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._token = token

    def acting_for(self, address: str, *scopes: str) -> Credentials:
        """Credentials of one user; ConfigurationError where the key is none."""
        settings = self._settings
        if settings.service_account:
            return cast(
                Credentials,
                service_account.Credentials(  # type: ignore[no-untyped-call]
                    IamSigner(settings.endpoints.iam, settings.service_account, self._token),
                    settings.service_account,
                    settings.endpoints.token,
                    scopes=scopes,
                    subject=address,
                ),
            )
        text = self._secrets.get(settings.service_account_key).reveal()
        try:
            info: dict[str, Any] = json.loads(text) | {"token_uri": settings.endpoints.token}
            make = service_account.Credentials.from_service_account_info
            made = make(info, scopes=scopes, subject=address)  # type: ignore[no-untyped-call]
        except (ValueError, TypeError, KeyError):
            raise ConfigurationError(
                f"{settings.service_account_key}: not the JSON key of a service account"
            ) from None
        return cast(Credentials, made)

    def renew(self) -> None:
        """Reads the key anew: the one we had was refused."""
        if self._settings.service_account_key:
            self._secrets.renew(self._settings.service_account_key)
