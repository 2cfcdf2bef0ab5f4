"""How the commands that concern who is who are called; each is a module of its own."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from operations.options import Data
from operations.place import place_of

app = typer.Typer()

Records = Annotated[
    Path | None, typer.Option("--records", help="Ask this CSV of records, not the warehouse.")
]
ModelName = Annotated[
    str | None,
    typer.Option("--model", help="shipped, fit or a file; default: the one in use, of a CSV fit."),
]
Output = Annotated[str, typer.Option("--format", help="table, csv or json.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take back what was so decided.")]
By = Annotated[str | None, typer.Option(help="Who decides; default: your name here.")]
One = Annotated[str, typer.Argument(help="A record or an entity, or the beginning of its name.")]
Other = Annotated[str, typer.Argument(help="Another.")]


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="A record or an entity.")],
    records: Records = None,
    model: ModelName = None,
    data: Data = None,
) -> None:
    """Why records are one: each field's bits, the rules, the path, and how close the next came."""
    from operations.identity.explain import explain as run

    run(place_of(data), records, name, model)


@app.command()
def candidates(
    records: Records = None,
    model: ModelName = None,
    limit: Annotated[int, typer.Option(help="Rows at the most.")] = 20,
    output: Output = "table",
    data: Data = None,
) -> None:
    """Possible matches for a person to decide on, the likeliest first."""
    from operations.identity.candidates import candidates as run

    run(place_of(data), records, model, limit, output, sys.stdout)


@app.command()
def link(one: One, other: Other, undo: Undo = False, by: By = None, data: Data = None) -> None:
    """Decide that two are the same; holds against all evidence until it is taken back."""
    from operations.identity.decide import decide

    decide(place_of(data), one, other, "same", undo=undo, by=by)


@app.command()
def unlink(one: One, other: Other, undo: Undo = False, by: By = None, data: Data = None) -> None:
    """Decide that two are not the same; holds against all evidence until it is taken back."""
    from operations.identity.decide import decide

    decide(place_of(data), one, other, "different", undo=undo, by=by)


@app.command("match-report")
def match_report(
    records: Records = None,
    model: ModelName = None,
    truth: Annotated[
        Path | None, typer.Option(help="CSV of id and truth, where you know who is who.")
    ] = None,
    output: Annotated[str, typer.Option("--format", help="table or json.")] = "table",
    data: Data = None,
) -> None:
    """How much was matched, with its precision; calibration, largest components, hot keys."""
    from operations.identity.match_report import match_report as run

    run(place_of(data), records, model, truth, output, sys.stdout)


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="File of the new model.")],
    records: Records = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="The model to compare with: shipped or a file; default: the one in use."
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Fit a new model to the records and say what it would change; switching is yours."""
    from operations.identity.train import train as run

    run(place_of(data), records, model, out)
