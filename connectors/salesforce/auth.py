"""Access tokens: client credentials, or a signed assertion (JWT bearer).

The library's own login names no timeout, prints the answer, and picks SOAP or OAuth by which
arguments happen to be set; so the two calls are made here.
https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_client_credentials_flow.htm
https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_jwt_flow.htm
"""

import jwt
import requests

from connectors.salesforce.refusals import Refused, code_of, server_us
from connectors.salesforce.settings import SalesforceSettings
from connectors.secrets import Secrets
from schemas.clock import Clock
from schemas.errors import ConfigurationError

PATH = "/services/oauth2/token"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_S = 180
SKEW_S = 60
_PASSING = frozenset({"unknown_error", "server_error", "temporarily_unavailable"})
"""`retry your request`, says the first."""
_FIXES = {
    "invalid_client_id": "consumer_key is not that of the app",
    "invalid_client": "consumer_secret is not that of the app",
    "invalid_grant": "the app is not authorised for the integration user, or the certificate is "
    "another one",
    "inactive_user": "the integration user is frozen or inactive",
    "unsupported_grant_type": "the flow is not enabled in the app",
    "invalid_request": "the flow is not enabled in the app, or it has no Run As user",
    "invalid_app_access": "the app's policy does not admit the integration user",
}


class Tokens:
    """Gets tokens for the one integration user."""

    def __init__(
        self,
        settings: SalesforceSettings,
        secrets: Secrets,
        session: requests.Session,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._session = session
        self._clock = clock

    def fetch(self, *, renewed: bool = False) -> str:
        """A fresh token; `renewed`: the secrets are read anew first, for one was refused.

        ConfigurationError where the org refuses us, and why; Refused where it does not answer.
        """
        if self._settings.auth == "client_credentials":
            return self._token(self._post(self._credentials(renewed)))
        answer = self._post(self._assertion(self._clock() // 1_000_000, renewed))
        theirs = server_us(answer.headers)
        if answer.status_code == 400 and theirs is not None:
            seconds = theirs // 1_000_000
            if abs(seconds - self._clock() // 1_000_000) > SKEW_S:
                # An assertion stamped by a clock that is off is refused whoever signs it.
                answer = self._post(self._assertion(seconds, renewed))
        return self._token(answer)

    def _secret(self, reference: str, renewed: bool) -> str:
        read = self._secrets.renew if renewed else self._secrets.get
        return read(reference).reveal()

    def _credentials(self, renewed: bool) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": self._secret(self._settings.consumer_key, renewed),
            "client_secret": self._secret(self._settings.consumer_secret, renewed),
        }

    def _assertion(self, now_s: int, renewed: bool) -> dict[str, str]:
        claims = {
            "iss": self._secret(self._settings.consumer_key, renewed),
            "sub": self._settings.username,
            "aud": self._settings.audience,
            "exp": now_s + ASSERTION_S,
        }
        key = self._secret(self._settings.private_key, renewed)
        try:
            signed = jwt.encode(claims, key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise ConfigurationError("salesforce: private_key holds no RSA key in PEM") from None
        return {"grant_type": BEARER, "assertion": signed}

    def _post(self, form: dict[str, str]) -> requests.Response:
        try:
            return self._session.post(
                self._settings.instance_url.rstrip("/") + PATH, data=form, allow_redirects=False
            )
        except requests.RequestException as error:
            raise Refused("token", 0, type(error).__name__, {}) from None

    def _token(self, answer: requests.Response) -> str:
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.status_code == 200 and isinstance(body, dict):
            token = body.get("access_token")
            if isinstance(token, str) and token:
                return token
        code = code_of(body)
        if code in _PASSING:
            raise Refused("token", 0, code, answer.headers)
        if answer.status_code in (400, 401, 403) and code:
            fix = _FIXES.get(code, "see the app's policies and the user's login history")
            raise ConfigurationError(f"salesforce refuses the login: {code}: {fix}")
        status = answer.status_code if answer.status_code != 200 else 0
        raise Refused("token", status, code, answer.headers)
