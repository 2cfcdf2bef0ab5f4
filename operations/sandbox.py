"""`salesintel sandbox`: the four vendors of a made-up company, alone, for whoever wants to try."""

import random
import shlex
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rich.markup import escape

from embedded.ports import obstacle
from embedded.safe_event import SafeEvent
from operations.console import console
from operations.options import LONGEST_S
from operations.stopping import stopping_by
from sandbox.company import Scale, generate
from sandbox.vendors.estate import NAMES, Estate
from sandbox.vendors.faults import Fault
from sandbox.vendors.switches import checked
from schemas.clock import Clock, wall_clock
from schemas.errors import ConfigurationError

FEWEST, MOST = 8, 5_000
"""People: below, there is not one of everything; above, names run out."""
SHORTEST_S = 0.01

NEXT = """
[bold]Next[/bold] (in another terminal)
  salesintel doctor hubspot{settings}
  salesintel up{settings}
  salesintel poll hubspot{settings}
  salesintel backfill dialpad --since 2025-10-01{settings}
Ctrl-C stops it; what it holds is gone then.
"""


def scale_of(people: int) -> Scale:
    """A company around so many people; ConfigurationError where there can be none."""
    if not FEWEST <= people <= MOST:
        raise ConfigurationError(f"--people {people}: a company has {FEWEST} to {MOST:,}")
    return Scale(
        accounts=max(2, people // 4),
        people=people,
        reps=min(40, max(2, people // 40)),
        mails=people * 9,
        calls=people * 3,
    )


def ports_of(text: str) -> tuple[int, ...]:
    """Four ports, 0 for a free one; ConfigurationError where one of them cannot be had."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != len(NAMES) or not all(one.isascii() and one.isdigit() for one in parts):
        raise ConfigurationError(
            f"--ports {text!r}: name {len(NAMES)}, of {', '.join(NAMES)}, as in 9001,9002,9003,9004"
        )
    ports = tuple(int(part) for part in parts)
    named = [one for one in ports if one]
    for port in named:
        why = obstacle(port) or ("is named twice" if named.count(port) > 1 else "")
        if why:
            raise ConfigurationError(f"--ports: {port} {why}: name another, or 0 for a free one")
    return ports


def address_of(text: str) -> str:
    """The base address of a service; ConfigurationError for anything else."""
    found = urlsplit(text)
    if found.scheme not in ("http", "https") or not found.hostname or found.query:
        raise ConfigurationError(
            f"--webhooks {text!r}: write the address of the service, as in http://127.0.0.1:8080"
        )
    return text.rstrip("/")


def faults_of(texts: Sequence[str]) -> list[tuple[str, Fault]]:
    """Vendor and fault of `hubspot:429` or `hubspot:429:0.2`, so often of all calls; else
    ConfigurationError."""
    made = []
    for text in texts:
        vendor, _, rest = text.partition(":")
        name, _, share = rest.partition(":")
        try:
            checked(vendor, name)
            times = float(share or 1.0)
        except ConfigurationError as error:
            raise ConfigurationError(f"--fault {text!r}: {error}") from None
        except ValueError:
            times = 0.0
        if not 0.0 < times <= 1.0:
            raise ConfigurationError(f"--fault {text!r}: a share is above 0, and 1 at the most")
        made.append((vendor, Fault(name=name, share=times)))
    return made


def sandbox(
    folder: Path,
    *,
    seed: int,
    people: int,
    ports: Sequence[int],
    every_s: float | None,
    webhooks: str,
    limits: bool = False,
    faults: Sequence[tuple[str, Fault]] = (),
    clock: Clock = wall_clock,
    stop: SafeEvent | None = None,
) -> None:
    """Runs until a signal, or until `stop` is set. `every_s`: how often something happens."""
    stop = stop or SafeEvent()
    with console.status("making the company …"):
        company = generate(seed, scale_of(people))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"--folder {folder}: {error.strerror}: name another") from None
        estate = Estate(
            company,
            folder,
            clock=clock,
            webhooks=webhooks,
            limits=limits,
            seed=seed,
            ports=ports,
        )
    with stopping_by(lambda number, frame: stop.set()), estate:
        settings = estate.write_settings(folder)
        for vendor, fault in faults:
            estate.faults[vendor].switch_on(fault)
        _show(estate, settings)
        _live(estate, random.Random(seed), every_s, stop)  # noqa: S311 (no secret)
    console.print("stopped")


def _show(estate: Estate, settings: Path) -> None:
    console.print("[green]The vendors answer.[/green]")
    rows = [*estate.addresses.items(), ("settings", str(settings))]
    if estate.webhooks:
        rows.append(("webhooks", f"{estate.webhooks}/webhooks/…"))
    for name, where in rows:
        console.print(f"  {name:<10} {escape(where)}", soft_wrap=True, highlight=False)
    company = estate.company
    console.print(
        f"  {'company':<10} {len(company.people):,} people at {len(company.accounts):,} accounts, "
        f"{len(company.reps)} of ours; {len(company.mails):,} mails, {len(company.calls):,} calls",
        highlight=False,
        soft_wrap=True,
    )
    named = escape(f" --settings {shlex.quote(str(settings))}")
    console.print(NEXT.format(settings=named), soft_wrap=True)


def _live(estate: Estate, rng: random.Random, every_s: float | None, stop: SafeEvent) -> None:
    due = time.monotonic()
    while True:
        due += every_s or LONGEST_S
        if stop.wait(max(0.0, due - time.monotonic())):
            return
        if every_s is None:
            continue
        made = estate.happen(rng)
        line = f"{made.source:<10} {made.what}: {made.object_type} {made.object_id}"
        statuses = Counter(one for sent in estate.deliver().values() for one in sent)
        if statuses:
            told = ", ".join(
                f"{times} × {status or 'no answer'}" for status, times in sorted(statuses.items())
            )
            line += f"   webhooks: {told}"
        console.print(escape(line), highlight=False, soft_wrap=True)
