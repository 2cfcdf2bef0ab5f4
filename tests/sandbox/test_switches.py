"""The switchboard's names are those that the code knows, and the docs have them all."""

import re
from pathlib import Path

import pytest

from sandbox.vendors.switches import EVERYWHERE, SWITCHES

ROOT = Path(__file__).resolve().parents[2]
VENDORS = ROOT / "sandbox" / "vendors"
VARIABLE = {
    'f"http_{status}"': {"http_500", "http_503"},
    'f"part_{status}"': {"part_429", "part_500", "part_404"},
    'f"edge_{status}"': {"edge_406", "edge_420"},
    # (name, …) of a table beside it.
    "fault": {"bulk_failed", "bulk_aborted"},
    "name": {
        "session_expired",
        "request_limit",
        "forbidden",
        "api_disabled",
        "query_timeout",
        "too_large",
        "locator_gone",
        "locked",
    },
}


def struck(*paths: Path) -> set[str]:
    """Names that code asks for."""
    found: set[str] = set()
    for path in paths:
        text = path.read_text("utf-8")
        for given in re.findall(r"strikes\((f?\"[^\"]+\"|\w+)[,)]", text):
            names = VARIABLE.get(given, {given.strip('"')})
            assert all(f'"{one}"' in text for one in names) or given.startswith('f"'), given
            found |= names
    return found


def test_every_server_has_the_common_switches() -> None:
    assert struck(VENDORS / "server.py") == EVERYWHERE.keys()


@pytest.mark.parametrize("vendor", SWITCHES)
def test_every_switch_that_the_code_asks_for_is_listed(vendor: str) -> None:
    assert struck(*sorted((VENDORS / vendor).glob("*.py"))) == SWITCHES[vendor].keys()


def test_the_docs_have_every_switch() -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
    for switches in (EVERYWHERE, *SWITCHES.values()):
        for name, what in switches.items():
            assert f"| `{name}` | {what} |" in page
