"""`salesintel import`: files into the stream, by the way that live changes take."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from google.cloud import bigquery
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from connectors.files import BadInput, ImportOptions, ImportPlan, bad_input_message, plan, read
from connectors.objects import FolderStore
from connectors.publisher import ChangePublisher, publisher_client
from embedded.directory import DataDirectory
from operations.console import console, running
from operations.runs import noted_run
from operations.waiting import accounted, until_accounted, until_written
from schemas.clock import wall_clock
from warehouse.clients import bigquery_client


class Imported(NamedTuple):
    """What an import published: changes, and inputs that no reader could take."""

    changes: int
    bad: int

    @property
    def messages(self) -> int:
        """All messages."""
        return self.changes + self.bad


def show_plan(found: ImportPlan) -> None:
    """What will be read: file by file, or by kind where there are many."""
    table = Table(title="To import", show_edge=False)
    table.add_column("file" if len(found.entries) <= MOST_SHOWN else "files")
    table.add_column("kind")
    table.add_column("size", justify="right")
    if len(found.entries) <= MOST_SHOWN:
        for entry in found.entries:
            table.add_row(escape(entry.name), str(entry.kind), f"{entry.size / 1_000:,.0f} kB")
    else:
        counts, sizes = Counter[str](), Counter[str]()
        for entry in found.entries:
            counts[str(entry.kind)] += 1
            sizes[str(entry.kind)] += entry.size
        for kind, count in counts.most_common():
            table.add_row(f"{count:,}", kind, f"{sizes[kind] / 1_000:,.0f} kB")
    console.print(table)
    for refused in found.refused[:MOST_SHOWN]:
        console.print(
            f"[yellow]left out:[/yellow] {escape(refused.name)}: {escape(refused.reason)}"
        )
    if len(found.refused) > MOST_SHOWN:
        console.print(f"… and {len(found.refused) - MOST_SHOWN:,} more files left out")


MOST_SHOWN = 20
MOST_NAMED = 10_000
"""Files that a run names, 200 kB in all; letters about others stay open."""


def import_files(
    directory: DataDirectory,
    paths: Iterable[Path],
    options: ImportOptions,
    *,
    wait: bool = True,
    quiet: bool = False,
) -> Imported:
    """Publishes what is in the files; returns when it is written, or with `wait` off published."""
    stack, endpoint = running(directory)
    found = plan(paths, options)
    if not quiet:
        show_plan(found)
    client: bigquery.Client = bigquery_client(endpoint)
    before = accounted(client)
    with noted_run(endpoint, "import", {"files": len(found.entries), "bytes": found.size}) as run:
        publisher = ChangePublisher(
            publisher_client(), stack.project, FolderStore(directory.objects)
        )
        bad = 0
        with _bar("published") as bar:
            task = bar.add_task("reading", total=found.size)
            for one in read(found, options, lambda count: bar.advance(task, count)):
                if isinstance(one, BadInput):
                    bad += 1
                    publisher.publish_message(*bad_input_message(one))
                else:
                    publisher.publish(one)
                    run.changes += 1
                run.failed = bad
            publisher.flush()
        published = wall_clock()
        imported = Imported(run.changes, bad)
        if wait:
            with console.status("writing …") as status:
                until_accounted(
                    client,
                    before + imported.messages,
                    lambda count: status.update(
                        f"writing … {count - before:,} of {imported.messages:,}"
                    ),
                    directory=directory,
                )
                until_written(directory, published)
        # Letters about these files are settled: what is still wrong in them is a letter of its own.
        run.detail["read"] = sorted({entry.file_id for entry in found.entries})[:MOST_NAMED]
    client.close()
    return imported


def _bar(verb: str) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
