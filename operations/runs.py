"""Runs of commands: one that outlives its stack says no more of it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from operations.console import StackGone
from warehouse import runs
from warehouse.clients import Endpoint
from warehouse.runs import RunNotes

__all__ = ["RunNotes", "noted_run"]


def noted_run(
    endpoint: Endpoint, command: str, detail: Mapping[str, Any] | None = None
) -> AbstractContextManager[RunNotes]:
    """A run from its start row to its end row, which says whether it failed."""
    return runs.noted_run(endpoint, command, detail, unsaid=StackGone)
