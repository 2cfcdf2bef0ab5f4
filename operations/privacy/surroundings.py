"""What an erasure does besides the tables, and waits for: other things on one machine and in the
cloud."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from google.cloud import bigquery

from connectors.erasable_bucket import erasable_bucket
from operations.privacy.erasing_here import OneMachine
from operations.privacy.erasing_there import InTheCloud
from operations.privacy.person import Scene
from transforms.traces import Spot, Traces
from warehouse.erase import Elsewhere


class Surroundings(Elsewhere, Protocol):
    """Of one erasure."""

    @property
    def takes(self) -> str:
        """How long it takes, where that is longer than a person waits."""
        ...

    @property
    def searched(self) -> str:
        """What the proof has searched, in words."""
        ...

    @property
    def elsewhere(self) -> str:
        """What holds the person still, and until when, a line each."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keeps out, while it is open, whoever else takes rows away, where that can be done."""
        ...

    def refuse_unreached(self) -> None:
        """ConfigurationError where rows name payloads that lie where nothing is searched."""
        ...

    def until_quiet(self) -> None:
        """Returns when no check of the rules is at work: what it keeps of rows that it has read
        before is not held against marks."""
        ...

    def until_jobs_end(self) -> None:
        """Returns when nothing is at work that writes or publishes what it has read before: it was
        found in no table, and names the person in texts that are held against no mark."""
        ...

    def clear_copies(self) -> None:
        """Leaves nothing in the current tables, nor to whoever fills them just now."""
        ...

    def until_taken(self, missing: Callable[[], int]) -> int:
        """Waits for the parts of an order in ops.erasures; how many are still missing."""
        ...

    def until_held(self, marks: Sequence[str], *, restored: bool = False) -> None:
        """Returns when whatever the stream or a job writes was held against these marks, which
        stand there; `restored`: they may have come back only now, with rows that are older.

        Commands note themselves in ops.runs, ops.audit and ops.readers without that: what names the
        person there is emptied by the last passes, and what is noted later is found by none."""
        ...

    def search(self, traces: Traces) -> list[Spot]:
        """Where the person is found outside the tables."""
        ...

    def is_foreign(self, place: str) -> bool:
        """Whether a place that was found is nothing of ours: no erasure changes it."""
        ...

    def renew(self) -> None:
        """Gets rid of what deleted rows leave behind, where that is in our hands."""
        ...


def surroundings_of(scene: Scene, client: bigquery.Client) -> Surroundings:
    """Those of a place; ConfigurationError where nobody said where its payloads lie."""
    directory = scene.place.directory
    if directory is not None:
        return OneMachine(directory, client)
    return InTheCloud(client, erasable_bucket(scene.place.objects()))
