"""What a deployment says about its Salesforce org, and what of it cannot be."""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from connectors.calls import Rate
from schemas.errors import ConfigurationError

OBJECTS = (
    "Account",
    "Contact",
    "Lead",
    "Opportunity",
    "Task",
    "Event",
    "EmailMessage",
    "User",
)
"""The sObjects that the normaliser knows."""

_VERSION = re.compile(r"[1-9][0-9]\.0\Z")
_LOOPBACK = ("127.0.0.1", "localhost")
_RETIRED = ("password", "security_token", "organization_id", "organizationId")
_SHARED_HOSTS = ("login.salesforce.com", "test.salesforce.com")
_SHORTEST_OVERLAP_S = 600


class SalesforceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One org, read as one integration user."""

    instance_url: str
    """My Domain: `https://mycompany.my.salesforce.com`."""
    auth: Literal["client_credentials", "jwt_bearer"] = "client_credentials"
    """With a secret, or with a certificate."""
    consumer_key: str
    """Reference of the secret that holds the app's consumer key (connectors/secrets.py)."""
    consumer_secret: str = ""
    """Reference; of client credentials."""
    private_key: str = ""
    """Reference to a PEM; of JWT bearer."""
    username: str = ""
    """Of JWT bearer: the integration user's."""
    audience: str = "https://login.salesforce.com"
    """Of JWT bearer; `https://test.salesforce.com` for a sandbox org."""
    api_version: str = "65.0"
    """From this version on there is no SOAP login() at all.
    https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_login.htm"""
    objects: tuple[str, ...] = OBJECTS
    """sObjects that are read."""
    left_out: dict[str, tuple[str, ...]] = {}
    """sObject to the fields that are never asked for, in whatever case."""
    formulas: bool = False
    """Formula fields do not move SystemModstamp: what they say would be stale without notice."""
    overlap_s: int = 600
    """Re-read at every round: a transaction's rows appear with the stamp of its writes, minutes
    before its commit."""
    remembered: int = 20_000
    """Versions inside the overlap that are known to be published; beyond, some are published again,
    which changes nothing downstream."""
    page_rows: int = 2_000
    """200 to 2,000.
    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_queryoptions.htm
    """
    uri_bytes: int = 12_000
    """Longest request line: Salesforce takes 16,384 bytes of URI and headers.
    https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_api.htm
    """
    stop_share: float = 0.8
    """Of the org's (or the app's) daily calls: above it nothing is asked until it has sunk."""
    rate: Rate = Rate(20, 1)
    """Calls; 25 at once that take over 20 s are the org's limit."""
    connect_s: float = 5.0
    """How long a connection may take."""
    read_s: float = 130.0
    """The server gives a query 120 s."""
    bulk_page_rows: int = 5_000
    """Rows of a backfill that are read at once."""
    bulk_wait_s: float = 3_600.0
    """A query job that takes longer is looked at again at the next run."""
    describe_every_s: float = 600.0
    """How soon a new field is noticed; one that vanishes is at once."""
    deleted_every_s: int = 300
    """How often deletions are asked for; the recycle bin is seen at every round anyway."""
    reconcile_every_s: int = 86_400
    """How often all ids are compared with those that we hold."""
    most_gone_share: float = 0.2
    """More records missing at once than this is a lost permission, not a clean-up."""


def settings_of(given: Mapping[str, Any]) -> SalesforceSettings:
    """Settings from a mapping, as a TOML table has them; ConfigurationError says what to mend."""
    retired = [name for name in _RETIRED if name in given]
    if retired:
        raise ConfigurationError(
            f"salesforce: {', '.join(retired)}: logins by password and SOAP login() are being "
            "retired; make an app with client credentials and name consumer_key and consumer_secret"
        )
    try:
        settings = msgspec.convert(dict(given), SalesforceSettings)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"salesforce: {error}") from None
    return checked(settings)


def checked(settings: SalesforceSettings) -> SalesforceSettings:
    """The settings themselves where they can be; else ConfigurationError."""
    for wrong, words in _contradictions(settings):
        if wrong:
            raise ConfigurationError(f"salesforce: {words}")
    return settings


def _contradictions(one: SalesforceSettings) -> list[tuple[bool, str]]:
    address = urlsplit(one.instance_url)
    host = address.hostname or ""
    secure = address.scheme == "https" or (address.scheme == "http" and host in _LOOPBACK)
    unknown = sorted({*one.objects, *one.left_out} - set(OBJECTS))
    bearer = one.auth == "jwt_bearer"
    return [
        (not (secure and host), "instance_url is no https address"),
        (
            host in _SHARED_HOSTS,
            "instance_url is your My Domain (Setup, My Domain), not login or test",
        ),
        (not _VERSION.match(one.api_version), "api_version is written 65.0"),
        (not bearer and not one.consumer_secret, "client credentials need consumer_secret"),
        (
            bearer and not (one.username and one.private_key),
            "JWT bearer needs username and private_key",
        ),
        (bool(unknown), f"objects, left_out: {', '.join(unknown)}: there are {', '.join(OBJECTS)}"),
        (
            one.overlap_s < _SHORTEST_OVERLAP_S,
            f"overlap_s is at least {_SHORTEST_OVERLAP_S}: commits are as late as that",
        ),
        (not 200 <= one.page_rows <= 2_000, "page_rows is 200 to 2,000"),
        (not 2_000 <= one.uri_bytes <= 16_000, "uri_bytes is 2,000 to 16,000"),
        (not 0 < one.stop_share <= 1, "stop_share is a share of 1"),
    ]
