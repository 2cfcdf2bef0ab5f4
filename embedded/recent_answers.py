"""The answers that the embedded warehouse holds: those that somebody has asked for of late.

bqemulator holds the answer to every query, with all its rows, until its process ends or its job is
deleted: whoever watches the system asks every few minutes, for months. A client reads an answer
page by page, at once; BigQuery itself keeps one for a day.
https://cloud.google.com/bigquery/docs/cached-results
"""

import time
from collections.abc import Callable, MutableMapping
from typing import Any

KEPT_S = 600.0
"""Well above the time between two pages of whoever is slow to read."""


class RecentAnswers(dict[str, Any]):
    """Answers by the id of their job; one that nobody has asked for within `KEPT_S` goes with the
    next that comes, and its schema with it."""

    def __init__(
        self, schemas: MutableMapping[str, Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._schemas = schemas
        self._clock = clock
        self._asked: dict[str, float] = {}

    def __setitem__(self, job: str, answer: Any) -> None:
        """Takes an answer, and lets go of old ones."""
        now = self._clock()
        self._asked[job] = now
        super().__setitem__(job, answer)
        # The oldest come first; another thread may take one away meanwhile.
        for old, asked in list(self._asked.items()):
            if now - asked <= KEPT_S:
                break
            self.pop(old, None)
            self._schemas.pop(old, None)

    def __getitem__(self, job: str) -> Any:
        """The answer; KeyError where it is gone."""
        answer = super().__getitem__(job)
        self._seen(job)
        return answer

    def get(self, job: str, default: Any = None) -> Any:
        """The answer, or the default where it is gone."""
        answer = super().get(job, default)
        if job in self:
            self._seen(job)
        return answer

    def pop(self, job: str, *default: Any) -> Any:
        """Lets go of an answer."""
        self._asked.pop(job, None)
        return super().pop(job, *default)

    def _seen(self, job: str) -> None:
        self._asked.pop(job, None)
        self._asked[job] = self._clock()
