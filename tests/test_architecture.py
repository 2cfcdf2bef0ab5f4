"""The rooms depend one way, and no file has grown too big to find anything in."""

import ast
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "schemas": set(),
    "connectors": {"schemas"},
    "transforms": {"schemas"},
    "warehouse": {"schemas", "connectors", "transforms"},
    "pipelines": {"schemas", "connectors", "transforms", "warehouse"},
    "embedded": {"schemas", "connectors", "transforms", "warehouse", "pipelines"},
    "sandbox": {"schemas", "connectors", "transforms", "warehouse", "pipelines", "embedded"},
    "operations": {
        "schemas",
        "connectors",
        "transforms",
        "warehouse",
        "pipelines",
        "embedded",
        "sandbox",
    },
}
MOST_LINES = 400
PLAIN_ROOMS = (
    "transforms/identity",
    "transforms/identifiers",
    "transforms/normalise",
    "transforms/mime",
)


def imported_modules(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return modules


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_from_rooms_before_it(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}
    wrong = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(room)
        for module in imported_modules(path)
        if (top := module.split(".")[0]) in MAY_IMPORT and top not in allowed
    }
    assert not wrong


@pytest.mark.parametrize("room", PLAIN_ROOMS)
def test_business_rules_know_nothing_of_beam_http_or_sql(room: str) -> None:
    forbidden = {"apache_beam", "google", "requests", "grpc", "sqlite3", "httplib2"}
    wrong = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(room)
        for module in imported_modules(path)
        if module.split(".")[0] in forbidden
    }
    assert not wrong


def test_no_file_is_too_long_and_most_are_short() -> None:
    lengths = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for room in MAY_IMPORT
        for path in sources(room)
        if path.name != "__init__.py"
    }
    assert not {path: lines for path, lines in lengths.items() if lines > MOST_LINES}
    assert median(lengths.values()) <= 150
