"""Dialpad as a source: its streams, live and backfilled."""

from collections.abc import Iterable, Iterator
from functools import partial

from connectors.cursors import CursorStore
from connectors.dialpad.calls import CallStream
from connectors.dialpad.client import DialpadClient
from connectors.dialpad.counts import questions
from connectors.dialpad.details import MINUTE_US, DetailStream
from connectors.dialpad.directory import DirectoryStream
from connectors.dialpad.listing import DAY_MS, HOUR_MS, CallList, Window
from connectors.dialpad.settings import OBJECTS, DialpadSettings
from connectors.dialpad.subscriptions import drifts
from connectors.exclusions import Excluder, Exclusions
from connectors.finding import Finding
from connectors.questions import Question
from connectors.stream import Stream
from schemas.change import Lane, Source
from schemas.errors import ConfigurationError

BACKFILLED = ("call", "transcript", "recap")
"""What has a time to fill back by; users and contacts are listed whole at every poll."""


class DialpadConnector:
    """One company. One thread at a time, as its client."""

    def __init__(
        self,
        settings: DialpadSettings,
        client: DialpadClient,
        exclusions: Exclusions | None = None,
    ) -> None:
        self._settings = settings
        self._client = client
        self.excluder = Excluder(exclusions or Exclusions())

    @property
    def source(self) -> Source:
        """As Connector."""
        return "dialpad"

    def streams(self, objects: Iterable[str] = ()) -> list[Stream]:
        """As Connector; `objects` of `OBJECTS`, else ConfigurationError."""
        wanted = tuple(objects) or self._settings.objects
        return [self._stream(kind) for kind in _known(wanted, OBJECTS)]

    def backfill(
        self, since_us: int | None, until_us: int | None, objects: Iterable[str] = ()
    ) -> list[Stream]:
        """Calls that started within the window, and their details; resumes where it broke off."""
        window = Window(
            None if since_us is None else since_us // 1_000,
            None if until_us is None else until_us // 1_000,
        )
        wanted = tuple(objects) or tuple(o for o in self._settings.objects if o in BACKFILLED)
        return [self._stream(kind, window) for kind in _known(wanted, BACKFILLED)]

    def questions(self, days: Iterable[int]) -> Iterator[Question]:
        """As LiveConnector."""
        return questions(self._client, self._settings.objects, days)

    def drift(self, cursors: CursorStore) -> Iterator[Finding]:
        """As LiveConnector: subscriptions that are not as wanted; none are where we have no
        address."""
        if self._settings.webhook_url:
            for one in drifts(self._client, self._settings):
                yield Finding(f"dialpad {one.kind} events", False, one.found, one.fix)

    def comparison(self) -> Iterable[Stream]:
        """As LiveConnector: users and contacts are listed whole at every round."""
        return ()

    def _stream(self, kind: str, window: Window | None = None) -> Stream:
        settings, client, excluder = self._settings, self._client, self.excluder
        name = f"dialpad/{kind}"
        if window is not None:
            name = f"dialpad/backfill/{kind}/{window.after_ms}-{window.before_ms}"
        if kind == "user":
            return DirectoryStream(name, kind, client.users, excluder, volatile=settings.volatile)
        if kind == "contact":
            return DirectoryStream(name, kind, client.contacts, excluder)
        calls = partial(
            CallList,
            client,
            overlap_ms=int(settings.overlap_h * HOUR_MS),
            remembered=settings.remembered,
            window=window,
        )
        lane: Lane = "live" if window is None else "backfill"
        if kind == "call":
            days = settings.first_days
            first = None if days is None else int(days * DAY_MS)
            return CallStream(name, calls(first_ms=first), excluder, lane)
        # A backfill asks for all it has queued; its budget slows it.
        return DetailStream(
            name,
            kind,
            client,
            calls(first_ms=int(settings.details_days * DAY_MS)),
            excluder,
            after_us=tuple(int(one * MINUTE_US) for one in settings.details_after_min),
            per_round=settings.details_per_round if window is None else 1_000_000,
            lane=lane,
        )


def _known(wanted: Iterable[str], known: tuple[str, ...]) -> list[str]:
    wanted = list(wanted)
    unknown = [one for one in wanted if one not in known]
    if unknown:
        raise ConfigurationError(
            f"dialpad: no {', '.join(unknown)} to read; there are {', '.join(known)}"
        )
    return wanted
