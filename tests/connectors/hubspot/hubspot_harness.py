"""The sandbox company at HubSpot, and a connector that reads it without ever really waiting."""

import gzip
import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from openapi import SPECS, Contract, Specification

from connectors.calls import RetryPolicy
from connectors.exclusions import Exclusions
from connectors.hubspot import HubSpotConnector, HubSpotSettings
from connectors.hubspot.kinds import KINDS, MERGED
from connectors.secrets import Secret
from connectors.stream import Stream
from sandbox.company import SMALL, generate
from sandbox.company.world import AS_OF_US, DAY_US
from sandbox.vendors.faults import Faults
from sandbox.vendors.hubspot import Account, application, seeded
from sandbox.vendors.server import served

SPECIFICATIONS = (
    "v3.objects",
    "v3.crmOwners",
    "v3.properties",
    "v4.associations",
    "v4.sequences",
)
COMPANY = generate(7, SMALL)
TOKEN = "env:HUBSPOT_TOKEN"
SECRET = "env:HUBSPOT_SECRET"
START_US = AS_OF_US + 2 * DAY_US
MINUTE_US = 60_000_000
FAST: dict[str, Any] = {
    "searches_per_s": 1e9,
    "calls_per_10_s": 1e9,
    "calls_per_day": 1e9,
    "read_s": 0.5,
}
BY_PATH = {kind.path: kind for kind in KINDS.values()}
KNOWN_DEVIATIONS = (
    # The guide and all that is in use sort by objects; the specification has texts.
    re.compile(r"search_doSearch request\.sorts\[0\] is dict, not"),
    # A subcategory is a text, such as crm.associations.NO_ASSOCIATIONS_FOUND.
    re.compile(r"\.subCategory is str, not \['object'\]"),
    # An association without a label says null.
    re.compile(r"\.label is null"),
)


class Vault:
    """Secrets by reference; `renewed` counts those read anew."""

    def __init__(self, **values: str) -> None:
        self.values = {TOKEN: "token-1", SECRET: "app-secret", **values}
        self.renewed: list[str] = []
        self.kept: dict[str, str] = {}

    def get(self, reference: str) -> Secret:
        return Secret(self.kept.setdefault(reference, self.values[reference]).encode())

    def renew(self, reference: str) -> Secret:
        self.renewed.append(reference)
        self.kept.pop(reference, None)
        return self.get(reference)


class HubSpotHarness:
    """As conformance.Harness."""

    def __init__(self, address: str, account: Account, faults: Faults, now: list[int]) -> None:
        self.address = address
        self.account = account
        self.faults = faults
        self.now = now
        self.slept: list[float] = []
        self.vault = Vault()
        self.objects: tuple[str, ...] = ()
        self.exclusions = Exclusions()
        self.sleep_passes_time = False
        self.policy = RetryPolicy(tries=4)
        self.settings = HubSpotSettings(base_url=address, **FAST)
        self.contract: Contract | None = None
        """What holds both sides to the specifications; None where they are not at hand."""
        self._skew = 0.0

    def configure(self, **settings: Any) -> None:
        self.settings = msgspec.structs.replace(self.settings, **settings)

    def pass_time(self, minutes: float) -> None:
        self.now[0] += int(minutes * MINUTE_US)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.sleep_passes_time:
            self.now[0] += int(seconds * 1e6)

    def connector(self) -> HubSpotConnector:
        return HubSpotConnector(
            self.settings,
            self.vault,
            self.exclusions,
            policy=self.policy,
            sleep=self._sleep,
            monotonic=lambda: self.now[0] / 1e6 + self._skew,
            rng=random.Random(1),
        )

    def streams(self) -> Iterator[Stream]:
        return self.connector().streams(self.objects)

    def expected(self) -> dict[str, Any]:
        """record_key to the record as the account has it; None of those that went."""
        found: dict[str, Any] = {}
        for path, rows in self.account.objects.items():
            kind = BY_PATH[path]
            if self.objects and kind.name not in self.objects:
                continue
            for record in rows.values():
                key = f"hubspot:{kind.name}:{record.id}"
                found[key] = None if record.archived else self.shown(path, record.id)
        for path, loser in self.account.merged:
            if not self.objects or BY_PATH[path].name in self.objects:
                found[f"hubspot:{BY_PATH[path].name}:{loser}"] = None
        if not self.objects or "owner" in self.objects:
            found |= {f"hubspot:owner:{key}": one for key, one in self.account.owners.items()}
        return found

    def shown(self, path: str, record_id: str) -> dict[str, Any]:
        record = self.account.objects[path][record_id]
        kind = BY_PATH[path]
        chosen = self.settings.properties.get(kind.name)
        names = self.account.property_names(path)
        names = names if chosen is None else [*chosen, kind.stamp, MERGED]
        answer = self.account.shown(path, record, names)
        for to in kind.related:
            others = self.account.links.get((path, to), {}).get(record_id, {})
            results = [
                {"toObjectId": one, "associationTypes": others[one]}
                for one in sorted(others, key=lambda text: (len(text), text))
            ]
            if results:
                answer.setdefault("associations", {})[to] = {"results": results}
        return answer

    def change(self) -> None:
        contact = next(iter(self.account.live("contacts")))
        self.account.create("contacts", {"firstname": "Nova", "email": "nova@new.example"})
        self.account.edit("contacts", contact.id, {"jobtitle": "Head of Procurement"})
        self.account.create("notes", {"hs_note_body": "called"})
        self.pass_time(90)

    def skew(self, seconds: float) -> None:
        self._skew = seconds


def specification(folder: Path) -> Specification | None:
    """HubSpot's specifications as one; None where they are not at hand."""
    whole: dict[str, Any] = {"paths": {}, "components": {"schemas": {}}}
    for name in SPECIFICATIONS:
        path = SPECS / "hubspot" / f"{name}.json.gz"
        if not path.exists():
            return None
        text = gzip.decompress(path.read_bytes()).decode()
        document = json.loads(
            text.replace("#/components/schemas/", f"#/components/schemas/{name}.")
        )
        whole["paths"] |= document["paths"]
        for key, schema in document["components"]["schemas"].items():
            whole["components"]["schemas"][f"{name}.{key}"] = schema
    # The library asks with a slash at the end.
    whole["paths"]["/crm/v3/owners/"] = whole["paths"]["/crm/v3/owners"]
    merged = folder / "hubspot.json.gz"
    merged.write_bytes(gzip.compress(json.dumps(whole).encode()))
    return Specification(merged)


@contextmanager
def hubspot(
    *, seed: bool = True, page: int = 0, lag_ms: int = 0, check: bool = True
) -> Iterator[HubSpotHarness]:
    """The sandbox, served. What the specification does not allow is an error at the end."""
    now = [START_US]
    faults = Faults(seed=5)
    clock = lambda: now[0]  # noqa: E731
    account = seeded(COMPANY, clock, lag_ms=lag_ms) if seed else Account(clock, lag_ms=lag_ms)
    app: Any = application(account, faults, page)
    contract = None
    with TemporaryDirectory() as folder:
        found = specification(Path(folder)) if check else None
    if found is not None:
        app = contract = Contract(app, found)
    with served(app, faults, clock=clock) as address:
        harness = HubSpotHarness(address, account, faults, now)
        harness.contract = contract
        yield harness
    if contract is not None:
        found = {one for one in contract.violations if not _known(one)}
        assert not found, sorted(found)[:20]


def _known(violation: str) -> bool:
    return any(pattern.search(violation) for pattern in KNOWN_DEVIATIONS)
