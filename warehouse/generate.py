"""Writes docs/views.md from the metadata of the views.

`make views-docs` runs it; a test fails when what is committed is stale.
"""

from collections.abc import Iterator
from pathlib import Path

from schemas.generate import ROOT
from schemas.tables import DATASETS
from warehouse.catalogue import View, views

TARGET = ROOT / "docs" / "views.md"

_HEAD = """# Views

Made by `make views-docs` from warehouse/views/; do not edit. The rule of each view stands in full
at the top of its `view.sql`. `salesintel query VIEW` reads one in its own order; `--account` and
`--since` narrow those that say so, `--search` finds words. Times are UTC.

Cost is what a query scans: current records (small), a log (medium), all interactions (large).
Operators' views are what the others are made of, and for who looks after the system.
"""
_COLUMNS = (
    "| view | what it shows | readers | cost | how fresh | narrowed by |\n|---|---|---|---|---|---|"
)


def markdown() -> str:
    """docs/views.md: a table a dataset, those of reps and managers first."""
    parts = [_HEAD]
    for dataset in DATASETS:
        found = [view for view in views().values() if view.id.startswith(f"{dataset}.")]
        if not found:
            continue
        rows = "\n".join(_row(view) for view in sorted(found, key=_place))
        parts.append(f"## {dataset}\n\n{DATASETS[dataset]}\n\n{_COLUMNS}\n{rows}\n")
    return "\n".join(parts)


def _place(view: View) -> tuple[bool, str]:
    return view.metadata.readers == ("operator",), view.id


def _row(view: View) -> str:
    about = view.metadata
    cells = (
        f"`{view.id}`",
        about.description.rstrip("."),
        ", ".join(f"{reader}s" for reader in about.readers),
        about.cost,
        about.freshness,
        ", ".join(_options(view)) or "–",
    )
    return f"| {' | '.join(cells)} |"


def _options(view: View) -> Iterator[str]:
    if view.metadata.account:
        yield "account"
    if view.metadata.since:
        yield f"since ({view.metadata.since})"
    if view.metadata.narrowed and view.metadata.narrowed.texts:
        yield "search"


def main(target: Path = TARGET) -> None:
    """Writes the file."""
    target.write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
