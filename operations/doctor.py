"""`salesintel doctor`: whether this machine can run the system, or whether a source lets us read,
and the fix where not."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from rich.markup import escape
from rich.table import Table

from connectors.finding import Finding
from connectors.secrets import SecretStore
from embedded.directory import DataDirectory
from embedded.ports import free_port, is_free
from operations.console import console
from operations.memory import MEMINFO, free_bytes
from operations.place import Place
from pipelines.checks import ANY_KEY, checked_settings
from schemas.errors import SalesIntelError

ROOT = Path(__file__).resolve().parent.parent

OLDEST, TOO_NEW = (3, 11), (3, 13)
FREE_DISK_BYTES = 2_000_000_000
FREE_MEMORY_BYTES = 1_500_000_000


def check_python(found: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """The interpreter's version."""
    shown = ".".join(map(str, found))
    return Finding(
        "Python", OLDEST <= found < TOO_NEW, shown, "install Python 3.11 or 3.12: make PYTHON=…"
    )


def check_packages(lock: Path = ROOT / "requirements-local.txt") -> Finding:
    """Installed packages against the lock."""
    fix = "make setup"
    if not lock.exists():
        return Finding("packages", True, "no lock here to compare with")
    wrong = []
    for pin in _pins(lock):
        wanted = str(pin.specifier).removeprefix("==")
        try:
            if version(pin.name) != wanted:
                wrong.append(f"{pin.name} {version(pin.name)} instead of {wanted}")
        except PackageNotFoundError:
            wrong.append(f"{pin.name} is missing")
    return Finding("packages", not wrong, "; ".join(wrong[:3]) or "as locked", fix)


def _pins(lock: Path) -> Iterator[Requirement]:
    """The pins of a lock that are for this system and this Python."""
    for line in lock.read_text("utf-8").splitlines():
        if line[:1].isalnum():
            pin = Requirement(line.removesuffix("\\"))
            if pin.marker is None or pin.marker.evaluate():
                yield pin


def check_disk(directory: Path) -> Finding:
    """Free space where the data goes."""
    free = shutil.disk_usage(_nearest(directory)).free
    return Finding(
        "disk",
        free > FREE_DISK_BYTES,
        f"{free / 1e9:.1f} GB free",
        "free some space, or name another place with --data",
    )


def _nearest(path: Path) -> Path:
    """The path, or the folder nearest to it that there is."""
    return next(p for p in (path.resolve(), *path.resolve().parents) if p.exists())


def check_memory(meminfo: Path = MEMINFO) -> Finding:
    """Memory that is available."""
    free = free_bytes(meminfo)
    if free is None:
        return Finding("memory", True, "unknown on this system")
    return Finding(
        "memory", free > FREE_MEMORY_BYTES, f"{free / 1e9:.1f} GB available", "close something"
    )


def check_ports() -> Finding:
    """Whether servers can listen on the loopback address."""
    try:
        ok = is_free(free_port())
    except OSError:
        ok = False
    return Finding("ports", ok, "127.0.0.1", "allow servers on 127.0.0.1 on this machine")


def check_settings(settings: Path | None) -> Finding:
    """The settings file."""
    try:
        found = checked_settings(settings, ANY_KEY)
    except SalesIntelError as error:
        return Finding("settings", False, str(error), "mend the file, or name another")
    shown = str(settings) if settings else "defaults (no salesintel.toml here)"
    if not found.own_domains:
        shown += "; own_domains is empty: colleagues count as customers"
    return Finding("settings", True, shown)


def check_directory(directory: DataDirectory) -> Finding:
    """The data directory: free, in use, or of another version; what is none stays as it is."""
    there = _nearest(directory.path)
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Finding("data", False, f"{there} is no folder to write to", "name another, --data")
    if not (directory.path / "format.json").exists():
        return Finding("data", True, f"{directory.path} will be made")
    try:
        stack = directory.stack()
        return Finding("data", True, f"{directory.path}, a stack runs: process {stack.pid}")
    except SalesIntelError:
        pass
    try:
        directory.open()
        directory.close()
    except SalesIntelError as error:
        return Finding("data", False, str(error), "see the message")
    return Finding("data", True, f"{directory.path}, not in use")


def findings(directory: DataDirectory, settings: Path | None) -> Iterator[Finding]:
    """All checks."""
    yield check_python()
    yield check_packages()
    yield check_disk(directory.path)
    yield check_memory()
    yield check_ports()
    yield check_settings(settings)
    yield check_directory(directory)


def source_findings(source: str, settings: Path | None, place: Place) -> Iterator[Finding]:
    """What a source says to harmless calls; a single one where it is not set up."""
    # The clients of all vendors: a second that the machine's own checks do not need.
    from connectors.sources import check_of, known, load_sources

    known(source)
    try:
        secrets = SecretStore(place.opens_secrets, cloud=place.cloud)
        # In the cloud those of webhooks are read by the account that takes them, and no other.
        webhooks = None if place.cloud else secrets
        yield from check_of(source, load_sources(settings), secrets, webhooks)
    except SalesIntelError as error:
        yield Finding(f"{source} settings", False, str(error), "see the message")


def doctor(directory: DataDirectory, settings: Path | None) -> bool:
    """Prints; True where nothing has to be mended."""
    return show_findings(findings(directory, settings))


def doctor_of(source: str, settings: Path | None, place: Place) -> bool:
    """Prints what a source says; True where nothing has to be mended. ConfigurationError where
    there is no such source."""
    return show_findings(source_findings(source, settings, place))


def show_findings(found: Iterable[Finding]) -> bool:
    """A table of them; True where all are well."""
    table = Table(show_edge=False)
    for heading in ("check", "", "found", "fix"):
        table.add_column(heading)
    well = True
    for one in found:
        well = well and one.ok
        mark = "[green]ok[/green]" if one.ok else "[red]no[/red]"
        table.add_row(escape(one.what), mark, escape(one.found), "" if one.ok else escape(one.fix))
    console.print(table)
    return well
