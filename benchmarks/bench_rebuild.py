"""A rebuild of every derived table from raw.changes, held against what was there.

The demo's mix goes through the graph into an embedded warehouse, and is then rebuilt as
`salesintel rebuild` does it. Figures: seconds of the whole and of its parts, changes a second, CPU
seconds of this process and of the warehouse's, the most memory that this process held.
SALESINTEL_REBUILD_CHANGES says how many changes.
"""

import os
import resource
import tempfile
import time
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.bench_graph import _messages, _quiet
from benchmarks.mix import demo_mix
from embedded.warehouse import WarehouseServer
from pipelines.bounded import run_bounded
from pipelines.graph import Parts
from pipelines.rebuild import rebuild
from transforms.settings import load_settings
from warehouse.clients import bigquery_client
from warehouse.provision import provision
from warehouse.sink import StorageSink

CHANGES = 200_000
IN_S = 300
QUICK_CHANGES = 500
SIZE_VARIABLE = "SALESINTEL_REBUILD_CHANGES"
BARS = {"rebuild_changes_per_s": (">=", CHANGES / IN_S)}


def run(quick: bool = False) -> dict[str, float]:
    """Loads, rebuilds, and asserts that nothing differs."""
    count = QUICK_CHANGES if quick else int(os.environ.get(SIZE_VARIABLE) or CHANGES)
    with _quiet("transforms.guard"), tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        messages, settings = demo_mix(count, directory / "company")
        path = directory / "messages"
        path.write_bytes(msgspec.msgpack.encode(messages))
        del messages
        server = WarehouseServer(directory / "warehouse")
        endpoint = server.start()
        try:
            client = bigquery_client(endpoint)
            provision(client)
            client.close()
            parts = Parts(settings=load_settings(settings), open_sink=StorageSink.opener(endpoint))
            run_bounded(partial(_messages, path, 0), parts)
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
            }
        finally:
            server.stop()
    if result.differing:
        raise RuntimeError(f"the rebuild differs: {result.compared}")
    parts_of = {f"{part.replace(' ', '_')}_s": s for part, s in result.seconds.items()}
    return {**figures, **parts_of}


if __name__ == "__main__":
    print(run())
