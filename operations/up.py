"""`salesintel up`: the whole system in this terminal."""

import logging
import shlex
import signal
from pathlib import Path
from types import FrameType

import typer
from rich.markup import escape

from embedded.directory import DataDirectory, Stack
from embedded.supervisor import Ports, StoppedWhileStarting, Supervisor
from operations.console import INTERRUPTED, console

NEXT = """
[bold]Next[/bold] (in another terminal)
  salesintel import PATH…{data}        mails, CRM exports, call logs
  salesintel query sales.account_timeline{data}
  salesintel status{data}
Ctrl-C stops it; the data stays.
"""


def up(directory: Path, settings: Path | None, ports: Ports, memory: str, *, default: bool) -> None:
    """Starts, watches and stops the stack."""
    data = DataDirectory(directory)
    supervisor = Supervisor(data, settings, ports, memory=memory)

    def stop(number: int, frame: FrameType | None) -> None:
        supervisor.ask_to_stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        with console.status("starting …") as status:
            stack = supervisor.start(lambda line: status.update(f"{line} …"))
        _log_to(data.logs / "supervisor.log")
        show(stack, directory)
        named = "" if default else f" --data {shlex.quote(str(directory))}"
        console.print(NEXT.format(data=escape(named)), soft_wrap=True)
        supervisor.run()
        console.print("stopping …")
    except StoppedWhileStarting:
        console.print("stopped")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        supervisor.stop()
    console.print("stopped")


def show(stack: Stack, directory: Path) -> None:
    """Where everything is."""
    console.print("[green]The system is running.[/green]")
    for name, where in (
        ("data", str(directory)),
        ("Pub/Sub", f"{stack.pubsub}  (PUBSUB_EMULATOR_HOST)"),
        ("warehouse", f"{stack.rest}  (BigQuery API)"),
        ("", f"{stack.grpc}  (Storage Write API)"),
        ("settings", stack.settings or "defaults"),
    ):
        console.print(f"  {name:<10} {escape(where)}", soft_wrap=True, highlight=False)


def _log_to(path: Path) -> None:
    # A disk that is full is no reason for a traceback in this terminal with every line.
    logging.raiseExceptions = False
    log_file = logging.FileHandler(path)
    log_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("embedded")
    root.setLevel(logging.INFO)
    root.addHandler(log_file)
    root.propagate = False
