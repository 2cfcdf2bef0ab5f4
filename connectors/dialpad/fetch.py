"""Single calls, whole: for who knows a call's id and will not wait for the poller.

Ten calls a minute, no more: the list is the way to read many.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from connectors.bad_input import BadInput
from connectors.dialpad.client import DialpadClient, NotAllowed, NotFound
from connectors.dialpad.records import CallRecord, call_record, call_stamp, detail_change, excludes
from connectors.exclusions import Excluder
from connectors.stream import Page
from schemas.change import Change
from schemas.errors import SkippableError


class CallHint(msgspec.Struct, frozen=True):
    """A call to be read, with its transcript and its recap where there are any."""

    call_id: str


class Fetcher:
    """One thread, as its client."""

    def __init__(self, client: DialpadClient, excluder: Excluder) -> None:
        self._client = client
        self._excluder = excluder

    def fetch(self, hints: Iterable[bytes]) -> Page:
        """The changes that hints lead to; a call that is not there (yet) is noted as `missing`,
        one that is refused is bad. NotAllowed where the key may read no call at all."""
        changes: list[Change] = []
        bad: list[BadInput] = []
        notes: Counter[str] = Counter()
        excluded = 0
        for data in dict.fromkeys(hints):
            try:
                call_id = msgspec.json.decode(data, type=CallHint).call_id
                answer = self._client.call(call_id)
                record = call_record(answer.body)
                change = record.change(answer.read_at, "live")
            except NotFound:
                notes["missing"] += 1
                continue
            except NotAllowed:
                raise
            except (msgspec.DecodeError, UnicodeDecodeError):
                bad.append(BadInput("dialpad", "dialpad hint", "no hint of ours", data, "live"))
                continue
            except SkippableError as error:
                bad.append(BadInput("dialpad", f"call {call_id}", str(error), data, "live"))
                continue
            if excludes(self._excluder, change, record.fields):
                excluded += 1
                continue
            changes.append(change)
            changes += self._details(record, notes)
        return Page(tuple(changes), {}, tuple(bad), excluded, notes)

    def _details(self, record: CallRecord, notes: Counter[str]) -> Iterable[Change]:
        stamp = call_stamp(record.fields)
        if stamp is None:
            return
        for kind, read in (("transcript", self._client.transcript), ("recap", self._client.recap)):
            try:
                answer = read(record.call_id)
                yield detail_change(
                    kind,
                    record.fields,
                    answer.body,
                    stamp=stamp,
                    read_at=answer.read_at,
                    lane="live",
                )
            except NotAllowed:
                notes[f"{kind}_not_allowed"] += 1
            except SkippableError:
                notes[f"{kind}_none"] += 1
