"""Tokens for a mailbox by domain-wide delegation: with a key, or keyless through IAM.

https://developers.google.com/identity/protocols/oauth2/service-account
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt
"""

import json
from collections.abc import Callable
from typing import Any, cast

import google.auth
import google.auth.transport.requests
import requests
from google.auth.credentials import Credentials
from google.oauth2 import _client, service_account

from connectors.calls.http import session
from connectors.gmail.settings import Endpoints, GmailSettings
from connectors.secrets import Secrets
from schemas.clock import Clock, wall_clock
from schemas.errors import ConfigurationError, RetriableError

PLATFORM_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ASSERTION_AUDIENCE = "https://oauth2.googleapis.com/token"
ASSERTION_S = 3_600
"""As long as an assertion may be good."""
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


class KeylessCredentials(Credentials):
    """Acts for a user with an assertion that IAM signs as the service account: no key lies
    anywhere, and IAM names the key that it took.

    google.auth.impersonated_credentials does the same at an address that cannot be set.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        account: str,
        user: str,
        scopes: tuple[str, ...],
        token: PlatformToken,
        clock: Clock,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._endpoints = endpoints
        self._account = account
        self._user = user
        self._scopes = scopes
        self._own_token = token
        self._clock = clock

    def refresh(self, request: Any) -> None:
        """As google.auth.credentials.Credentials; RefreshError as the library's own, for what the
        token server refuses."""
        assertion = self._signed(self._claims())
        self.token, self.expiry, _ = _client.jwt_grant(  # type: ignore[no-untyped-call]
            request, self._endpoints.token, assertion
        )

    def _claims(self) -> dict[str, Any]:
        now = self._clock() // 1_000_000
        return {
            "iss": self._account,
            "sub": self._user,
            "scope": " ".join(self._scopes),
            "aud": ASSERTION_AUDIENCE,
            "iat": now,
            "exp": now + ASSERTION_S,
        }

    def _signed(self, claims: dict[str, Any]) -> str:
        url = f"{self._endpoints.iam}/v1/projects/-/serviceAccounts/{self._account}:signJwt"
        headers = {"Authorization": f"Bearer {self._own_token()}"}
        try:
            with session() as opened:
                answer = opened.post(url, json={"payload": json.dumps(claims)}, headers=headers)
            signed = answer.json().get("signedJwt") if answer.status_code == 200 else None
        except (requests.RequestException, ValueError, AttributeError) as error:
            raise RetriableError(f"IAM does not answer: {type(error).__name__}") from None
        if answer.status_code in (401, 403, 404):
            raise ConfigurationError(
                "gmail: IAM does not sign for the service account: grant the workload "
                "roles/iam.serviceAccountTokenCreator on it, and enable the IAM Credentials API"
            )
        if not isinstance(signed, str):
            raise RetriableError(f"IAM: status {answer.status_code} and no assertion")
        return signed


class Delegation:
    """Makes credentials that act for a user of the domain."""

    def __init__(
        self,
        settings: GmailSettings,
        secrets: Secrets,
        token: PlatformToken = platform_token,
        clock: Clock = wall_clock,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._token = token
        self._clock = clock

    def acting_for(self, address: str, *scopes: str) -> Credentials:
        """Credentials of one user; ConfigurationError where the key is none."""
        settings = self._settings
        if settings.service_account:
            return KeylessCredentials(
                settings.endpoints,
                settings.service_account,
                address,
                scopes,
                self._token,
                self._clock,
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
