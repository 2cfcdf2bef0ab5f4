"""Hints from a Pub/Sub subscription: pulled in batches, held while they are read, acknowledged or
given back one by one."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from google.api_core import exceptions
from google.cloud import pubsub_v1

from connectors.fetching import Fetching
from connectors.poller import Outcome
from schemas.errors import RetriableError

log = logging.getLogger(__name__)

MOST = 500
"""Hints in one batch."""
PULL_S = 5.0
"""How long a pull waits for a first message."""
COALESCE_S = 1.0
"""How long further hints are gathered: what changes once mostly changes several times."""
HELD_S = 60
"""For so long no other fetcher has a hint, and then anew each third of that."""
CALL_S = 10.0
MOST_IDS = 2_000
"""In one call: an id has up to 200 bytes, a request of Pub/Sub 512 KB.
https://cloud.google.com/pubsub/quotas#resource_limits"""


class Pulled(NamedTuple):
    """A hint; `attempt` counts its deliveries, the first being 1."""

    ack_id: str
    data: bytes
    attempt: int


class Hints:
    """The hints of one subscription; `path` is projects/P/subscriptions/S."""

    def __init__(
        self,
        client: pubsub_v1.SubscriberClient,
        path: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._path = path
        self._monotonic = monotonic

    def gathered(self, wait_s: float = PULL_S) -> list[Pulled]:
        """A batch, those last that have failed before; empty where within `wait_s` seconds there is
        none. RetriableError where Pub/Sub does not answer."""
        batch = self._pull(MOST, wait_s)
        until = self._monotonic() + COALESCE_S
        while batch and len(batch) < MOST and (left := until - self._monotonic()) > 0:
            more = self._pull(MOST - len(batch), left)
            if not more:
                break
            batch += more
        return sorted(batch, key=lambda one: one.attempt)

    def answer(self, batch: Sequence[Pulled], fetching: Fetching, outcome: Outcome) -> int:
        """Has a batch read, acknowledges what is done with and gives back the rest, which comes
        again after the subscription's pause; returns how many were done with."""
        with self._held([one.ack_id for one in batch]):
            try:
                done = fetching.answer((one.data for one in batch), outcome)
            except BaseException:
                self._settle(self._give_back, [one.ack_id for one in batch])
                raise
        ended = [one.ack_id for one in batch if one.data in done]
        self._settle(self._give_back, [one.ack_id for one in batch if one.data not in done])
        self._settle(self._acknowledge, ended)
        return len(ended)

    def acknowledge(self, batch: Sequence[Pulled]) -> None:
        """Done with: they do not come again."""
        self._settle(self._acknowledge, [one.ack_id for one in batch])

    def give_back(self, batch: Sequence[Pulled]) -> None:
        """For another fetcher, or for later."""
        self._settle(self._give_back, [one.ack_id for one in batch])

    def _pull(self, most: int, wait_s: float) -> list[Pulled]:
        try:
            answer = self._client.pull(
                subscription=self._path, max_messages=most, timeout=wait_s, retry=None
            )
        except exceptions.DeadlineExceeded:
            return []
        except exceptions.NotFound:
            raise RetriableError(f"there is no subscription {self._path}") from None
        except exceptions.GoogleAPICallError as error:
            raise RetriableError(f"Pub/Sub does not answer: {type(error).__name__}") from None
        return [
            Pulled(one.ack_id, one.message.data, one.delivery_attempt)
            for one in answer.received_messages
        ]

    @contextmanager
    def _held(self, ack_ids: list[str]) -> Iterator[None]:
        """Within, they are delivered to nobody else, however long it takes."""
        ended = threading.Event()

        def extend() -> None:
            while not ended.wait(HELD_S / 3):
                self._settle(self._hold, ack_ids)

        thread = threading.Thread(target=extend, name="holds hints", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _settle(self, call: Callable[[list[str]], None], ack_ids: list[str]) -> None:
        """A call that fails costs a repetition and no more: hints come again by themselves."""
        for some in _parts(ack_ids):
            try:
                call(some)
            except exceptions.GoogleAPIError as error:
                log.warning("%d hints will come again: %s", len(some), type(error).__name__)

    def _acknowledge(self, ack_ids: list[str]) -> None:
        # By itself the client tries for a minute, and raises no error of a call in the end.
        self._client.acknowledge(
            subscription=self._path, ack_ids=ack_ids, timeout=CALL_S, retry=None
        )

    def _give_back(self, ack_ids: list[str]) -> None:
        self._modify(ack_ids, 0)

    def _hold(self, ack_ids: list[str]) -> None:
        self._modify(ack_ids, HELD_S)

    def _modify(self, ack_ids: list[str], seconds: int) -> None:
        self._client.modify_ack_deadline(
            subscription=self._path,
            ack_ids=ack_ids,
            ack_deadline_seconds=seconds,
            timeout=CALL_S,
            retry=None,
        )


def _parts(ack_ids: list[str]) -> Iterable[list[str]]:
    for start in range(0, len(ack_ids), MOST_IDS):
        yield ack_ids[start : start + MOST_IDS]
