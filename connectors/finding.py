"""What a check of a source has found: for `salesintel doctor`."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One check: what was looked at, whether it is well, what was found, and the fix."""

    what: str
    ok: bool
    found: str
    fix: str = ""


def not_looked_at(source: str, secrets: int) -> Finding:
    """That the secrets of a source's webhooks are not for who looks: another account takes these,
    and it alone may read them."""
    return Finding(f"{source} webhook", True, f"its secrets ({secrets}) are the webhooks' own")
