"""How commands speak: one console, errors as one line with what to do next."""

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from google.api_core.exceptions import RetryError, ServerError
from google.auth.exceptions import GoogleAuthError
from requests.exceptions import RequestException
from rich.console import Console
from rich.markup import escape
from typer.exceptions import TyperException

from embedded.directory import DataDirectory, Stack
from schemas.errors import ConfigurationError, FatalError, RetriableError, SalesIntelError
from schemas.logs import ENVIRONMENT, JSON, log_json

# The warehouse's clients take longer to load than some commands take to run.
if TYPE_CHECKING:
    from google.cloud import bigquery

    from warehouse.clients import Endpoint

NO_ANSWER = (RequestException, RetryError, ServerError, TimeoutError)
"""What the clients raise where a stack is down, or comes back just now."""

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
INTERRUPTED = 130
"""As a shell has it for a program that Ctrl-C has ended."""


class StackGone(RetriableError):
    """The stack has ended while a command was waiting for it."""


console = Console()
errors = Console(stderr=True)
log = logging.getLogger(__name__)


def logs_json() -> bool:
    """Whether lines are for who collects logs, and not for a person at a terminal."""
    return os.environ.get(ENVIRONMENT) == JSON


def set_up_logs() -> None:
    """Logs of libraries are for the stack's log files, not for a person at a terminal. A container
    tells what it does, as JSON on standard error; standard output stays the command's own."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if logs_json():
        log_json(sys.stderr, os.environ.get("SALESINTEL_PROJECT", ""))
    else:
        logging.getLogger().setLevel(logging.ERROR)


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things in words, as in 1 row and 2,000 rows."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


@contextmanager
def spoken_errors(debug: bool = False) -> Iterator[None]:
    """Errors on purpose become a line and exit code 1, fatal ones 2; so does a stack that does not
    answer, who Google does not know, a full disk and Ctrl-C. Others stay what they are."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        notes = getattr(interrupt, "__notes__", ())
        errors.print(": ".join(["stopped", *notes]), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    except SalesIntelError as error:
        if debug:
            raise
        say_error(str(error))
        raise typer.Exit(2 if isinstance(error, FatalError) else 1) from None
    except NO_ANSWER as error:
        if debug:
            raise
        say_error(f"the stack does not answer ({type(error).__name__}): see `salesintel status`")
        raise typer.Exit(1) from None
    except GoogleAuthError as error:
        if debug:
            raise
        say_error(
            f"Google does not let you in ({type(error).__name__}): sign in by `gcloud auth "
            "application-default login`, as an account of a duty with "
            "--impersonate-service-account=…; who may act as which is in docs/permissions.md"
        )
        raise typer.Exit(1 if error.retryable else 2) from None
    except OSError as error:
        if debug or error.errno not in DISK_FULL:
            raise
        where = f" ({error.filename})" if error.filename else ""
        say_error(f"{error.strerror}{where}: free some space and do it again")
        raise typer.Exit(1) from None
    except (typer.Exit, typer.Abort, TyperException):
        raise
    except Exception:
        if debug or not logs_json():
            raise
        # Its own words may quote what stands in a row: the line has where it comes from.
        log.exception("unexpected error")
        raise typer.Exit(1) from None


def say_error(words: str, label: str = "error") -> None:
    """One line on standard error."""
    if logs_json():
        log.error("%s", words)
        return
    # What a person typed stands in the message: its brackets are no markup.
    errors.print(f"[red]{label}:[/red] {escape(words)}", highlight=False, soft_wrap=True)


def running(directory: DataDirectory) -> tuple[Stack, "Endpoint"]:
    """The stack that runs on a directory; the clients of this process are pointed at it."""
    from warehouse.clients import Endpoint

    stack = directory.stack()
    os.environ["PUBSUB_EMULATOR_HOST"] = stack.pubsub
    return stack, Endpoint(project=stack.project, rest=stack.rest, grpc=stack.grpc)


def still_running(directory: DataDirectory) -> None:
    """StackGone where the stack on a directory has ended."""
    try:
        directory.stack()
    except ConfigurationError:
        raise StackGone(
            f"the stack on {directory.path} has ended, nothing that was published is lost: start "
            f"it again with `salesintel up --data {directory.path}`, its logs are in "
            f"{directory.logs}"
        ) from None


@contextmanager
def warehouse_of(
    directory: DataDirectory, reader: str | None = None
) -> Iterator["bigquery.Client"]:
    """A client of the warehouse of a stack, which takes it for `reader` where one is named."""
    from msgspec.structs import replace

    from warehouse.clients import bigquery_client

    client = bigquery_client(replace(running(directory)[1], reader=reader))
    try:
        yield client
    finally:
        client.close()
