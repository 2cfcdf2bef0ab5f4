"""What a soak comes to: the truth of the vendors against what was published, and its rows."""

from collections import Counter
from collections.abc import Iterator

from soaking import Soak

from connectors.bad_input import IMPORT_ERROR
from connectors.gmail.mailbox import mailbox_key
from sandbox.vendors.truth import differences, newest
from schemas.change import Change
from schemas.clock import DAY_US
from schemas.envelope import decode
from schemas.errors import SalesIntelError

SCHEMA = "schema"
"""Word of fields that came or went: no record."""


def changes(soak: Soak) -> list[Change]:
    """All that was published, but for what nobody could read."""
    return [
        decode(one.data, one.attributes)
        for one in soak.messages.values()
        if IMPORT_ERROR not in one.attributes
    ]


def bad_inputs(soak: Soak) -> Counter[str]:
    """Why something is no change, to how often."""
    reasons = (one.attributes.get(IMPORT_ERROR, "") for one in soak.messages.values())
    return Counter(one for one in reasons if one)


def untold(soak: Soak) -> set[str]:
    """`source:type:id` of records of which a fault has swallowed the last word for good."""
    return {*_in_gaps(soak), *_refused(soak)}


def _in_gaps(soak: Soak) -> Iterator[str]:
    """What a forgotten history would have told: deletions, and labels of mails that are too old to
    be listed again."""
    settings = soak.sources.gmail
    assert settings is not None
    for gap in soak.gaps:
        first = gap.ahead_at - settings.resync_days * DAY_US
        for address, mailbox in soak.estate.gmail.mailboxes.items():
            if gap.stream != f"gmail/mailbox/{mailbox_key(address)}":
                continue
            for event in mailbox.history:
                message = mailbox.messages.get(event.message["id"])
                listed = message is not None and message.internal_us >= first
                if gap.after < event.id <= gap.upto and not listed:
                    yield f"gmail:message:{event.message['id']}"


def _refused(soak: Soak) -> Iterator[str]:
    """Transcripts and recaps that Dialpad has refused: dead letters name their calls."""
    for reason in bad_inputs(soak):
        kind, _, rest = reason.partition(" ")
        if kind in ("transcript", "recap"):
            yield f"dialpad:{kind}:{rest.partition(':')[0]}"


def lost(soak: Soak) -> list[str]:
    """Where what was read is not the truth, a line each."""
    found = newest(one for one in changes(soak) if one.object_type != SCHEMA)
    swallowed = untold(soak)
    return [
        line
        for line in differences(soak.estate.expected(), found)
        if ":".join(line.split(":")[:3]) not in swallowed
    ]


def unexpected_failures(soak: Soak) -> set[str]:
    """Errors that stopped a stream and that nobody has raised on purpose."""
    return set(soak.failures) - {one.__name__ for one in _every(SalesIntelError)}


def _every(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _every(one)
