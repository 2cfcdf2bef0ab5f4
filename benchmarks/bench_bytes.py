"""What an event of the demo's mix weighs: as a message, and as rows by what they are kept for.

Figures are bytes an event of its kind, as the price lists of BigQuery and Pub/Sub count; those of
identity are spread over all events. `salesintel cost` goes by them: operations/costs/measured.toml.
https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes
https://cloud.google.com/pubsub/pricing
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.mix import demo_mix
from pipelines.bounded import run_bounded
from pipelines.graph import Parts
from schemas.columns import Row, columns
from schemas.flow import Received
from schemas.tables import BY_ROW
from transforms.settings import load_settings
from warehouse.cost import FIXED, TEXT
from warehouse.sink import DiscardSink

CHANGES = 8_000
BARS = {
    "mail_message_bytes": ("<=", 12_000.0),
    "record_message_bytes": ("<=", 2_000.0),
    "identity_bytes": ("<=", 1_000.0),
}
KINDS = {"gmail": "mail", "dialpad": "call"}
"""Source to the kind of its events; of all others they are records."""
TIME_BYTES, ID_BYTES = 20, 16
"""Of a message, besides its data and attributes."""
WATCHED = (
    "source",
    "message_id",
    "change_id",
    "attempt",
    "lane",
    "version_stamp",
    "publish_time",
    "written_at",
)
"""Columns of raw.changes that ops.health and ops.freshness read each time they are asked."""
FIRST_COPY = ("change_id", "attempt")
"""Those by which ops.health finds the first copy of a duplicate, in older partitions."""

_weighed: Counter[str] = Counter()
"""The graph runs in this process, and opens its sinks itself."""


class WeighingSink(DiscardSink):
    """Adds up what rows weigh, and drops them."""

    def write(self, rows: Sequence[Row]) -> None:
        """Weighs."""
        for row in rows:
            table = BY_ROW[type(row)]
            source = getattr(row, "source", None) or ""
            kind = "identity" if table.dataset == "identity" else KINDS.get(source, "record")
            _weighed[f"{kind} {table.retention or 'kept'}"] += weight(row)
            if table.id == "raw.changes":
                _weighed[f"{kind} changes"] += 1
                _weighed["watched"] += weight(row, WATCHED)
                _weighed["first copy"] += weight(row, FIRST_COPY)
        super().write(rows)


def weight(row: Row, names: Sequence[str] = ()) -> int:
    """Logical bytes of a row, or of some of its columns."""
    return sum(
        _of(getattr(row, column.name), column.kind)
        for column in columns(type(row))
        if not names or column.name in names
    )


def _of(value: Any, kind: str) -> int:
    if isinstance(value, tuple):
        return sum(_of(one, kind) for one in value)
    if kind in FIXED:
        return FIXED[kind]
    return TEXT + len(value.encode() if isinstance(value, str) else value or b"")


def message_bytes(message: Received) -> int:
    """What Pub/Sub counts of a message."""
    attributes = sum(len(k.encode()) + len(v.encode()) for k, v in message.attributes.items())
    return len(message.data) + attributes + TIME_BYTES + ID_BYTES


def _read(path: Path) -> Iterator[Received]:
    yield from msgspec.msgpack.decode(path.read_bytes(), type=list[Received])


def run(quick: bool = False) -> dict[str, float]:
    """Bytes an event, by kind and by what rows are kept for; and the mix that was measured."""
    _weighed.clear()
    guard = logging.getLogger("transforms.guard")
    level = guard.level
    with tempfile.TemporaryDirectory() as directory:
        messages, settings = demo_mix(1_000 if quick else CHANGES, Path(directory) / "company")
        path = Path(directory) / "messages"
        path.write_bytes(msgspec.msgpack.encode(messages))
        parts = Parts(settings=load_settings(settings), open_sink=WeighingSink)
        # The mix has its dead letters: they are not told of while this runs.
        guard.setLevel(logging.ERROR)
        try:
            run_bounded(partial(_read, path), parts)
        finally:
            guard.setLevel(level)
    return _figures(messages, _weighed)


def _figures(messages: Sequence[Received], weighed: Counter[str]) -> dict[str, float]:
    sizes: dict[str, list[int]] = {}
    for message in messages:
        source = message.attributes.get("ce-source", "").rpartition("/")[2]
        sizes.setdefault(KINDS.get(source, "record"), []).append(message_bytes(message))
    changes = sum(weighed[f"{kind} changes"] for kind in sizes)
    figures = {
        "watched_bytes": weighed["watched"] / changes,
        "first_copy_bytes": weighed["first copy"] / changes,
    }
    figures["identity_bytes"] = sum(
        total for name, total in weighed.items() if name.startswith("identity ")
    ) / len(messages)
    for kind, each in sorted(sizes.items()):
        figures[f"{kind}_share"] = len(each) / len(messages)
        figures[f"{kind}_message_bytes"] = sum(each) / len(each)
        for kept in ("raw", "bodies", "facts", "kept"):
            if total := weighed[f"{kind} {kept}"]:
                figures[f"{kind}_{kept}_bytes"] = total / len(each)
    return {name: round(value, 4) for name, value in figures.items()}
