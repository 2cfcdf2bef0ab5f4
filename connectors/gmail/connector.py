"""Gmail as a source: a stream a mailbox, and one that keeps its pushes coming."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from connectors.calls import Breaker, Budget, RetryPolicy
from connectors.cursors import Cursor, CursorStore
from connectors.exclusions import Excluder, Exclusions
from connectors.finding import Finding
from connectors.gmail.backfill import BackfillStream
from connectors.gmail.budget import MailboxBudget, project_budget
from connectors.gmail.client import GoogleClient, MailboxClient
from connectors.gmail.counts import messages
from connectors.gmail.credentials import Delegation, PlatformToken, platform_token
from connectors.gmail.directory import DirectoryClient, directory_budget
from connectors.gmail.mailbox import HintedStream, MailboxStream, mailbox_key
from connectors.gmail.settings import DIRECTORY_SCOPE, GMAIL_SCOPE, GmailSettings
from connectors.gmail.watch import WatchStream, lapsing
from connectors.questions import Question, Tally
from connectors.secrets import Secrets
from connectors.stream import Page, Stream
from schemas.change import Source
from schemas.clock import Clock, wall_clock
from schemas.errors import ConfigurationError, RetriableError, SalesIntelError, SkippableError

T = TypeVar("T", bound=GoogleClient)

LISTED_S = 600.0
"""How long a list of mailboxes is good: joiners and leavers are few."""


def _addresses(objects: Iterable[str]) -> frozenset[str]:
    """Those of `objects` that name a mailbox; `message`, the one object type, names them all.
    ConfigurationError for anything else."""
    named = frozenset(one.strip().lower() for one in objects)
    unknown = sorted(one for one in named if one != "message" and "@" not in one)
    if unknown:
        raise ConfigurationError(
            f"gmail: no {', '.join(unknown)} to read; there are message, and mailboxes by address"
        )
    return named - {"message"}


def _meets(wanted: frozenset[str], addresses: Iterable[str]) -> None:
    """ConfigurationError where mailboxes are named and none of them is read."""
    if wanted and wanted.isdisjoint(addresses):
        # Without the addresses: this may be logged.
        raise ConfigurationError("gmail: none of the mailboxes that were named is read here")


class Unlisted:
    """The directory as a stream: it is no mailbox, and fails as one."""

    name = "gmail/directory"

    def __init__(self, error: SalesIntelError) -> None:
        self._error = error

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Raises what the directory said."""
        raise self._error
        yield  # A generator, as every stream's.


class GmailConnector:
    """A `Connector`. Clients, and with them breakers and budgets, live as long as it does."""

    source: Source = "gmail"

    def __init__(
        self,
        settings: GmailSettings,
        secrets: Secrets,
        exclusions: Exclusions | None = None,
        *,
        token: PlatformToken = platform_token,
        clock: Clock = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.settings = settings
        self._exclusions = exclusions or Exclusions()
        self.excluder = Excluder(self._exclusions)
        """Counts the mailboxes that are left alone."""
        self._delegation = Delegation(settings, secrets, token, clock)
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._rng = rng
        self._policy = policy
        self._project = project_budget(settings, monotonic, sleep)
        self._clients: dict[str, MailboxClient] = {}
        self._directory: DirectoryClient | None = None
        self._listed: tuple[float, tuple[str, ...]] | None = None

    def client(self, address: str) -> MailboxClient:
        """The client of a mailbox."""
        made = self._clients.get(address)
        if made is None:
            budget = MailboxBudget(self.settings, self._project, self._monotonic, self._sleep)
            made = self._clients[address] = self._made(MailboxClient, address, GMAIL_SCOPE, budget)
        return made

    def directory(self) -> DirectoryClient:
        """The directory's client."""
        if self._directory is None:
            admin = self.settings.directory_admin
            budget = directory_budget(monotonic=self._monotonic, sleep=self._sleep)
            self._directory = self._made(DirectoryClient, admin, DIRECTORY_SCOPE, budget)
        return self._directory

    def _made(self, kind: type[T], address: str, scope: str, budget: Budget) -> T:
        return kind(
            lambda: self._delegation.acting_for(address, scope),
            self._delegation.renew,
            self.settings,
            budget,
            Breaker(f"mailbox {mailbox_key(address)[:12]}", monotonic=self._monotonic),
            clock=self._clock,
            monotonic=self._monotonic,
            sleep=self._sleep,
            rng=self._rng,
            policy=self._policy,
        )

    def mailboxes(self) -> tuple[str, ...]:
        """Addresses to read, but for those that are excluded."""
        if self.settings.mailboxes:
            found: Iterable[str] = self.settings.mailboxes
        else:
            found = self._from_directory()
        return self._kept(found)

    def known(self) -> tuple[tuple[str, ...], SalesIntelError | None]:
        """The same; while the directory does not answer those that it had last, and what it said
        instead."""
        try:
            return self.mailboxes(), None
        except (RetriableError, SkippableError) as error:
            return self._kept(self._listed[1] if self._listed else ()), error

    def _kept(self, found: Iterable[str]) -> tuple[str, ...]:
        cleaned = dict.fromkeys(one.strip().lower() for one in found)
        return tuple(one for one in cleaned if not self.excluder.mailbox(one))

    def _from_directory(self) -> tuple[str, ...]:
        now = self._monotonic()
        if self._listed is None or now - self._listed[0] >= LISTED_S:
            self._listed = (now, tuple(self.directory().mailboxes()))
        return self._listed[1]

    def streams(self, objects: Iterable[str] = ()) -> Iterator[Stream]:
        """As Connector; `objects` may name mailboxes by address. While the directory does not
        answer, the mailboxes that it had last, and a stream that fails for it."""
        wanted = _addresses(objects)
        addresses, error = self.known()
        if error is not None:
            yield Unlisted(error)
        else:
            _meets(wanted, addresses)
        for address in addresses:
            if wanted and address not in wanted:
                continue
            client = self.client(address)
            yield MailboxStream(address, client, self._exclusions)
            if self.settings.topic:
                yield WatchStream(address, client, self._clock)

    def hinted(self, address: str, pushed: str) -> Stream:
        """The stream that answers a push."""
        return HintedStream(address, self.client(address), self._exclusions, pushed)

    def backfill(self, since: int, until: int, objects: Iterable[str] = ()) -> Iterator[Stream]:
        """Streams of what was received from `since` up to `until`, microseconds since the epoch."""
        wanted, addresses = _addresses(objects), self.mailboxes()
        _meets(wanted, addresses)
        for address in addresses:
            if not wanted or address in wanted:
                client = self.client(address)
                yield BackfillStream(address, client, self._exclusions, since, until)

    def counted(self) -> Tally:
        """The messages of all mailboxes that are read."""
        return messages(self.client(address) for address in self.mailboxes())

    def questions(self, days: Iterable[int]) -> Iterator[Question]:
        """As LiveConnector: in all alone, for Gmail only guesses at how many a search would find.
        https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list
        """
        yield Question("message", "profiles, without drafts", self.counted)

    def drift(self, cursors: CursorStore) -> Iterator[Finding]:
        """As LiveConnector: watches that are missing, or about to end."""
        if self.settings.topic:
            yield from lapsing(self.mailboxes(), self.settings.topic, cursors, self._clock())

    def comparison(self) -> Iterable[Stream]:
        """As LiveConnector: the history tells every deletion, or is read again whole."""
        return ()
