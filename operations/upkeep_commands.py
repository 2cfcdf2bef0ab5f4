"""How the commands that look after the warehouse are called; each is a module of its own."""

import sys
from typing import Annotated

import typer

from operations.options import Data, Yes
from operations.place import place_of

app = typer.Typer()

Reader = Annotated[str, typer.Argument(help="E-mail address that the reader signs in with.")]
Mailboxes = Annotated[
    list[str], typer.Option("--mailbox", help="Mailbox, or * for all texts; repeat it.")
]
By = Annotated[str | None, typer.Option(help="Who does it; default: your name here.")]


@app.command()
def compact(
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Start them over: after rows were put back that are older."),
    ] = False,
    data: Data = None,
) -> None:
    """Bring the tables of latest rows up to date; `up` does it every hour."""
    from operations.compact import compact as run

    run(place_of(data), anew=anew)


@app.command()
def retention(data: Data = None) -> None:
    """Delete what has expired; `up` does it once a day."""
    from operations.retention import retention as run

    run(place_of(data))


@app.command()
def grant(reader: Reader, mailbox: Mailboxes, by: By = None, data: Data = None) -> None:
    """Let someone read what was written in a mailbox."""
    from operations.privacy.access import set_access

    set_access(place_of(data), reader, tuple(mailbox), revoked=False, by=by)


@app.command()
def revoke(reader: Reader, mailbox: Mailboxes, by: By = None, data: Data = None) -> None:
    """Take back what was granted."""
    from operations.privacy.access import set_access

    set_access(place_of(data), reader, tuple(mailbox), revoked=True, by=by)


@app.command()
def cost(
    events: Annotated[float, typer.Option(help="Changes a month that are no repetitions.")],
    mail_share: Annotated[
        float | None, typer.Option(help="Of these, mails; default: as in the demo.")
    ] = None,
    call_share: Annotated[
        float | None, typer.Option(help="Calls; the rest are CRM records.")
    ] = None,
    duplicates: Annotated[float, typer.Option(help="Repetitions per event.")] = 0.17,
    months: Annotated[float, typer.Option(help="For how long it has run by then.")] = 12,
    questions: Annotated[float, typer.Option(help="Of people, a month.")] = 2_000,
    workers: Annotated[float, typer.Option(help="Least streaming workers.")] = 1,
    output: Annotated[str, typer.Option("--format", help="table or json.")] = "table",
) -> None:
    """What a month costs in the cloud, by list prices; needs no stack."""
    from operations.cost import cost as run
    from operations.costs.model import load_of

    load = load_of(
        events=events,
        mail_share=mail_share,
        call_share=call_share,
        duplicates=duplicates,
        months=months,
        questions=questions,
        workers=workers,
    )
    run(load, sys.stdout, output)


@app.command()
def release(
    action: Annotated[str, typer.Argument(help="plan, deploy, verify, drain or rollback.")],
    environment: Annotated[str, typer.Option(help="Of terraform/environments: dev, prod.")],
    tag: Annotated[str, typer.Option("--release", help="Tag of the image, a git sha.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Not in place: Dataflow has refused the update.")
    ] = False,
    this_checkout: Annotated[
        bool,
        typer.Option(
            "--this-checkout", help="Terraform's files as they are here, of another commit."
        ),
    ] = False,
    within: Annotated[str, typer.Option(help="Of verify: 1h, 24h or 7d.")] = "1h",
    yes: Yes = False,
) -> None:
    """Bring a release to the cloud or take it back; shows first what it would do."""
    from operations.releasing import release as run
    from operations.releasing import verify_there

    if action == "verify":
        verify_there(environment, within)
        return
    run(
        action,
        environment,
        tag,
        replace=replace,
        this_checkout=this_checkout,
        dry_run=not yes,
    )
