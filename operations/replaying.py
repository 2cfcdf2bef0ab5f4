"""How `salesintel replay` looks to a person: what would be done first, then the doing."""

from collections import Counter

from google.cloud import bigquery
from rich.table import Table

from connectors.objects import FolderStore
from connectors.publisher import ChangePublisher, publisher_client
from embedded.directory import DataDirectory
from operations.console import console, running
from operations.runs import noted_run
from pipelines.replay import Selection, dead_letters, message_of, replay
from schemas.operations import DeadLetter
from warehouse.clients import bigquery_client
from warehouse.other_runs import ERASURES, OtherRuns


def replaying(
    directory: DataDirectory, chosen: Selection, objects: FolderStore, *, dry_run: bool
) -> None:
    """Shows the letters by kind; publishes them unless it is a dry run."""
    stack, endpoint = running(directory)
    with bigquery_client(endpoint) as client:
        if dry_run:
            if _shown(client, chosen, objects):
                console.print("Nothing has been done: add --yes.")
            return
        with noted_run(endpoint, "replay") as run:
            # What an erasure has taken out of the letters since would be published all the same.
            OtherRuns(client, ERASURES).refuse()
            letters = _shown(client, chosen, objects)
            run.detail["letters"] = len(letters)
            done = replay(
                letters, ChangePublisher(publisher_client(), stack.project, objects), objects
            )
            run.changes, run.skipped = done.published, done.left
    if letters:
        left = f"{done.left:,} left as they are"
        console.print(f"[green]{done.published:,} published[/green], {left}")


def _shown(client: bigquery.Client, chosen: Selection, objects: FolderStore) -> list[DeadLetter]:
    """The letters that are meant, once a person has seen what they are."""
    letters = list(dead_letters(client, chosen))
    if not letters:
        console.print("no dead letters of that kind")
        return []
    kinds = Counter(
        (
            letter.stage,
            letter.error_type,
            letter.source or "–",
            "yes" if message_of(letter, objects) else "no: mend the input and import it again",
        )
        for letter in letters
    )
    table = Table(title=f"{len(letters):,} dead letters", show_edge=False)
    for heading in ("stage", "error", "source", "can be replayed"):
        table.add_column(heading)
    table.add_column("letters", justify="right")
    for (stage, error, source, can), count in sorted(kinds.items()):
        table.add_row(stage, error, source, can, f"{count:,}")
    console.print(table)
    return letters
