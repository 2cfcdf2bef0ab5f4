"""Children of a running stack that have to start anew: they are asked to end, and the supervisor
starts them again."""

import os
import signal

from embedded.directory import DataDirectory


def ask_to_restart(directory: DataDirectory, child: str) -> bool:
    """Whether there was such a child to ask."""
    pid = directory.read_health().get(child, {}).get("pid")
    if not isinstance(pid, int):
        return False
    os.kill(pid, signal.SIGTERM)
    return True
