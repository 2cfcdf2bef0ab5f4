"""What a deployment says about its Dialpad."""

import msgspec

from connectors.calls.http import check_address
from schemas.errors import ConfigurationError

PER_MINUTE = {
    "calls": 1_200.0,
    "call": 10.0,
    "recap": 12.0,
    "transcript": 1_200.0,
    "users": 1_200.0,
    "contacts": 1_200.0,
    "company": 1_200.0,
    "webhooks": 1_200.0,
    "subscriptions": 1_200.0,
}
"""Calls a minute by operation. https://developers.dialpad.com/docs/rate-limits and the "Rate
limit" line of each operation in https://developers.dialpad.com/reference"""

OBJECTS = ("call", "user", "contact", "transcript", "recap")
"""What can be polled. Text messages come by webhook alone: no operation lists them."""

CALL_STATES = (
    "calling",
    "ringing",
    "connected",
    "hangup",
    "missed",
    "voicemail",
    "voicemail_uploaded",
    "transcription",
    "call_transcription",
    "recap_summary",
    "recap_outcome",
    "recap_action_items",
    "dispositions",
)
"""Events of a call that are of use. https://developers.dialpad.com/docs/call-events"""


class DialpadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a deployment; secrets by reference (connectors/secrets.py)."""

    token: str
    """Reference of the API key: a company admin's, with scope calls:list."""
    base_url: str = "https://dialpad.com/api/v2"
    """Where it answers."""
    objects: tuple[str, ...] = OBJECTS
    """What is polled."""
    connect_s: float = 5.0
    """How long a connection may take."""
    read_s: float = 30.0
    """How long an answer may take."""

    company_per_s: float = 15.0
    """Of the company's 20 calls a second, which other applications draw from too.
    https://developers.dialpad.com/docs/rate-limits"""
    per_minute: dict[str, float] = {}
    """Calls a minute by operation, where they are others than those of `PER_MINUTE`."""

    overlap_h: float = 24.0
    """Calls are listed by their start, once they have ended: as long as the longest call."""
    remembered: int = 50_000
    """Calls within the overlap of which the digest is kept, so that each is published once."""
    first_days: float | None = None
    """How far back the first poll goes, in days; None: all there is."""
    volatile: tuple[str, ...] = (
        "do_not_disturb",
        "duty_status_reason",
        "duty_status_started",
        "is_available",
        "is_on_duty",
        "is_online",
        "on_duty_started",
        "on_duty_status",
        "session_type",
        "status_message",
    )
    """Fields of a user that change all day long: a change of these alone is not published."""
    local_contacts: bool = False
    """Contacts that belong to one user, too."""

    details_days: float = 7.0
    """How far back transcripts and recaps are asked for at first, in days."""
    details_after_min: tuple[float, ...] = (2.0, 10.0, 30.0)
    """Minutes after the end of a call at which they are asked for; after the last there is none."""
    details_per_round: int = 10
    """Asked for in one round of polling: below what a minute's budget holds, so that nobody waits.
    Recaps: 12 a minute."""
    recap_format: str = "medium"
    """bullet, short, medium or long."""

    webhook_secrets: tuple[str, ...] = ()
    """References of the secrets that events may be signed with: one, or two while it changes."""
    webhook_url: str = ""
    """Our public address, as it stands at Dialpad."""
    allow_unsigned: bool = False
    """Takes events that nobody has signed. Never where others can reach the address."""
    webhook_oldest_days: float = 7.0
    """Older events are dropped: a token caught long ago is still good, for it bears no time."""
    call_states: tuple[str, ...] = CALL_STATES
    """Events of calls that we want to be told of."""

    def __post_init__(self) -> None:
        """ConfigurationError for what would lose calls, or their details, in silence."""
        check_address("dialpad: base_url", self.base_url)
        if not self.overlap_h >= 0:
            raise ConfigurationError("dialpad: overlap_h is 0 or more: long calls would be lost")
        if not self.details_after_min or self.details_per_round < 1:
            raise ConfigurationError(
                "dialpad: details_after_min and details_per_round: one at least, or leave "
                "transcript and recap out of objects"
            )
