"""The whole graph, bounded: the demo's mix through every step, into a sink or into nothing.

Figures: changes a second with rows thrown away after encoding, also with exact identifiers alone in
place of weighing, and with the embedded warehouse in a process of its own; medians of three runs
over the same changes, the first run not counted.
"""

import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.mix import demo_mix
from embedded.warehouse import WarehouseServer
from pipelines.bounded import run_bounded
from pipelines.graph import Parts
from schemas.flow import Received
from transforms.settings import Settings, load_settings
from warehouse.clients import Endpoint, bigquery_client
from warehouse.provision import provision
from warehouse.row_sink import OpenSink
from warehouse.sink import DiscardSink, StorageSink

CHANGES = 8_000
RUNS = 3
BARS = {
    "discarding_changes_per_s": (">=", 2_000.0),
    "warehouse_changes_per_s": (">=", 800.0),
}


def _messages(path: Path, turn: int) -> Iterator[Received]:
    """What the run reads: a message a run is another message, and the changes are the same."""
    for m in msgspec.msgpack.decode(path.read_bytes(), type=list[Received]):
        yield Received(m.data, m.attributes, f"{turn}-{m.message_id}", m.publish_time)


def _rate(path: Path, changes: int, settings: Settings, open_sink: OpenSink, runs: int) -> float:
    rates = []
    for turn in range(runs + 1):
        began = time.perf_counter()
        # From a file: a source that holds the messages would be pickled, and packed, with them.
        run_bounded(partial(_messages, path, turn), Parts(settings=settings, open_sink=open_sink))
        rates.append(changes / (time.perf_counter() - began))
    return statistics.median(rates[1:])


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """The mix has its dead letters: they are not told of while this runs."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def run(quick: bool = False) -> dict[str, float]:
    """Changes a second: discarded, and into the embedded warehouse."""
    changes, runs = (1_000, 1) if quick else (CHANGES, RUNS)
    with _quiet("transforms.guard"), tempfile.TemporaryDirectory() as directory:
        messages, settings_path = demo_mix(changes, Path(directory) / "company")
        settings = load_settings(settings_path)
        path = Path(directory) / "messages"
        path.write_bytes(msgspec.msgpack.encode(messages))
        discard: Callable[[], DiscardSink] = DiscardSink
        figures = {"discarding_changes_per_s": _rate(path, len(messages), settings, discard, runs)}
        exact = msgspec.structs.replace(settings, identity_model="exact")
        figures["exact_discarding_changes_per_s"] = _rate(path, len(messages), exact, discard, runs)
        server = WarehouseServer(Path(directory) / "warehouse")
        server.start()
        try:
            endpoint: Endpoint = server.endpoint
            provision(bigquery_client(endpoint))
            figures["warehouse_changes_per_s"] = _rate(
                path, len(messages), settings, StorageSink.opener(endpoint), runs
            )
        finally:
            server.stop()
    return figures


if __name__ == "__main__":
    print(run())
