"""Raw messages, many in one call, each with an outcome of its own.

https://developers.google.com/workspace/gmail/api/guides/batch
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from googleapiclient.errors import BatchError, HttpError
from googleapiclient.http import BatchHttpRequest

from connectors.gmail.client import MailboxClient
from connectors.gmail.judge import (
    BatchUnreadable,
    MailboxRefused,
    NotThere,
    PartsUnanswered,
    Rejected,
    judge_with,
)
from schemas.errors import RetriableError, SalesIntelError

log = logging.getLogger(__name__)

PATH = "/batch/gmail/v1"
PAUSE_S = 0.5
"""Before what was refused as too many at once is asked for again."""


@dataclass
class Read:
    """What became of each message that was asked for."""

    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """404: deleted, or not yet to be seen."""
    failed: dict[str, str] = field(default_factory=dict)
    """Gmail answers for others and not for these: id to why."""
    stopped: RetriableError | None = None
    """Why the rest was not read: a refusal in the middle must not undo what was read before it, or
    whoever gets less than a batch of quota at a time never gets on."""


def read_raw(client: MailboxClient, ids: Iterable[str]) -> Read:
    """Reads messages in format raw: once with all headers to the byte, and with every change of
    labels again, for a change carries the whole record.

    RetriableError while nothing can be read; MailboxRefused where it may not be.
    """
    read, wanted = Read(), list(dict.fromkeys(ids))
    size = client.settings.batch_size
    for start in range(0, len(wanted), size):
        chunk = wanted[start : start + size]
        try:
            _read_chunk(client, chunk, read)
        except RetriableError as error:
            if read.found.keys().isdisjoint(chunk) and read.gone.isdisjoint(chunk):
                raise
            read.stopped = error
            break
    return read


def _read_chunk(client: MailboxClient, ids: list[str], read: Read) -> None:
    chunk = _Chunk(client, ids, read)
    while chunk.pending:
        try:
            # What was answered is not asked for again, nor paid for.
            client.run("messages.get", chunk.attempt, lambda: len(chunk.pending))
        except BatchUnreadable as error:
            if len(chunk.pending) > 1:
                for name in chunk.pending:
                    _read_chunk(client, [name], read)
                return
            chunk.give_up(error)
        except PartsUnanswered as error:
            chunk.give_up(error)
        if chunk.pending:
            client.sleep(PAUSE_S)


class _Chunk:
    """Messages of one call until each has its outcome."""

    def __init__(self, client: MailboxClient, ids: list[str], read: Read) -> None:
        self._client = client
        self._read = read
        self._judge = judge_with(client.now)
        self._refused: HttpError | None = None
        self.pending = ids

    def attempt(self) -> None:
        """One call for all that are pending; some of them may be refused while others are not."""
        # The library's own new_batch_http_request goes to Google whatever the endpoint is.
        batch = BatchHttpRequest(
            callback=self._part, batch_uri=self._client.settings.endpoints.gmail + PATH
        )
        for name in self.pending:
            request = self._client.messages.get(userId="me", id=name, format="raw")
            batch.add(request, request_id=name)
        before, self._refused = len(self.pending), None
        try:
            batch.execute(http=self._client.http())
        except (BatchError, ValueError, TypeError, LookupError, AttributeError):
            raise BatchUnreadable("gmail: a batch that cannot be read") from None
        if self._refused is not None:
            verdict = self._judge(self._refused)
            of_mailbox = verdict.refresh or isinstance(verdict.error, MailboxRefused)
            if of_mailbox or verdict.after_s is not None:
                raise self._refused
        if len(self.pending) == before:
            if self._refused is None:
                raise PartsUnanswered("gmail: an answer that cannot be read")
            status = int(self._refused.resp.status)
            raise self._refused if status in (403, 429) else PartsUnanswered(str(verdict.error))

    def _part(self, name: str, answer: object, error: Exception | None) -> None:
        if isinstance(error, HttpError):
            verdict = self._judge(error)
            if isinstance(verdict.error, NotThere):
                self._read.gone.add(name)
            elif isinstance(verdict.error, Rejected):
                self._read.failed[name] = str(verdict.error)
            else:
                self._refused = error
                return
        elif isinstance(answer, dict):
            self._read.found[name] = answer
        else:
            # The library hands on as text what it cannot read.
            return
        self.pending = [one for one in self.pending if one != name]

    def give_up(self, error: SalesIntelError) -> None:
        """Gmail answers for others and not for these: one message that it cannot read must not
        stop what comes after it. Raises where the mailbox answers nothing else either."""
        self._client.profile()
        log.warning("%d messages cannot be read: %s", len(self.pending), type(error).__name__)
        self._read.failed.update(dict.fromkeys(self.pending, str(error)))
        self.pending = []
