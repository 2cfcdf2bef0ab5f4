"""What a deployment says of its notifications: table [notifications] of its settings file."""

from pathlib import Path
from typing import Literal

import msgspec

from connectors.calls.http import check_address
from connectors.sources import table_of
from schemas.errors import ConfigurationError
from schemas.quality import Severity

SOURCE_SILENCE_H = 72.0
"""A long weekend is no outage."""
LONGEST_SILENCE_H = 14 * 24.0
"""ops.freshness looks no further back: of a longer silence it says that it is as long at least."""


class Slack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook that takes what Slack's do: Slack, Mattermost, Teams and Discord by adapters."""

    webhook: str
    """Reference of a secret: whoever knows the address can write there."""


class Mail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mails by a server of one's own."""

    host: str
    """The mail server."""
    sender: str
    """Address that mails come from."""
    recipients: tuple[str, ...]
    """Addresses that they go to."""
    port: int = 587
    """Of the server."""
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    """How the connection is encrypted."""
    user: str = ""
    """Who signs in there; empty: nobody has to."""
    password: str = ""
    """Reference of a secret; needed where there is a user."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on something is a condition to be told."""

    error_ratio: float = 0.05
    """Dead letters per message of a source within `window_min` minutes."""
    window_min: int = 15
    """Minutes that it looks back."""
    least_letters: int = 5
    """Fewer are no ratio and no growth."""
    growth: float = 3.0
    """Dead letters of the last hour per hourly mean of the day before."""
    silence_h: dict[str, float] = {}
    """Source to the hours for which it may send nothing; `SOURCE_SILENCE_H` where none is named, 0
    for never mind. Below 336, 14 days."""

    def __post_init__(self) -> None:
        """ConfigurationError for a silence that could never be told."""
        for source, hours in self.silence_h.items():
            if not 0 <= hours < LONGEST_SILENCE_H:
                raise ConfigurationError(
                    f"[notifications.bounds] silence_h of {source} is {hours:g}: name hours from 0 "
                    f"to below {LONGEST_SILENCE_H:g}, for no longer silence can be measured"
                )


class NotificationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a deployment; without any, notices stand in the notifier's output."""

    channels: tuple[Literal["log", "slack", "mail"], ...] = ("log",)
    """By which people are told."""
    min_severity: Severity = "warning"
    """What is less is not told."""
    repeat_h: float = 4.0
    """What lasts is told again after so many hours, with how often it was seen."""
    slack: Slack | None = None
    mail: Mail | None = None
    bounds: Bounds = Bounds()

    def __post_init__(self) -> None:
        """ConfigurationError for a channel that has no table, or what could never be sent."""
        for name in ("slack", "mail"):
            if name in self.channels and getattr(self, name) is None:
                raise ConfigurationError(f"channel {name} needs a table [notifications.{name}]")
        if not self.channels or not self.repeat_h > 0:
            raise ConfigurationError("name at least one channel, and repeat_h above 0")
        if self.mail is not None and not self.mail.recipients:
            raise ConfigurationError("[notifications.mail]: recipients is empty")
        if self.mail is not None and self.mail.user and not self.mail.password:
            raise ConfigurationError("[notifications.mail]: user needs a password (a reference)")


def load_notification_settings(path: Path | None) -> NotificationSettings:
    """Those in a TOML file, else the defaults; ConfigurationError says what to mend."""
    try:
        return msgspec.convert(table_of(path, "notifications"), NotificationSettings)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: [notifications]: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: [notifications]: {error}") from None


def checked_webhook(address: str) -> str:
    """The address of a webhook; ConfigurationError without showing it: it is a secret."""
    try:
        check_address("notifications.slack.webhook", address)
    except ConfigurationError:
        raise ConfigurationError(
            "what [notifications.slack] webhook leads to is no address that begins with https://"
        ) from None
    return address
