"""Who looks at who is who leaves a row in ops.audit, as who asks a question does.

The row stands longer than the people whom it is about, who may be erased: entities, models and
counts, and neither records nor names.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from operations.audit import Deed, audited
from operations.place import Place

NOTHING: Mapping[str, Any] = {}


@contextmanager
def looking(
    place: Place, file: Path | None, command: str, parameters: Mapping[str, Any] = NOTHING
) -> Iterator[Deed]:
    """Notes what is looked at within, in the warehouse of a place. A file of records is its
    owner's, and no warehouse need run beside it: that is not noted."""
    if file is not None:
        yield Deed()
        return
    with audited(place.reached().endpoint, command, parameters, must=False) as deed:
        yield deed
