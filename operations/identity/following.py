"""What follows a decision, waited for: on one machine until the pipeline says that all is written,
in the cloud until it is to be seen.

In the cloud nothing says that all rows of a moment are written but the bound that every writer
keeps to (warehouse/settling.py), and half an hour is too long for who has decided something. So the
rows themselves are looked for: those of the decisions, then links that are as was decided. Other
rows that follow (entities, pairs, the feed) go to their tables beside the links. Where decisions
contradict one another links may never be so: that is said then, and not waited for.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TypeVar

from google.cloud import bigquery

from operations.identity.naming import links
from operations.place import Place
from operations.waiting import STILL_S, until_written
from schemas.clock import wall_clock
from schemas.decision import Decided
from schemas.errors import RetriableError
from warehouse.query import run_sql

LOOKS_EVERY_S = 2.0
SEEN_WITHIN_S = 30.0
"""A stream that runs has links written within seconds of their decision."""

_WRITTEN = """
SELECT COUNT(DISTINCT decision_id) AS n, UNIX_MICROS(MIN(publish_time)) AS since
FROM `identity.overrides`
WHERE decision_id IN UNNEST(@ids)
"""

T = TypeVar("T")
Links = Mapping[str, str]
"""Record to entity."""


class Followed(NamedTuple):
    """How far it has come."""

    links: Links
    """Of the records and entities that it is about, now."""
    since: int
    """When Pub/Sub took the first of the decisions, by its clock (microseconds): no revision of
    what follows is older, whatever the clock here says."""
    is_whole: bool
    """Whether nothing more comes, which is known on one machine alone."""
    is_seen: bool
    """Whether the links are as was decided or, where that was taken back, other than before."""


class Patience(NamedTuple):
    """How long is waited in the cloud, and by which clock; a test has its own."""

    written_s: float = STILL_S
    seen_s: float = SEEN_WITHIN_S
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


PATIENCE = Patience()


def until_followed(
    place: Place,
    client: bigquery.Client,
    decisions: Sequence[Decided],
    entities: Collection[str],
    before: Links,
) -> Followed:
    """Waits for what follows decisions that are published, about these entities, whose links were
    as `before`; RetriableError where the decisions themselves are not written."""
    ids = [one.decision_id for one in decisions]
    records = {key for one in decisions for key in (one.left_key, one.right_key)} | set(before)

    def written() -> dict[str, int]:
        return run_sql(client, _WRITTEN, {"ids": ids}).rows[0]

    def now() -> Links:
        return links(client, entities, records)

    if place.directory is not None:
        until_written(place.directory, wall_clock())
        found = written()
        if found["n"] < len(ids):
            raise RetriableError(
                f"{len(ids) - found['n']} of {len(ids)} decisions did not get through: see "
                "`salesintel query ops.dead_letters_summary`"
            )
        return Followed(now(), found["since"], is_whole=True, is_seen=True)
    waits = PATIENCE
    found = _awaited(written, lambda found: found["n"] == len(ids), waits.written_s, waits)
    if found["n"] < len(ids):
        raise RetriableError(
            f"{len(ids) - found['n']} of {len(ids)} decisions are not in identity.overrides after "
            f"{waits.written_s:.0f} s. They are published, and take hold when the stream reads "
            "them: see that it runs (runbooks/pipeline-not-running.md), and in `salesintel query "
            "ops.dead_letters_summary` whether one was refused"
        )
    after = _awaited(now, lambda after: follows(decisions, before, after), waits.seen_s, waits)
    seen = follows(decisions, before, after)
    return Followed(after, found["since"], is_whole=False, is_seen=seen)


def follows(decisions: Sequence[Decided], before: Links, now: Links) -> bool:
    """Whether links are as was decided. A record that is gone meanwhile is in the way of nothing;
    of what is taken back nobody knows here what it leads to, but that something moves."""
    if any(one.verdict == "withdrawn" for one in decisions):
        return any(now.get(key) != entity_id for key, entity_id in before.items())
    return all(
        (now[one.left_key] == now[one.right_key]) == (one.verdict == "same")
        for one in decisions
        if one.left_key in now and one.right_key in now
    )


def _awaited(
    ask: Callable[[], T], enough: Callable[[T], bool], within_s: float, waits: Patience
) -> T:
    """The first answer that is enough, or the last one within the time."""
    deadline = waits.clock() + within_s
    while not enough(found := ask()) and waits.clock() < deadline:
        waits.pause(LOOKS_EVERY_S)
    return found
