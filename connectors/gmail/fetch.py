"""From hints to streams: a hint is answered by reading its mailbox from the stored cursor."""

from collections.abc import Iterable

import msgspec

from connectors.bad_input import BadInput
from connectors.gmail.connector import GmailConnector
from connectors.gmail.history import number_of
from connectors.gmail.webhook import MailboxHint
from connectors.stream import Stream

_DECODE = msgspec.json.Decoder(MailboxHint).decode


def hinted(
    connector: GmailConnector, hints: Iterable[bytes]
) -> tuple[list[Stream], list[BadInput]]:
    """Streams for the poller, one a mailbox, and what is no hint.

    A hint is done with when its stream did not fail. Where the mailbox is being left alone, or was
    never read, its stream is empty: the poller has it, and calling Gmail again for every push would
    move the time until which it refuses us for ever. Raises what the directory says where no
    mailbox is known.
    """
    newest: dict[str, str] = {}
    bad = []
    for data in hints:
        try:
            hint = _DECODE(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            bad.append(BadInput("gmail", "gmail hint", "no hint of ours", data, "live"))
            continue
        if number_of(hint.history_id) >= number_of(newest.get(hint.mailbox, "0")):
            newest[hint.mailbox] = hint.history_id
    known, error = connector.known() if newest else ((), None)
    if error is not None and not known:
        raise error
    streams: list[Stream] = [
        connector.hinted(mailbox, history_id)
        for mailbox, history_id in newest.items()
        if mailbox in known
    ]
    return streams, bad
