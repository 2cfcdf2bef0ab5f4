"""The process of the embedded warehouse: bqemulator, without the copies that it makes of tables.

bqemulator 1.4.0 copies a table whole after every change of it, for `FOR SYSTEM_TIME AS OF`, and
drops the copies after seven days: time and disk grow with the square of a table's appends. Nothing
of ours asks for the past of a table, so here a change is announced and not copied.

This module imports nothing of the project: the process stays as small as it can be.
"""

import os
import sys

from bqemulator.cli import main as bqemulator
from bqemulator.domain.events import TableDataChanged
from bqemulator.versioning.snapshots import SnapshotManager


def _announce(self: SnapshotManager, project_id: str, dataset_id: str, table_id: str) -> None:
    self._events.publish(TableDataChanged(project_id, dataset_id, table_id))


def main() -> None:
    """Runs the server in the foreground; the arguments are those of `bqemulator start`."""
    # The cache of results holds up to 1,024 tables in memory, and a row that arrives while a query
    # runs does not take that query's result out of it.
    os.environ.setdefault("BQEMU_QUERY_CACHE_TTL_SECONDS", "0")
    if not hasattr(SnapshotManager, "record_change"):
        sys.exit("bqemulator has changed: look for what copies a table after each change of it")
    SnapshotManager.record_change = _announce  # type: ignore[method-assign]
    bqemulator(["start", *sys.argv[1:]], prog_name="bqemulator")


if __name__ == "__main__":
    main()
