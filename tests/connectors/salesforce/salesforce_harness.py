"""The sandbox company's org, and a connector that reads it without ever really waiting."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connectors.calls import RetryPolicy
from connectors.calls.budget import Rate
from connectors.exclusions import Exclusions
from connectors.salesforce import SalesforceClient, SalesforceConnector, settings_of
from connectors.salesforce.shapes import read_shape
from connectors.secrets import Secret
from connectors.stream import Stream
from sandbox.company import SMALL, generate
from sandbox.company.world import AS_OF_US
from sandbox.vendors.faults import Faults
from sandbox.vendors.salesforce import Org, Terms, salesforce_app, seeded
from sandbox.vendors.salesforce.answers import shown
from sandbox.vendors.salesforce.app import SalesforceServer
from sandbox.vendors.server import served
from schemas.clock import DAY_US

COMPANY = generate(7, SMALL)
START_US = AS_OF_US + 2 * DAY_US
MINUTE_US = 60_000_000
KEY, SECRET, PEM = "env:SF_KEY", "env:SF_SECRET", "env:SF_PEM"


class Vault:
    """Secrets by reference; what `get` gives stays until it is renewed."""

    def __init__(self) -> None:
        self.values = {KEY: "key", SECRET: "secret"}
        self.kept: dict[str, str] = {}
        self.renewed: list[str] = []

    def get(self, reference: str) -> Secret:
        return Secret(self.kept.setdefault(reference, self.values[reference]).encode())

    def renew(self, reference: str) -> Secret:
        self.renewed.append(reference)
        self.kept[reference] = self.values[reference]
        return self.get(reference)


class SalesforceHarness:
    """As conformance.Harness."""

    def __init__(self, address: str, server: SalesforceServer, now: list[int]) -> None:
        self.server = server
        self.org = server.org
        self.faults = server.faults
        self.now = now
        self.slept: list[float] = []
        self.vault = Vault()
        self.objects: tuple[str, ...] = ()
        self.exclusions = Exclusions()
        self.policy = RetryPolicy(tries=4)
        self.known: Any = None
        self.settings: dict[str, Any] = {
            "instance_url": address,
            "consumer_key": KEY,
            "consumer_secret": SECRET,
            "rate": Rate(1e9, 1),
            "read_s": 0.5,
        }
        self._skew = 0.0

    def pass_time(self, minutes: float) -> None:
        self.now[0] += int(minutes * MINUTE_US)

    def client(self) -> SalesforceClient:
        return SalesforceClient(
            settings_of(self.settings),
            self.vault,
            policy=self.policy,
            clock=lambda: self.now[0] + int(self._skew * 1e6),
            monotonic=lambda: self.now[0] / 1e6 + self._skew,
            sleep=self.slept.append,
            rng=random.Random(1),
        )

    def connector(self, client: SalesforceClient | None = None) -> SalesforceConnector:
        return SalesforceConnector(client or self.client(), self.exclusions, self.known)

    def streams(self) -> Iterator[Stream]:
        yield from self.connector().streams(self.objects)

    def expected(self) -> dict[str, Any]:
        """record_key to the record as the org has it; None of those in the recycle bin."""
        found: dict[str, Any] = {}
        settings = settings_of(self.settings)
        wanted = {one.lower() for one in self.objects} or {one.lower() for one in settings.objects}
        for name, entity in self.org.entities.items():
            if name.lower() not in wanted:
                continue
            fields = tuple(sorted(read_shape(entity.describe(), name, settings).types))
            for record_id, row in self.org.newest(name).items():
                record = shown(entity, row, fields, "65.0") | {"attributes": {"type": name}}
                gone = row.get("IsDeleted")
                key = f"salesforce:{name.lower()}:{record_id}"
                found[key] = None if gone else json.loads(json.dumps(record))
        return found

    def change(self) -> None:
        contacts = list(self.org.newest("Contact"))
        self.org.create("Contact", FirstName="Nova", LastName="New", Email="nova@new.example")
        self.org.edit("Contact", contacts[0], Title="Head of Procurement")
        self.org.delete("Contact", contacts[1])
        self.pass_time(1)

    def skew(self, seconds: float) -> None:
        self._skew = seconds


@contextmanager
def salesforce(terms: Terms | None = None, *, empty: bool = False) -> Iterator[SalesforceHarness]:
    """A harness over the seeded company, or over an org without rows."""
    now = [START_US]
    terms = terms or Terms()
    clock = lambda: now[0]  # noqa: E731
    org = Org(clock, terms) if empty else seeded(COMPANY, clock, terms)
    server = salesforce_app(org, Faults(3))
    with served(server.app, server.faults, clock=clock) as address:
        yield SalesforceHarness(address, server, now)
