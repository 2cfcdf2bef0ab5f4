"""What a check of a source has found: for `salesintel doctor`."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One check: what was looked at, whether it is well, what was found, and the fix."""

    what: str
    ok: bool
    found: str
    fix: str = ""
