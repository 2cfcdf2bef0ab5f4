"""Reading files in tests: all changes and all bad inputs of what is below some paths."""

from pathlib import Path

from connectors.files import BadInput, ImportOptions, plan, read
from schemas.change import Change

AS_OF = 1_770_000_000_000_000


def imported(*paths: Path, **options: object) -> tuple[list[Change], list[BadInput]]:
    made = ImportOptions(**{"as_of": AS_OF, **options})
    changes: list[Change] = []
    bad: list[BadInput] = []
    for found in read(plan(paths, made), made):
        if isinstance(found, BadInput):
            bad.append(found)
        else:
            changes.append(found)
    return changes, bad
