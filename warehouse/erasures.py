"""The marks of ops.erasures, as every writer holds them: read again whenever they are too old.

By tabledata.list, which costs nothing and sees rows as soon as they are appended.
https://cloud.google.com/bigquery/pricing#data_extraction_pricing
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial

from google.api_core.exceptions import GoogleAPIError
from google.cloud import bigquery
from requests.exceptions import RequestException

from schemas.errors import RetriableError
from schemas.operations import Erasure
from schemas.tables import BY_ROW
from transforms.erasure import NOBODY, Marks, names_somebody
from transforms.forget import OpenKnown
from warehouse.clients import Endpoint, bigquery_client
from warehouse.settling import MARGIN_S, SENT_WITHIN_S
from warehouse.storage_write import LOG_EVERY_S, STREAM_TIMEOUT_S

log = logging.getLogger(__name__)

MARKS_AGE_S = 5.0
"""How old the marks may be that something is written under. What was published so long after an
erasure had been written is held against it by every writer."""

HELD_AGAINST_S = MARKS_AGE_S + SENT_WITHIN_S + STREAM_TIMEOUT_S + MARGIN_S
"""In the cloud: how long after an erasure has been written a row may still come that was not held
against it.

A writer holds rows against marks that are at most MARKS_AGE_S old, in the moment in which the sink
takes them, however long they have waited until then; and what a sink has taken it sends soon or
never (warehouse/settling.py). A row that is refused becomes a dead letter, which the sink takes
anew, only where the marks of that moment are those that its whole bundle was held against; else the
bundle comes again. So it does not matter where something of the person is meanwhile, in a
subscription, in a jammed job or in a message that is sought back to: whoever writes it later has
the marks. For what the resolver remembers there is no bound, and need not be: it is told to forget,
and what it says of them before that is held against the marks, as all else is. Only a writer that
is frozen for longer than MARGIN_S between the two, and goes on, could add a row after that: an
erasure that is begun again finds it.
"""

PAGE_ROWS = 5_000
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
_TABLE = BY_ROW[Erasure]


def read_marks(client: bigquery.Client, dataset_prefix: str = "") -> frozenset[str]:
    """All marks that stand: of the newest row of each part of an erasure, if it is not lifted."""
    name = f"{client.project}.{dataset_prefix}{_TABLE.id}"
    table = client.get_table(name, retry=None)
    rows = client.list_rows(table, page_size=PAGE_ROWS, retry=None)
    newest: dict[tuple[str, int], tuple[datetime, bool, list[str]]] = {}
    for row in rows:
        part = (row["erasure_id"], row["part"])
        said = (row["asked_at"], row["is_lifted"], row["marks"])
        if part not in newest or said > newest[part]:
            newest[part] = said
    return frozenset(mark for _, lifted, marks in newest.values() if not lifted for mark in marks)


def marks_shared_with(marks: Collection[str], standing: Iterable[Erasure]) -> frozenset[str]:
    """The marks of all erasures that stand and are about somebody whom these are of, too: what they
    were known by when such an erasure began, though it was broken off since."""
    of_persons = {mark for mark in marks if names_somebody(mark)}
    by_erasure: dict[str, set[str]] = {}
    for part in standing:
        if not part.is_lifted:
            by_erasure.setdefault(part.erasure_id, set()).update(part.marks)
    shared = (its for its in by_erasure.values() if not its.isdisjoint(of_persons))
    return frozenset[str]().union(*shared)


class StandingMarks:
    """Callable: the marks that stand, at most MARKS_AGE_S old.

    Where the warehouse does not answer nothing is known, so nothing may be written: it waits, and
    gives up with RetriableError after `give_up_after_s` (None: never).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        key: bytes,
        region: str,
        dataset_prefix: str = "",
        give_up_after_s: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = bigquery_client(endpoint)
        self._key = key
        self._region = region
        self._prefix = dataset_prefix
        self._give_up_after_s = give_up_after_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._marks = NOBODY
        self._read: frozenset[str] = frozenset()
        self._until = -1.0

    @staticmethod
    def opener(
        endpoint: Endpoint,
        key: bytes,
        region: str,
        dataset_prefix: str = "",
        give_up_after_s: float | None = None,
    ) -> OpenKnown:
        """What a step carries to its worker; `give_up_after_s` None = wait an outage out."""
        return partial(StandingMarks, endpoint, key, region, dataset_prefix, give_up_after_s)

    def __call__(self) -> Marks:
        """The marks."""
        now = self._monotonic()
        if now >= self._until:
            read = self._again(now)
            self._until = now + MARKS_AGE_S
            if read != self._read:
                self._read, self._marks = read, Marks(read, self._key, self._region)
        return self._marks

    def _again(self, began: float) -> frozenset[str]:
        wait, noted = FIRST_WAIT_S, 0.0
        while True:
            try:
                return read_marks(self._client, self._prefix)
            except (GoogleAPIError, RequestException) as error:
                away = self._monotonic() - began
                if self._give_up_after_s is not None and away >= self._give_up_after_s:
                    raise RetriableError(
                        f"ops.erasures cannot be read: {type(error).__name__}"
                    ) from error
                if away >= noted + LOG_EVERY_S:
                    noted = away
                    log.warning(
                        "waiting for the warehouse (ops.erasures: %s)", type(error).__name__
                    )
            self._sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)
