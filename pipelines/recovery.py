"""Seek to the low-water mark: how a pipeline on one machine goes on after it was killed.

Messages are acknowledged after they are written (embedded/reader.py), so nothing is lost without
this; but what the killed process had pulled stays leased to it until the deadline. A seek to the
mark gives it back at once. Everything published before the mark is fully written.
"""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.clock import MAX_US, from_us
from schemas.topology import DECISIONS_SUBSCRIPTION, PIPELINE_SUBSCRIPTIONS

log = logging.getLogger(__name__)

MARGIN_US = 120_000_000
"""How far before the mark to seek: twice the ack deadline, so that a message whose delivery was
lost on the way, and which is therefore still waiting for its redelivery, is not passed over."""


def read_marks(path: Path) -> dict[str, int]:
    """Subscription to low-water mark, in microseconds; empty where there is none to trust."""
    try:
        marks = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(marks, dict):
        return {}
    return {str(name): mark for name, mark in marks.items() if _is_moment(mark)}


def written_until(path: Path) -> int:
    """The moment (microseconds) before which all that was published is written; 0 where any of the
    pipeline's subscriptions has no mark yet, for what waits in that one is not known."""
    marks = {name.rsplit("/", 1)[-1]: mark for name, mark in read_marks(path).items()}
    return min(marks.get(one.name, 0) for one in (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION))


def _is_moment(mark: object) -> bool:
    return isinstance(mark, int) and not isinstance(mark, bool) and 0 < mark <= MAX_US


def seek_back(
    subscriber: Any, marks: dict[str, int], timeout_s: float = 30.0
) -> dict[str, datetime]:
    """Seeks every subscription to its mark less the margin; returns where each was set."""
    sought = {}
    for subscription, mark in marks.items():
        moment = from_us(max(mark - MARGIN_US, 0)).astimezone(UTC)
        subscriber.seek(request={"subscription": subscription, "time": moment}, timeout=timeout_s)
        log.info("sought %s back to %s", subscription.rsplit("/", 1)[-1], moment.isoformat())
        sought[subscription] = moment
    return sought
