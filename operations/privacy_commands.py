"""How the commands are called by which a person is erased, or given what is held of them."""

from pathlib import Path
from typing import Annotated

import typer

from operations.options import Data, Yes
from operations.place import place_of

app = typer.Typer()

Address = Annotated[str, typer.Option("--email", help="An e-mail address of the person.")]
Number = Annotated[str, typer.Option("--phone", help="A number that only the person bears.")]
Name = Annotated[str, typer.Option("--person", help="The person as an entity, or a record.")]
By = Annotated[str | None, typer.Option(help="Who does it; default: your name here.")]


@app.command()
def erase(
    email: Address = "",
    phone: Number = "",
    person: Name = "",
    reason: Annotated[str, typer.Option(help="Number of the case; no name.")] = "",
    lift: Annotated[
        str, typer.Option(help="Take this erasure back: what comes from now on is kept again.")
    ] = "",
    standing: Annotated[
        bool,
        typer.Option("--standing", help="Of all who were erased what a backup has brought back."),
    ] = False,
    show: Annotated[
        bool, typer.Option("--list", help="Show the erasures that there were.")
    ] = False,
    by: By = None,
    yes: Yes = False,
    data: Data = None,
) -> None:
    """Erase a person everywhere and prove it; shows first what it would do. Exit code 1 where
    anything is left."""
    from operations.privacy.erase import apply_standing, listing
    from operations.privacy.erase import erase as run
    from operations.privacy.erase import lift as take_back
    from operations.privacy.person import Asked

    place = place_of(data)
    if show:
        listing(place)
    elif lift:
        take_back(place, lift, by=by)
    elif standing:
        if not apply_standing(place, by):
            raise typer.Exit(1)
    elif not run(place, Asked(email, phone, person), dry_run=not yes, reason=reason, by=by):
        raise typer.Exit(1)


@app.command("export-person")
def export_person(
    out: Annotated[Path, typer.Option(help="File to be made, .zip or .json.")],
    email: Address = "",
    phone: Number = "",
    person: Name = "",
    by: By = None,
    data: Data = None,
) -> None:
    """Everything that is held of a person, by table, for who asks for access."""
    from operations.privacy.export_person import export_person as run
    from operations.privacy.person import Asked

    run(place_of(data), Asked(email, phone, person), out, by=by)
