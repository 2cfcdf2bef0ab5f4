"""Google's token server, IAM's signJwt, and the keys that push tokens are signed with.

https://developers.google.com/identity/protocols/oauth2/service-account
https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
"""

import json
import secrets
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from sandbox.vendors.gmail.errors import Answer
from sandbox.vendors.gmail.state import GmailState

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SERVICE_ACCOUNT = "salesintel@sandbox.iam.gserviceaccount.com"
PUSH_ACCOUNT = "push@sandbox.iam.gserviceaccount.com"
PUSH_ISSUER = "https://accounts.google.com"
GRANTED = (
    "https://www.googleapis.com/auth/gmail.readonly",
    "https://www.googleapis.com/auth/admin.directory.user.readonly",
)
SCHEME = "Bearer"
MOST_SIGNED_S = 12 * 3_600
"""So far ahead may the end of what IAM signs lie."""
WORKLOAD = "workload"
"""What the workload's own identity bears when it asks IAM to sign."""


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """A key of this process; making one takes a moment."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A key that signs no push."""
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey) -> str:
    """As key files hold it."""
    kind = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, plain).decode()


@dataclass
class Tokens:
    """Who holds a token. Times by the state's clock."""

    state: GmailState
    lifetime_s: int = 3_600
    granted: tuple[str, ...] = GRANTED
    key: rsa.RSAPrivateKey = field(default_factory=rsa_key)
    issued: dict[str, tuple[str, int, frozenset[str]]] = field(default_factory=dict)
    """Token to user, expiry and scopes."""
    exchanges: int = 0

    def key_file(self, token_uri: str) -> str:
        """The JSON of a service account's key."""
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "sandbox",
                "private_key_id": "k1",
                "private_key": pem(self.key),
                "client_email": SERVICE_ACCOUNT,
                "client_id": "1",
                "token_uri": token_uri,
            }
        )

    def exchange(self, form: dict[str, str]) -> Answer:
        """Assertion to access token, refused as Google refuses."""
        self.exchanges += 1
        if form.get("grant_type") != GRANT:
            return _refused(400, "unsupported_grant_type", "Invalid grant_type")
        try:
            # Times by the caller's clock are Google's to judge; the sandbox's clock may be another.
            claims = jwt.decode(
                form.get("assertion", ""),
                self.key.public_key(),
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return _refused(400, "invalid_grant", "Invalid JWT Signature.")
        scopes = frozenset(str(claims.get("scope", "")).split())
        mailbox = self.state.mailboxes.get(claims.get("sub", ""))
        if mailbox is None or mailbox.suspended:
            return _refused(400, "invalid_grant", "Invalid email or User ID")
        if not scopes <= set(self.granted) or not mailbox.delegated:
            words = "Client is unauthorized to retrieve access tokens using this method"
            return _refused(401, "unauthorized_client", words)
        token = secrets.token_urlsafe(24)
        until = self.state.clock() + self.lifetime_s * 1_000_000
        self.issued[token] = (mailbox.address, until, scopes)
        answer = {"access_token": token, "expires_in": self.lifetime_s, "token_type": SCHEME}
        return Answer(200, answer)

    def user_of(self, authorization: str, scope: str) -> str | None:
        """Whose token it is; None where it is refused."""
        user, until, scopes = self.issued.get(authorization.removeprefix("Bearer "), ("", 0, ()))
        return user if until > self.state.clock() and scope in scopes else None

    def sign_jwt(self, authorization: str, body: dict[str, Any]) -> Answer:
        """iamcredentials.projects.serviceAccounts.signJwt."""
        if authorization != f"{SCHEME} {WORKLOAD}":
            return Answer(403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}})
        try:
            claims = json.loads(body["payload"])
            soon = claims["exp"] - claims["iat"] <= MOST_SIGNED_S
        except (ValueError, LookupError, TypeError):
            soon = False
        if not soon:
            return Answer(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT"}})
        signed = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "k1"})
        return Answer(200, {"keyId": "k1", "signedJwt": signed})

    def key_set(self) -> dict[str, Any]:
        """The JSON Web Key Set of push tokens, and a key of another kind, for other tokens."""
        other = ECAlgorithm.to_jwk(ec_key().public_key(), as_dict=True) | {"kid": "e1"}
        jwk = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [jwk | {"kid": "k1", "use": "sig", "alg": "RS256"}, other]}

    def push_token(self, audience: str, **changed: Any) -> str:
        """What Pub/Sub puts before a push; `changed` makes a claim wrong."""
        now = self.state.clock() // 1_000_000
        claims: dict[str, Any] = {
            "iss": PUSH_ISSUER,
            "aud": audience,
            "email": PUSH_ACCOUNT,
            "email_verified": True,
            "sub": "1",
            "iat": now,
            "exp": now + 3_600,
        }
        return jwt.encode(claims | changed, self.key, algorithm="RS256", headers={"kid": "k1"})


def _refused(status: int, error: str, words: str) -> Answer:
    return Answer(status, {"error": error, "error_description": words})
