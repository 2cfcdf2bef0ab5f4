"""From hints to streams: a hint is answered by reading its mailbox from the stored cursor."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from connectors.bad_input import BadInput
from connectors.fetching import Reading
from connectors.gmail.connector import GmailConnector
from connectors.gmail.history import number_of
from connectors.gmail.webhook import MailboxHint
from connectors.stream import Page, Stream
from schemas.change import Source

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


class GmailFetcher:
    """A `Fetcher`: a stream a mailbox, so that one that fails leaves the others' hints done."""

    source: Source = "gmail"

    def __init__(self, connector: GmailConnector) -> None:
        self._connector = connector

    def readings(self, hints: Sequence[bytes]) -> Iterator[Reading]:
        """As Fetcher."""
        streams, bad = hinted(self._connector, hints)
        of_stream: dict[str, list[bytes]] = defaultdict(list)
        done = []
        for hint in hints:
            (*mine,) = (stream.name for stream in hinted(self._connector, [hint])[0])
            for name in mine:
                of_stream[name].append(hint)
            if not mine:
                done.append(hint)
        # No hints at all, and those of mailboxes that are not ours to read.
        yield Reading(tuple(done), Page((), {}, tuple(bad)))
        for stream in streams:
            yield Reading(tuple(of_stream[stream.name]), stream)
