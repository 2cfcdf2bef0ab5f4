"""The whole graph, bounded: the demo's mix through every step, into a sink or into nothing.

Figures: changes a second with rows thrown away after encoding, and with the embedded warehouse in a
process of its own; medians of three runs over the same changes, the first run not counted.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.mix import demo_mix
from embedded.warehouse import WarehouseServer
from pipelines.bounded import run_bounded
from pipelines.graph import Parts
from schemas.flow import Received
from transforms.settings import Settings, load_settings
from warehouse.clients import Endpoint, bigquery_client
from warehouse.provision import provision
from warehouse.sink import DiscardSink, OpenSink, StorageSink

CHANGES = 8_000
RUNS = 3


def _rate(messages: list[Received], settings: Settings, open_sink: OpenSink) -> float:
    rates = []
    for turn in range(RUNS + 1):
        # A message a run is another message: the ids differ, the changes are the same.
        batch = [
            Received(m.data, m.attributes, f"{turn}-{m.message_id}", m.publish_time)
            for m in messages
        ]
        began = time.perf_counter()
        run_bounded(partial(iter, batch), Parts(settings=settings, open_sink=open_sink))
        rates.append(len(batch) / (time.perf_counter() - began))
    return statistics.median(rates[1:])


def run(changes: int = CHANGES) -> dict[str, float]:
    """Changes a second: discarded, and into the embedded warehouse."""
    with tempfile.TemporaryDirectory() as directory:
        messages, settings_path = demo_mix(changes, Path(directory) / "company")
        settings = load_settings(settings_path)
        discard: Callable[[], DiscardSink] = DiscardSink
        figures = {"discarding_changes_per_s": _rate(messages, settings, discard)}
        server = WarehouseServer(Path(directory) / "warehouse")
        server.start()
        try:
            endpoint: Endpoint = server.endpoint
            provision(bigquery_client(endpoint))
            figures["warehouse_changes_per_s"] = _rate(
                messages, settings, StorageSink.opener(endpoint)
            )
        finally:
            server.stop()
    return figures


if __name__ == "__main__":
    print(run())
