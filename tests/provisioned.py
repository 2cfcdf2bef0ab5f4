"""A warehouse with every table and view, made once a process: the embedded one takes some ten
seconds to be told of all views, and most tests are not about that."""

import atexit
import shutil
import tempfile
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
    folder = Path(tempfile.mkdtemp(prefix="provisioned-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = WarehouseServer(folder / "warehouse", log=folder / "warehouse.log")
    client = bigquery_client(server.start())
    try:
        provision(client)
        provision_views(client)
    finally:
        client.close()
        server.stop()
    return folder / "warehouse"
