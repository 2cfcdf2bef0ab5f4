"""What a deployment says of its HubSpot account."""

import msgspec

from connectors.calls import Budget, Rate
from connectors.calls.http import CONNECT_S, READ_S, check_address
from connectors.hubspot.kinds import KINDS, OWNER
from schemas.errors import ConfigurationError

SEARCH = "search"
READ = "read"
"""Kinds of call: searches have a limit of their own."""

SEARCHES_PER_S = 5
"""Of the whole account, every other app included.
https://developers.hubspot.com/docs/api-reference/search/guide#rate-limits"""


class HubSpotSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Secrets stand here by reference only (connectors/secrets.py); times in seconds."""

    base_url: str = "https://api.hubapi.com"
    """Where it answers."""
    token: str = "env:HUBSPOT_TOKEN"  # noqa: S105 (a reference)
    """Access token of a private app."""
    webhook_secrets: tuple[str, ...] = ()
    """The app's client secret; two while it is being rotated."""
    signatures: tuple[str, ...] = ("v3",)
    """Versions that are believed. v1 and v2 carry no time: whoever has one request can repeat it
    for ever."""
    portal_id: int = 0
    """Webhooks of other accounts are dropped; 0: there is only one."""
    objects: tuple[str, ...] = (*KINDS, OWNER)
    """What is read."""
    properties: dict[str, tuple[str, ...]] = {}
    """Object to the properties that are read; where it has none: all that HubSpot defines."""
    properties_kept_s: float = 3_600.0
    """How long their list is used before it is asked for again."""
    enrollments: bool = False
    """Whether contacts carry their sequence enrolment: a call for each enrolled contact, and the
    scope automation.sequences.read."""
    searches_per_s: float = 4.0
    """Of the five that the whole account has."""
    calls_per_10_s: float = 90.0
    """A free or starter account allows a private app 100, a professional one 190.
    https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines"""
    calls_per_day: float = 225_000.0
    """Of all calls that are ours to make."""
    overlap_s: float = 120.0
    """How far behind the newest record the real-time lane looks again."""
    delay_s: float = 3_600.0
    """How far behind the present the delayed lane reads: longer than the search index lags."""
    delayed_every_s: float = 300.0
    """How often that lane reads."""
    sweep_every_s: float = 900.0
    """How often archived records are listed."""
    connect_s: float = CONNECT_S
    """How long a connection may take."""
    read_s: float = READ_S
    """How long an answer may take."""

    def __post_init__(self) -> None:
        """ConfigurationError for what would lose changes in silence."""
        check_address("hubspot: base_url", self.base_url)
        unknown = [one for one in self.objects if one not in (*KINDS, OWNER)]
        if unknown:
            raise ConfigurationError(
                f"hubspot: objects: no {', '.join(unknown)}: there are {', '.join((*KINDS, OWNER))}"
            )
        if not self.signatures or set(self.signatures) - {"v1", "v2", "v3"}:
            raise ConfigurationError("hubspot: signatures are of v1, v2, v3: all else is refused")
        # A lane that reads ahead of the present has passed over what comes.
        if not (self.overlap_s >= 0 and self.delay_s >= 0):
            raise ConfigurationError("hubspot: overlap_s and delay_s are 0 or more")

    def rates(self) -> dict[str, Rate]:
        """Buckets of `Budget`."""
        # HubSpot counts a rolling window, in which a full bucket and what flows into it add up.
        return {
            "search": Rate(self.searches_per_s, 1.0, burst=1.0),
            "burst": Rate(self.calls_per_10_s, 10.0, burst=max(1.0, self.calls_per_10_s / 10)),
            "day": Rate(self.calls_per_day, 86_400.0),
        }

    def costs(self) -> dict[str, dict[str, float]]:
        """What each kind of call draws."""
        return {
            SEARCH: {"search": 1, "burst": 1, "day": 1},
            READ: {"burst": 1, "day": 1},
        }

    def budget(self) -> Budget:
        """The budget of the account's credential."""
        return Budget(self.rates(), self.costs())
