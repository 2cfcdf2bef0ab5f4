"""How the commands that look after the warehouse are called; each is a module of its own."""

from typing import Annotated

import typer

from operations.options import Data, directory_of

app = typer.Typer()

Reader = Annotated[str, typer.Argument(help="E-mail address that the reader signs in with.")]
Mailboxes = Annotated[
    list[str], typer.Option("--mailbox", help="Mailbox, or * for all texts; repeat it.")
]
By = Annotated[str | None, typer.Option(help="Who does it; default: your name here.")]


@app.command()
def compact(data: Data = None) -> None:
    """Bring the tables of latest rows up to date; `up` does it every hour."""
    from operations.upkeep import compact as run

    run(directory_of(data))


@app.command()
def retention(data: Data = None) -> None:
    """Delete what has expired; `up` does it once a day."""
    from operations.upkeep import retention as run

    run(directory_of(data))


@app.command()
def grant(reader: Reader, mailbox: Mailboxes, by: By = None, data: Data = None) -> None:
    """Let someone read what was written in a mailbox."""
    from operations.access import set_access

    set_access(directory_of(data), reader, tuple(mailbox), revoked=False, by=by)


@app.command()
def revoke(reader: Reader, mailbox: Mailboxes, by: By = None, data: Data = None) -> None:
    """Take back what was granted."""
    from operations.access import set_access

    set_access(directory_of(data), reader, tuple(mailbox), revoked=True, by=by)
