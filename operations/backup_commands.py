"""How the commands are called by which tables are made anew, and whole systems kept and brought
back."""

from pathlib import Path
from typing import Annotated

import typer

from operations.options import Data, Yes, directory_of

app = typer.Typer()


@app.command()
def rebuild(
    data: Data = None,
    from_changes: Annotated[
        bool, typer.Option("--from-changes", help="From raw.changes: what it does by itself.")
    ] = False,
    expect_changes: Annotated[
        bool, typer.Option("--expect-changes", help="A parser was mended: rows may differ.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Make the derived tables and who is who anew from raw.changes, held against what was there.

    Shows first what it would do. Exit code 1 where rows say something else than before, without
    --expect-changes.
    """
    from operations.rebuild import rebuild as run

    result = run(directory_of(data), dry_run=not yes, expect_changes=expect_changes)
    if result is not None and result.differing and not expect_changes:
        raise typer.Exit(1)


@app.command()
def snapshot(
    out: Annotated[Path, typer.Argument(help="A new folder, or a file that ends in .tar.gz.")],
    data: Data = None,
) -> None:
    """Keep the whole data directory, also while the stack runs, with a manifest to check it by."""
    from operations.snapshot import snapshot as run

    run(directory_of(data), out)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="What `snapshot` has made.")],
    data: Data = None,
    erasures: Annotated[
        Path | None,
        typer.Option(help="Rows of ops.erasures as JSON: who was erased since the snapshot."),
    ] = None,
    without_erasures: Annotated[
        bool,
        typer.Option(
            "--without-erasures", help="Also where nothing tells who was erased: they come back."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also where something is: it is moved aside.")
    ] = False,
) -> None:
    """Bring a data directory back from a snapshot, checked against its manifest."""
    from operations.restore import restore as run

    place = directory_of(data)
    if not run(source, place, erasures, replace=yes, unknowing=without_erasures):
        raise typer.Exit(1)
