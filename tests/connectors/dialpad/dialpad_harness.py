"""The sandbox company at Dialpad, and a connector that reads it without ever really waiting."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from openapi import SPECS, Contract, Specification

from connectors.calls import RetryPolicy
from connectors.dialpad.client import DialpadClient
from connectors.dialpad.connector import DialpadConnector
from connectors.dialpad.settings import PER_MINUTE, DialpadSettings
from connectors.exclusions import Exclusions
from connectors.secrets import Secret
from connectors.stream import Stream
from sandbox.company import SMALL, generate
from sandbox.vendors.dialpad.app import PREFIX, DialpadApp
from sandbox.vendors.dialpad.seed import MINUTE_US, START_US
from sandbox.vendors.dialpad.state import DialpadState
from sandbox.vendors.faults import Faults
from sandbox.vendors.server import served

SPECIFICATION = SPECS / "dialpad" / "openapi.json.gz"
COMPANY = generate(7, SMALL)
KEY = "env:DIALPAD_KEY"
FAST: dict[str, Any] = {
    "company_per_s": 1e9,
    "per_minute": dict.fromkeys(PER_MINUTE, 1e9),
    "read_s": 0.5,
    "details_days": 10_000.0,
    "details_per_round": 10_000,
}


class Vault:
    """Secrets by reference; `renewed` counts those read anew."""

    def __init__(self, **values: str) -> None:
        self.values = {KEY: "sandbox-key", **values}
        self.renewed: list[str] = []
        self.kept: dict[str, str] = {}

    def get(self, reference: str) -> Secret:
        return Secret(self.kept.setdefault(reference, self.values[reference]).encode())

    def renew(self, reference: str) -> Secret:
        self.renewed.append(reference)
        self.kept.pop(reference, None)
        return self.get(reference)


class DialpadHarness:
    """As conformance.Harness."""

    def __init__(self, address: str, state: DialpadState, faults: Faults, now: list[int]) -> None:
        self.address = address
        self.state = state
        self.faults = faults
        self.slept: list[float] = []
        self.vault = Vault()
        self.objects: tuple[str, ...] = ("call", "user", "contact")
        self.exclusions = Exclusions()
        self.contract: Contract | None = None
        """What holds both sides to the specification; None where it is not at hand."""
        self.breaks_its_word = False
        """Whether the sandbox is told to answer what the specification does not allow."""
        self.settings = DialpadSettings(token=KEY, base_url=address + PREFIX, **FAST)
        self._now = now
        self._skew = 0.0

    def pass_time(self, minutes: float) -> None:
        self._now[0] += int(minutes * MINUTE_US)

    def client(self) -> DialpadClient:
        return DialpadClient(
            self.settings,
            self.vault,
            policy=RetryPolicy(tries=4),
            sleep=self.slept.append,
            monotonic=lambda: self._now[0] / 1e6 + self._skew,
            rng=random.Random(1),
        )

    def connector(self, **settings: Any) -> DialpadConnector:
        self.settings = msgspec.structs.replace(self.settings, **settings)
        return DialpadConnector(self.settings, self.client(), self.exclusions)

    def streams(self) -> list[Stream]:
        return self.connector().streams(self.objects)

    def expected(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if "call" in self.objects:
            found |= {f"dialpad:call:{one['call_id']}": one for one in self.state.listed()}
        if "user" in self.objects:
            found |= {f"dialpad:user:{key}": one for key, one in self.state.users.items()}
        if "contact" in self.objects:
            found |= {f"dialpad:contact:{key}": one for key, one in self.state.contacts.items()}
        for kind, read in (("transcript", self.state.transcript), ("recap", self.state.recap)):
            if kind in self.objects:
                for one in self.state.listed():
                    if said := read(one["call_id"]):
                        found[f"dialpad:{kind}:{one['call_id']}"] = with_ids(said, one)
        return found

    def change(self) -> None:
        self.state.new_call(length_s=60)
        edited = self.state.listed()[0]["call_id"]
        self.state.edit_call(edited, labels=["follow up"])
        user = next(iter(self.state.users))
        self.state.edit_user(user, job_title="Head of Sales")
        self.pass_time(5)

    def skew(self, seconds: float) -> None:
        self._skew = seconds


def with_ids(said: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """A detail with the ids of the calls that its own is a leg of."""
    names = ("master_call_id", "entry_point_call_id")
    return {**said, **{name: call[name] for name in names if call[name] is not None}}


@contextmanager
def dialpad(**options: Any) -> Iterator[DialpadHarness]:
    """The sandbox, served. What the specification does not allow is an error at the end."""
    now = [START_US]
    faults = Faults(seed=5)
    state = DialpadState(COMPANY, lambda: now[0], **options)
    app: Any = DialpadApp(state, faults).app
    contract = None
    if Path(SPECIFICATION).exists():
        app = contract = Contract(app, Specification(SPECIFICATION))
    with served(app, faults, clock=lambda: now[0]) as address:
        harness = DialpadHarness(address, state, faults, now)
        harness.contract = contract
        yield harness
    if contract is not None and not harness.breaks_its_word:
        assert contract.violations == []
