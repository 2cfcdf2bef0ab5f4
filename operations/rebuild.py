"""`salesintel rebuild`: derived tables anew from raw.changes, then the resolver from them."""

from functools import partial
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from connectors.objects import FolderStore
from embedded.directory import DataDirectory
from operations.console import console, running
from operations.restarting import ask_to_restart
from operations.runs import noted_run
from operations.waiting import until_written
from pipelines.checks import checked_settings
from pipelines.graph import Parts
from pipelines.rebuild import Rebuilt, count
from pipelines.rebuild import rebuild as rebuilt
from pipelines.sweep import RAW
from schemas.clock import wall_clock
from warehouse.clients import bigquery_client
from warehouse.erasures import StandingMarks
from warehouse.latest import table_reference
from warehouse.sink import StorageSink

GIVE_UP_AFTER_S = 120.0
LOCAL_SHARDS = 8


def rebuild(
    directory: DataDirectory, *, dry_run: bool, expect_changes: bool = False
) -> Rebuilt | None:
    """Says what would be rebuilt, or rebuilds and says what came of it.

    `expect_changes` confirms that a parser was mended: what differs then has its reason.
    """
    stack, endpoint = running(directory)
    client = bigquery_client(endpoint)
    changes = count(client, table_reference(client, RAW))
    client.close()
    if dry_run:
        console.print(
            f"{changes:,} changes would be read from raw.changes and their rows in sales.* written "
            "anew. Nothing has been done: add --yes."
        )
        return None
    objects = FolderStore(directory.objects)
    key = directory.make_redaction_key()
    settings = checked_settings(Path(stack.settings) if stack.settings else None, key)
    known = StandingMarks.opener(endpoint, key, settings.region, give_up_after_s=GIVE_UP_AFTER_S)
    parts = Parts(
        settings=settings,
        redaction_key=key,
        open_known=known,
        open_sink=partial(StorageSink, endpoint, give_up_after_s=GIVE_UP_AFTER_S),
        fetch=objects.get,
        store=objects.put,
        shards=LOCAL_SHARDS,
        job_name="rebuild",
    )
    with directory.upkeep(), noted_run(endpoint, "rebuild", {"changes": changes}) as run:
        settled = wall_clock()
        with console.status("waiting for what is on its way …"):
            until_written(directory, settled)
        with console.status(f"rebuilding from {changes:,} changes …"):
            result = rebuilt(endpoint, parts, settled=settled)
        run.changes, run.failed = result.changes, result.dead_letters
        run.detail["differing"] = {one.table: one.differing for one in result.compared}
        run.detail["seconds"] = result.seconds
    console.print(_compared(result))
    _say_what_differs(result, expect_changes)
    if result.dead_letters:
        console.print(
            f"[yellow]{result.dead_letters:,} changes could not be read[/yellow] and keep the rows "
            "that they had: salesintel query ops.dead_letters_summary"
        )
    _restart_pipeline(directory)
    return result


def _compared(result: Rebuilt) -> Table:
    """Rows as they lie in each table, and the latest ones by what they say."""
    table = Table(show_edge=False)
    for heading in ("table", "rows before", "rows after", "latest before", "latest after"):
        table.add_column(heading, justify="left" if heading == "table" else "right")
    table.add_column("what they say")
    for one in result.compared:
        came = f", {one.meanwhile:,} changed meanwhile" if one.meanwhile else ""
        verdict = "equal" if one.equal else f"[red]{one.differing:,} differ[/red]"
        rows = [result.before.get(one.table), result.after.get(one.table), one.before, one.after]
        shown = ["–" if count is None else f"{count:,}" for count in rows]
        table.add_row(one.table, *shown, verdict + came)
    return table


def _say_what_differs(result: Rebuilt, expected: bool) -> None:
    for one in result.compared:
        if one.samples:
            console.print(f"{one.table}, for example: {escape(', '.join(one.samples))}")
    if result.differing and not expected:
        console.print(
            "[red]the tables say something else than before.[/red] Where a parser was mended, or "
            "rows were damaged, that is the reason: --expect-changes confirms it. Where not, it is "
            "a fault: keep the keys above and compare them with raw.changes"
        )


def _restart_pipeline(directory: DataDirectory) -> None:
    """The resolver in the running pipeline starts from the new records: drained, then restarted."""
    if ask_to_restart(directory, "pipeline"):
        console.print("the pipeline drains and starts again from the rebuilt records")
