"""The client: what its errors mean, its budget, and the specifications that it is held to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from conformance import Run
from hubspot_harness import HubSpotHarness, hubspot

from connectors.calls import Budget, RetryPolicy
from connectors.hubspot import HubSpotConnector, HubSpotSettings
from connectors.hubspot.kinds import KINDS
from connectors.hubspot.refusals import judge
from sandbox.vendors.faults import Fault
from schemas.errors import ConfigurationError, RetriableError, SkippableError
from transforms.settings import Settings

SETTINGS = Settings(own_domains=("alderpeak.example",))


@pytest.fixture
def harness() -> Iterator[HubSpotHarness]:
    with hubspot() as harness:
        yield harness


@pytest.mark.slow
def test_a_call_that_is_never_answered_ends(harness: HubSpotHarness) -> None:
    harness.policy = RetryPolicy(tries=2)
    for route in ("/crm", "/automation"):
        harness.faults.switch_on(Fault(name="hang", route=route))
    client = harness.connector().client
    for call in (
        lambda: client.owners(archived=False),
        lambda: client.enrollment("1"),
        lambda: client.search(KINDS["deal"], [], "hs_lastmodifieddate"),
    ):
        with pytest.raises(RetriableError, match="Timeout"):
            call()


def test_trap_58_what_errors_mean_and_that_they_repeat_nothing() -> None:
    class Refused(Exception):
        def __init__(self, status: int, body: bytes = b"", **headers: str) -> None:
            super().__init__("jo@customer.example")
            self.status, self.body, self.headers = status, body, headers

    for status, kind in (
        (400, SkippableError),
        (401, ConfigurationError),
        (403, SkippableError),
        (404, SkippableError),
        (423, RetriableError),
        (429, RetriableError),
        (477, RetriableError),
        (500, RetriableError),
        (521, RetriableError),
        (530, RetriableError),
    ):
        verdict = judge(Refused(status, b'{"message": "jo@customer.example is unknown"}'))
        assert isinstance(verdict.error, kind), status
        assert "customer" not in str(verdict.error)
    body = json.dumps(
        {"errors": [{"context": {"requiredGranularScopes": ["a.read", "jo@x.example", 7]}}]}
    )
    assert str(judge(Refused(403, body.encode())).error).endswith("grant the private app a.read")
    assert judge(Refused(429, b"", **{"Retry-After": "7"})).after_s == 7.0
    rolling = b'{"policyName": "TEN_SECONDLY_ROLLING"}'
    assert judge(Refused(429, rolling)).after_s == 10.0
    assert "customer" not in str(judge(ValueError("jo@customer.example")).error)


def test_every_operation_is_held_to_the_specifications(
    harness: HubSpotHarness, tmp_path: Path
) -> None:
    contract = harness.contract
    if contract is None:
        pytest.skip("the specifications are absent: nothing is held to them")
    harness.configure(enrollments=True)
    one = next(iter(harness.account.live("contacts")))
    harness.account.edit("contacts", one.id, {"hs_sequences_is_enrolled": "true"})
    harness.pass_time(90)
    assert Run(harness, tmp_path).round().succeeded
    assert len(contract.operations) == 7, sorted(contract.operations)
    # And it is no formality: what is not in the specifications is noted.
    body = {"inputs": [{"id": "7"}], "properties": "all", "propertiesWithHistory": []}
    address = f"{harness.address}/crm/v3/objects/contacts/batch/read?nonsense=1"
    requests.post(address, json=body, headers={"Authorization": "Bearer token-1"}, timeout=10)
    noted = [one for one in contract.violations if "nonsense" in one or "properties is" in one]
    assert len(noted) == 2
    contract.violations = [one for one in contract.violations if one not in noted]


def test_an_object_that_there_is_not_is_a_matter_of_settings(harness: HubSpotHarness) -> None:
    with pytest.raises(ConfigurationError, match="no object 'quote'"):
        list(harness.connector().streams(["quote"]))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"tokens": "x"}, HubSpotSettings)


def test_the_default_budget_stays_below_hubspots_limits_in_any_window() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    settings = HubSpotSettings()
    budget = Budget(settings.rates(), settings.costs(), monotonic=lambda: now[0], sleep=sleep)
    for kind, most, window in (("search", 5, 1.0), ("read", 100, 10.0)):
        now[0] += 3_600
        times = []
        for _ in range(300):
            budget.draw(kind)
            times.append(now[0])
        busiest = max(sum(start <= one < start + window for one in times) for start in times)
        assert busiest <= most


def test_the_connector_is_made_of_settings_alone() -> None:
    class Nothing:
        def get(self, reference: str) -> Any:
            raise ConfigurationError("not asked for before it is needed")

        renew = get

    connector = HubSpotConnector(HubSpotSettings(), Nothing())
    names = [stream.name for stream in connector.streams()]
    assert names[:2] == ["hubspot/owner", "hubspot/contact"]
    assert len(names) == len(set(names)) == 1 + 4 * len(KINDS)
    assert all("@" not in name for name in names)
