"""A warehouse with every table and view, made once a run of the tests: the embedded one takes some
ten seconds to be told of all views, and most tests are not about that."""

import fcntl
import os
import shutil
from functools import cache
from pathlib import Path

from embedded.warehouse import WarehouseServer
from warehouse.catalogue import provision_views
from warehouse.clients import bigquery_client
from warehouse.provision import provision


def provisioned(directory: Path) -> Path:
    """Makes the directory of such a warehouse, which must not hold one yet."""
    return Path(shutil.copytree(_made(), directory, dirs_exist_ok=True))


@cache
def _made() -> Path:
    shared = Path(os.environ["TESTS_SHARED"])
    done = shared / "provisioned"
    with (shared / "provisioned.lock").open("w") as lock:
        # Whoever comes second waits for the first; the lock of one that dies is let go.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _make(shared / f"provisioning-{os.getpid()}").rename(done)
    return done


def _make(directory: Path) -> Path:
    server = WarehouseServer(directory)
    client = bigquery_client(server.start())
    try:
        provision(client)
        provision_views(client)
    finally:
        client.close()
        server.stop()
    return directory
