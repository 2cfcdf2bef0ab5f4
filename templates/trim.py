"""Takes out of an image what is installed with its packages and that nothing of ours opens.

    python templates/trim.py /usr/local/lib/python3.11/site-packages

Descriptions of Google's APIs that we do not call, tests and headers of libraries: an eighth of all.
Whole packages stay: what is locked is there, and `pip check` holds.
"""

import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

APIS = frozenset({"gmail.v1.json", "admin.directory_v1.json"})
"""Described in files that connectors/gmail/client.py opens."""


def is_trimmed(file: str) -> bool:
    """Whether a file goes, by its path below site-packages."""
    parts = PurePosixPath(file).parts
    if parts[:3] == ("googleapiclient", "discovery_cache", "documents"):
        return parts[-1] not in APIS
    return (parts[0] == "numpy" and "tests" in parts) or parts[:2] in (
        ("pyarrow", "tests"),
        ("pyarrow", "include"),
    )


def trimmed(packages: Path) -> Iterator[Path]:
    """The files that go."""
    for path in packages.rglob("*"):
        if path.is_file() and is_trimmed(path.relative_to(packages).as_posix()):
            yield path


if __name__ == "__main__":
    for found in list(trimmed(Path(sys.argv[1]))):
        found.unlink()
