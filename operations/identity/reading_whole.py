"""Reading who is who whole: whether it finds room here, and what is said where it fails.

Each query has its limits of time and of bytes (warehouse/latest.py). What those do not bound is the
memory of the machine that asks.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core.exceptions import Forbidden, GoogleAPICallError
from google.cloud import bigquery

from operations.console import NO_ANSWER
from operations.memory import free_bytes
from operations.place import Place
from schemas.errors import ConfigurationError, RetriableError
from warehouse.query import run_own, words_of

BYTES_A_RECORD = 6_000
"""A record as it is read, its link, and what the engine makes of them: 3.9 to 4.7 KB of synthetic
people, 50,000 to 150,000 of them; real ones have more to say."""
PUBLISHED = (
    "`salesintel candidates` and `salesintel query identity.evidence_latest` ask the warehouse for "
    "what is published, and need none of it"
)
_RECORDS = "SELECT COUNT(DISTINCT record_key) AS n FROM `identity.records`"


def check_room(client: bigquery.Client, bytes_a_record: int = BYTES_A_RECORD) -> None:
    """ConfigurationError where the records of a warehouse are more than this machine's memory has
    room for: the system would end the command in the middle, without a word."""
    free = free_bytes()
    if free is None:
        return
    records = run_own(client, _RECORDS).rows[0]["n"]
    takes = records * bytes_a_record
    if takes > free:
        raise ConfigurationError(
            f"{records:,} records take about {takes / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free: ask from a larger machine; {PUBLISHED}"
        )


@contextmanager
def reading_whole(place: Place) -> Iterator[None]:
    """What fails within, in the cloud, as one line with a way out. Of a stack on this machine
    `spoken_errors` has it."""
    try:
        yield
    except (GoogleAPICallError, *NO_ANSWER) as error:
        if not place.cloud:
            raise
        told = isinstance(error, GoogleAPICallError)
        words = words_of(error) if told else type(error).__name__
        if isinstance(error, Forbidden):
            raise ConfigurationError(
                f"who is who cannot be read ({words}): account `steward` may; {PUBLISHED}"
            ) from error
        raise RetriableError(
            f"who is who did not come whole ({words}): ask again, from nearer to the warehouse "
            f"where it was late; {PUBLISHED}"
        ) from error
