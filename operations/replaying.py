"""How `salesintel replay` looks to a person: what would be done first, then the doing."""

from collections import Counter

from rich.table import Table

from connectors.objects import FolderStore
from connectors.publisher import ChangePublisher, publisher_client
from embedded.directory import DataDirectory
from operations.console import console, running
from operations.runs import noted_run
from pipelines.replay import Replayed, Selection, dead_letters, message_of, replay
from warehouse.clients import bigquery_client


def replaying(
    directory: DataDirectory, chosen: Selection, objects: FolderStore, *, dry_run: bool
) -> Replayed | None:
    """Shows the letters by kind; publishes them unless it is a dry run."""
    stack, endpoint = running(directory)
    client = bigquery_client(endpoint)
    letters = list(dead_letters(client, chosen))
    client.close()
    if not letters:
        console.print("no dead letters of that kind")
        return None
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
    if dry_run:
        console.print("Nothing has been done: add --yes.")
        return None
    with noted_run(endpoint, "replay", {"letters": len(letters)}) as run:
        publisher = ChangePublisher(publisher_client(), stack.project, objects)
        done = replay(letters, publisher, objects)
        run.changes, run.skipped = done.published, done.left
    console.print(f"[green]{done.published:,} published[/green], {done.left:,} left as they are")
    return done
