"""A vendor's sandbox in a process of its own, without faults and without limits.

`python -m benchmarks.sandboxes hubspot FOLDER 3000` holds the company and at least so many records
more, writes the secrets into the folder and says on which address it listens; each line on its
standard input, a number, has so many more changes come about, half of them edits of what was there.
Its clock moves on with each.
"""

import itertools
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from starlette.types import ASGIApp

from sandbox.company import DEMO, Company, generate
from sandbox.company.world import AS_OF_US
from sandbox.vendors.dialpad.app import DialpadApp
from sandbox.vendors.dialpad.state import DialpadState
from sandbox.vendors.faults import Faults
from sandbox.vendors.gmail import GmailSandbox
from sandbox.vendors.gmail import seeded as gmail_seeded
from sandbox.vendors.hubspot import application
from sandbox.vendors.hubspot import seeded as hubspot_seeded
from sandbox.vendors.salesforce import salesforce_app
from sandbox.vendors.salesforce import seeded as salesforce_seeded
from sandbox.vendors.server import served
from schemas.clock import DAY_US

SECRETS = {"hubspot": "token-1", "dialpad": "sandbox-key"}
LISTENING, CHANGED = "listening on ", "changed "
TICK_US = 100_000
"""Between two changes: as many as stand in one second stand in no page that is read alone."""
SETTLED_US = 60_000_000
"""After the last of them, until all can be seen."""


class Time:
    """A clock of the company's days that runs as ours does, and moves on when it is told to."""

    def __init__(self) -> None:
        self._offset = AS_OF_US + 2 * DAY_US - time.time_ns() // 1_000

    def __call__(self) -> int:
        """As Clock."""
        return time.time_ns() // 1_000 + self._offset

    def pass_us(self, microseconds: int) -> None:
        """Moves on."""
        self._offset += microseconds


class Vendor(NamedTuple):
    """An application, and what makes a record (told how many came before it; returns its id) and
    edits one."""

    app: ASGIApp
    create: Callable[[int], str]
    edit: Callable[[str], object]


def _gmail(company: Company, now: Time, folder: Path) -> Vendor:
    state = gmail_seeded(company, now)
    sandbox = GmailSandbox(state)
    (folder / "key").write_text(sandbox.tokens.key_file("https://elsewhere.invalid/token"))
    boxes = [rep.email for rep in company.reps]
    mails = itertools.cycle(company.mails)

    def create(number: int) -> str:
        box = boxes[number % len(boxes)]
        return f"{box} {state.store(box, next(mails).source)}"

    def edit(one: str) -> None:
        box, message = one.split()
        state.label(box, message, add=("STARRED",))

    return Vendor(sandbox.app, create, edit)


def _hubspot(company: Company, now: Time, folder: Path) -> Vendor:
    account = hubspot_seeded(company, now)

    def create(number: int) -> str:
        email = f"nova.{number}@new{number % 400}.example"
        return account.create("contacts", {"firstname": "Nova", "email": email}).id

    return Vendor(
        application(account),
        create,
        lambda one: account.edit("contacts", one, {"jobtitle": "Head of Procurement"}),
    )


def _salesforce(company: Company, now: Time, folder: Path) -> Vendor:
    org = salesforce_seeded(company, now)

    def create(number: int) -> str:
        email = f"nova.{number}@new{number % 400}.example"
        return org.create("Contact", FirstName="Nova", LastName="New", Email=email)

    return Vendor(
        salesforce_app(org).app,
        create,
        lambda one: org.edit("Contact", one, Title="Head of Procurement"),
    )


def _dialpad(company: Company, now: Time, folder: Path) -> Vendor:
    state = DialpadState(company, now)
    return Vendor(
        DialpadApp(state, Faults()).app,
        lambda number: state.new_call(started_us=now() - 60_000_000, length_s=40),
        lambda one: state.edit_call(one, labels=["follow up"]),
    )


VENDORS: dict[str, Callable[[Company, Time, Path], Vendor]] = {
    "gmail": _gmail,
    "salesforce": _salesforce,
    "hubspot": _hubspot,
    "dialpad": _dialpad,
}


def main(name: str, folder: Path, records: int) -> None:
    """Serves until its standard input ends."""
    (folder / "token").write_text(SECRETS.get(name, ""))
    now = Time()
    vendor = VENDORS[name](generate(7, DEMO), now, folder)
    made = deque[str]()
    numbers = itertools.count()

    def happen(times: int, edited: int) -> None:
        for turn in range(times):
            if turn % 2 < edited:
                # The oldest, so that no record changes twice and is one change.
                vendor.edit(made.popleft())
            else:
                made.append(vendor.create(next(numbers)))
            now.pass_us(TICK_US)
        now.pass_us(SETTLED_US)

    happen(records, 0)
    with served(vendor.app, clock=now) as address:
        print(f"{LISTENING}{address}", flush=True)
        for line in sys.stdin:
            happen(int(line), 1)
            print(f"{CHANGED}{line.strip()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
