"""What an administrator says of Gmail. Every default is what most want."""

import msgspec

from connectors.calls.http import check_address
from schemas.errors import ConfigurationError

GMAIL_SCOPE = "https://www.googleapis.com/auth/gmail.readonly"
DIRECTORY_SCOPE = "https://www.googleapis.com/auth/admin.directory.user.readonly"

COSTS: dict[str, float] = {
    "getProfile": 1,
    "history.list": 2,
    "labels.list": 1,
    "messages.get": 20,
    "messages.list": 5,
    "watch": 100,
}
"""Units a call, by the dearer of the two tables in force, that of projects made since May 2026; an
older project may set messages.get to 5 and units_a_minute to 15,000.
https://developers.google.com/workspace/gmail/api/reference/quota"""


class Endpoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Google answers."""

    gmail: str = "https://gmail.googleapis.com"
    directory: str = "https://admin.googleapis.com"
    iam: str = "https://iamcredentials.googleapis.com"
    token: str = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)
    push_keys: str = "https://www.googleapis.com/oauth2/v3/certs"

    def __post_init__(self) -> None:
        """ConfigurationError for what is no address."""
        for name in self.__struct_fields__:
            check_address(f"gmail: endpoints.{name}", getattr(self, name))


class GmailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a deployment. Times are in seconds where the name does not say otherwise."""

    service_account_key: str = ""
    """Reference to the secret that holds the JSON key of the delegated service account."""
    service_account: str = ""
    """Or its address, without a key: the workload's own identity asks IAM to sign for it, and
    needs roles/iam.serviceAccountTokenCreator on it."""
    mailboxes: tuple[str, ...] = ()
    """Addresses to read; empty: all that the directory has."""
    directory_admin: str = ""
    """An administrator's address in whose name the directory is asked for the mailboxes."""
    directory_query: str = ""
    """Which of them, `orgUnitPath='/Sales'`: in the words of
    https://developers.google.com/workspace/admin/directory/v1/guides/search-users"""
    topic: str = ""
    """`projects/P/topics/T` for pushes, in the project that calls; empty: polled only."""
    watch_excludes: tuple[str, ...] = ("DRAFT",)
    """Labels whose changes are not worth a push."""
    push_audience: str = ""
    """Audience of the push subscription's tokens; empty: no pushes are taken."""
    push_account: str = ""
    """The service account in whose name Pub/Sub pushes: anybody can get a token for our audience,
    so this is the gate."""
    first_days: int = 30
    """How far back a mailbox is read when it is first met; what is older is for `backfill`."""
    overlap_s: int = 30
    """History is read again from where it stood this long ago: the index is late by seconds."""
    resync_days: int = 2
    """Read again before the last reading, when Gmail has forgotten the history since."""
    gone_after_s: int = 3_600
    """A message that the history named and that is nowhere to be read counts as deleted then."""
    batch_size: int = 25
    """Messages in one call: with more, Gmail refuses some of them as too many at once."""
    units_a_minute: int = 6_000
    """Of one user."""
    project_units_a_minute: int = 1_200_000
    """Of all users together."""
    costs: dict[str, float] = msgspec.field(default_factory=lambda: dict(COSTS))
    """Units a call, where they are others."""
    quarantine_s: int = 3_600
    """How long a mailbox that refuses us for good (suspended, not delegated) is left alone."""
    connect_and_read_s: float = 60.0
    """Time limit of a call: a batch of large mails takes its time."""
    endpoints: Endpoints = msgspec.field(default_factory=Endpoints)

    def __post_init__(self) -> None:
        """ConfigurationError for what contradicts itself."""
        if bool(self.service_account_key) == bool(self.service_account):
            raise ConfigurationError(
                "gmail: set service_account_key (a secret that holds a key) or service_account "
                "(keyless), one of the two"
            )
        if not self.mailboxes and not self.directory_admin:
            raise ConfigurationError(
                "gmail: name the mailboxes, or a directory_admin in whose name they are listed"
            )
        if bool(self.push_audience) != bool(self.push_account):
            raise ConfigurationError(
                "gmail: push_audience and push_account go together: without the account anybody's "
                "token would do"
            )
        if not 1 <= self.batch_size <= 100:
            raise ConfigurationError("gmail: batch_size is 1 to 100")
        missing = sorted(COSTS.keys() - self.costs.keys())
        if missing:
            raise ConfigurationError(f"gmail: costs lack {', '.join(missing)}")
        dearest = max(self.costs["messages.get"] * self.batch_size, *self.costs.values())
        if dearest > min(self.units_a_minute, self.project_units_a_minute):
            raise ConfigurationError(
                f"gmail: a minute's units are fewer than one batch costs ({dearest:.0f}): lower "
                "batch_size"
            )
