"""How commands speak: one console, errors as one line with what to do next."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from google.cloud import bigquery
from rich.console import Console
from rich.markup import escape

from embedded.directory import DataDirectory, Stack
from schemas.errors import FatalError, SalesIntelError
from warehouse.clients import Endpoint, bigquery_client

console = Console()
errors = Console(stderr=True)


def quiet_libraries() -> None:
    """Logs of libraries are for the stack's log files, not for a person at a terminal."""
    logging.getLogger().setLevel(logging.ERROR)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


@contextmanager
def spoken_errors(debug: bool = False) -> Iterator[None]:
    """Errors on purpose become a line and exit code 1, fatal ones 2; others stay what they are."""
    try:
        yield
    except SalesIntelError as error:
        if debug:
            raise
        # What a person typed stands in the message: its brackets are no markup.
        errors.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, FatalError) else 1) from None


def running(directory: DataDirectory) -> tuple[Stack, Endpoint]:
    """The stack that runs on a directory; the clients of this process are pointed at it."""
    stack = directory.stack()
    os.environ["PUBSUB_EMULATOR_HOST"] = stack.pubsub
    return stack, Endpoint(project=stack.project, rest=stack.rest, grpc=stack.grpc)


@contextmanager
def warehouse_of(directory: DataDirectory) -> Iterator[bigquery.Client]:
    """A client of the running stack's warehouse."""
    _, endpoint = running(directory)
    client = bigquery_client(endpoint)
    try:
        yield client
    finally:
        client.close()
