"""The sandbox company at Gmail, and a connector that reads it without ever really waiting."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from discovery import violations

from connectors.calls import RetryPolicy
from connectors.exclusions import Exclusions
from connectors.gmail import GmailConnector, GmailSettings
from connectors.gmail.settings import Endpoints
from connectors.secrets import Secret
from connectors.stream import Stream
from sandbox.company import SMALL, generate
from sandbox.company.world import AS_OF_US
from sandbox.vendors.faults import Faults
from sandbox.vendors.gmail import GmailSandbox, GmailState, Quota, seeded
from sandbox.vendors.gmail.mailbox import Message
from sandbox.vendors.gmail.state import ADMIN
from sandbox.vendors.gmail.tokens import WORKLOAD
from sandbox.vendors.server import served

COMPANY = generate(7, SMALL)
REPS = [rep.email for rep in COMPANY.reps]
REP = REPS[0]
KEY = "env:GMAIL_KEY"
MAIL = (
    b"From: Ada <ada@their.example>\r\nTo: rep@own.example\r\nSubject: Hello\r\n\r\nHello there\r\n"
)
SETTINGS: dict[str, Any] = {
    "service_account_key": KEY,
    "directory_admin": ADMIN,
    "first_days": 4_000,
    "units_a_minute": 1_000_000,
    "project_units_a_minute": 1_000_000,
    "connect_and_read_s": 0.5,
}


class Vault:
    """Secrets by reference; `renewed` counts those read anew."""

    def __init__(self, **values: str) -> None:
        self.values = dict(values)
        self.kept: dict[str, str] = {}
        self.renewed: list[str] = []

    def get(self, reference: str) -> Secret:
        return Secret(self.kept.setdefault(reference, self.values[reference]).encode())

    def renew(self, reference: str) -> Secret:
        self.renewed.append(reference)
        self.kept.pop(reference, None)
        return self.get(reference)


class Time:
    """One clock for Gmail and us, which moves when somebody sleeps; ours may be askew."""

    def __init__(self) -> None:
        self.us = AS_OF_US
        self.skew_s = 0.0
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.us

    def ours(self) -> int:
        return self.us + int(self.skew_s * 1e6)

    def monotonic(self) -> float:
        return self.us / 1e6

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_s(seconds)

    def pass_s(self, seconds: float) -> None:
        self.us += int(seconds * 1e6) + 1


class GmailHarness:
    """As conformance.Harness."""

    def __init__(self, address: str, sandbox: GmailSandbox, time: Time) -> None:
        self.address = address
        self.sandbox = sandbox
        self.state = sandbox.state
        self.faults = sandbox.faults
        self.time = time
        self.slept = time.slept
        self.mailboxes: tuple[str, ...] = tuple(REPS)
        self.exclusions = Exclusions()
        self.policy = RetryPolicy(tries=4)
        self.vault = Vault(**{KEY: sandbox.tokens.key_file("https://elsewhere.invalid/token")})
        endpoints = Endpoints(
            gmail=address,
            directory=address,
            iam=address,
            token=f"{address}/token",
            push_keys=f"{address}/certs",
        )
        self.settings = GmailSettings(endpoints=endpoints, **SETTINGS)

    def connector(self, **settings: Any) -> GmailConnector:
        self.settings = msgspec.structs.replace(self.settings, **settings)
        return GmailConnector(
            self.settings,
            self.vault,
            self.exclusions,
            token=lambda: WORKLOAD,
            clock=self.time.ours,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            rng=random.Random(1),
            policy=self.policy,
        )

    def streams(self) -> Iterable[Stream]:
        return self.connector().streams(self.mailboxes)

    def expected(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for address in self.mailboxes:
            for name, message in self.state.expected(address).items():
                found[f"gmail:message:{name}"] = held(address, message)
        return found

    def change(self) -> None:
        first = next(iter(self.state.expected(REP)))
        self.state.store(REP, MAIL)
        self.state.label(REP, first, add=("STARRED",))
        self.time.pass_s(self.state.index_lag_s + 1)

    def skew(self, seconds: float) -> None:
        self.time.skew_s = seconds


def held(address: str, message: Message) -> dict[str, Any]:
    """What a payload says of a message."""
    return {"labelIds": [], **message.resource(), "mailbox": address}


@contextmanager
def gmail(
    *,
    page_size: int = 500,
    index_lag_s: float = 0.0,
    empty: bool = False,
    quota: Any = None,
) -> Iterator[GmailHarness]:
    """The sandbox, served; `quota` is limits and costs."""
    time = Time()
    if empty:
        state = GmailState(7, time, index_lag_s)
        for address in (*REPS, ADMIN):
            state.open_mailbox(address)
    else:
        state = seeded(COMPANY, time, index_lag_s)
    limited = Quota(time, *quota) if quota else None
    time.pass_s(60)
    sandbox = GmailSandbox(state, Faults(seed=5), limited, page_size)
    with served(sandbox.app, sandbox.faults, clock=time) as address:
        yield GmailHarness(address, sandbox, time)
    assert violations(sandbox) == set()
