"""How much memory this machine has to spare."""

import re
from pathlib import Path

MEMINFO = Path("/proc/meminfo")


def free_bytes(meminfo: Path = MEMINFO) -> int | None:
    """What a program may still take without swapping; None where the system does not say.

    https://docs.kernel.org/filesystems/proc.html#meminfo
    """
    if not meminfo.exists():
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())
    return int(found.group(1)) * 1_024 if found else 0
