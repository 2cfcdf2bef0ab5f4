"""What the check and the fetcher say where Dialpad does not answer as it should."""

from collections.abc import Iterator

import pytest
from dialpad_harness import DialpadHarness, dialpad

from connectors.dialpad.check import check
from connectors.dialpad.counts import counts
from connectors.finding import Finding
from sandbox.vendors.dialpad.app import PREFIX
from sandbox.vendors.faults import Fault
from schemas.errors import RetriableError, SkippableError


@pytest.fixture
def harness() -> Iterator[DialpadHarness]:
    with dialpad(page_size=5) as made:
        yield made


def findings(harness: DialpadHarness, **settings: object) -> dict[str, Finding]:
    connector = harness.connector(**settings)
    found = check(connector._client, harness.settings, harness.vault)
    return {one.what: one for one in found}


def test_without_an_address_events_are_not_expected(harness: DialpadHarness) -> None:
    found = findings(harness, webhook_url="")
    assert found["dialpad events"].ok
    assert "wait for a round" in found["dialpad events"].found
    assert "dialpad subscriptions" not in found


def test_what_does_not_answer_now_is_no_refusal(harness: DialpadHarness) -> None:
    harness.faults.switch_on(Fault(name="http_503", route=f"{PREFIX}/users"))
    found = findings(harness, webhook_url="")
    assert (found["dialpad user"].ok, found["dialpad call"].ok) == (False, True)
    assert "status.dialpad.com" in found["dialpad user"].fix


def test_a_secret_that_is_nowhere_and_subscriptions_that_cannot_be_listed(
    harness: DialpadHarness,
) -> None:
    class Vault(type(harness.vault)):  # type: ignore[misc]
        def get(self, reference: str) -> object:
            if reference == "env:NONE":
                raise RetriableError("Secret Manager does not answer")
            return super().get(reference)

    harness.vault = Vault()
    harness.faults.switch_on(Fault(name="http_503", route=f"{PREFIX}/subscriptions"))
    found = findings(harness, webhook_url="https://hooks.example/x", webhook_secrets=("env:NONE",))
    assert "does not answer" in found["dialpad secret 1"].found
    assert not found["dialpad subscriptions"].ok


@pytest.mark.parametrize("fault", ["http_503", "refused"])
def test_a_count_that_cannot_be_had_is_none(harness: DialpadHarness, fault: str) -> None:
    harness.breaks_its_word = True
    harness.faults.switch_on(Fault(name=fault, route=f"{PREFIX}/users"))
    with pytest.raises((RetriableError, SkippableError)):
        counts(harness.client())
