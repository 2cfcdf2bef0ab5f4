"""A rebuild of every derived table from raw.changes, held against what was there.

The demo's mix goes into an embedded warehouse, in a process of its own, and is then rebuilt as
`salesintel rebuild` does it. That the graph would have written the same is a matter of the tests.
Figures: seconds of the whole and of its parts, changes a second, CPU seconds of this process and of
the warehouse's, the most memory that either held. SALESINTEL_REBUILD_CHANGES says how many changes.
"""

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.bench_graph import _quiet
from benchmarks.mix import demo_mix
from embedded.warehouse import WarehouseServer
from pipelines.derive import resolve, write_rows
from pipelines.graph import Parts
from pipelines.rebuild import rebuild
from schemas.flow import Received
from transforms.settings import load_settings
from warehouse.clients import Endpoint, bigquery_client
from warehouse.provision import provision
from warehouse.sink import StorageSink

CHANGES = 200_000
IN_S = 300
QUICK_CHANGES = 500
SIZE_VARIABLE = "SALESINTEL_REBUILD_CHANGES"
PORTION = 5_000
BARS = {"rebuild_changes_per_s": (">=", CHANGES / IN_S)}


def load(endpoint: Endpoint, count: int, company: Path) -> Path:
    """Fills the tables; returns where the settings are."""
    messages, settings = demo_mix(count, company)
    parts = Parts(settings=load_settings(settings), open_sink=StorageSink.opener(endpoint))
    client = bigquery_client(endpoint)
    provision(client)
    with _quiet("transforms.guard"):
        write_rows(parts, _portions(messages), chosen=tuple)
        resolve(client, parts)
    client.close()
    return settings


def _portions(messages: list[Received]) -> Iterator[list[Received]]:
    return (messages[at : at + PORTION] for at in range(0, len(messages), PORTION))


def run(quick: bool = False) -> dict[str, float]:
    """Loads, rebuilds, and asserts that nothing differs."""
    count = QUICK_CHANGES if quick else int(os.environ.get(SIZE_VARIABLE) or CHANGES)
    with _quiet("transforms.guard"), tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        server = WarehouseServer(directory / "warehouse")
        endpoint = server.start()
        try:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
                settings = apart.submit(load, endpoint, count, directory / "company").result()
            parts = Parts(settings=load_settings(settings), open_sink=StorageSink.opener(endpoint))
            used, served = time.process_time(), server.cpu_seconds()
            began = time.perf_counter()
            result = rebuild(endpoint, parts)
            whole = time.perf_counter() - began
            figures = {
                "rebuild_changes_per_s": result.changes / whole,
                "rebuild_s": whole,
                "changes_count": float(result.changes),
                "rebuild_cpu_s": time.process_time() - used,
                "warehouse_cpu_s": server.cpu_seconds() - served,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000,
                "warehouse_peak_mb": server.peak_mb(),
            }
        finally:
            server.stop()
    if result.differing:
        raise RuntimeError(f"the rebuild differs: {result.compared}")
    parts_of = {f"{part.replace(' ', '_')}_s": s for part, s in result.seconds.items()}
    return {**figures, **parts_of}


if __name__ == "__main__":
    print(run())
