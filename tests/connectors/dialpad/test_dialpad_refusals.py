"""What the check and the fetcher say where Dialpad does not answer as it should."""

import json
from collections.abc import Iterator

import pytest
from dialpad_harness import DialpadHarness, dialpad

from connectors.dialpad.check import check
from connectors.dialpad.counts import counts
from connectors.dialpad.fetch import Fetcher
from connectors.exclusions import Excluder, Exclusions
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


def test_a_call_that_cannot_be_read_is_a_dead_letter_and_a_detail_that_is_refused_a_note(
    harness: DialpadHarness,
) -> None:
    call_id = harness.state.listed()[0]["call_id"]
    hint = json.dumps({"call_id": call_id}).encode()
    harness.state.scopes -= {"ai_recap"}
    page = Fetcher(harness.client(), Excluder(Exclusions())).fetch([hint])
    assert page.notes["recap_not_allowed"] == 1
    assert page.changes[0].object_id == call_id

    harness.breaks_its_word = True
    harness.state.calls[call_id] = {"date_started": "never"}
    page = Fetcher(harness.client(), Excluder(Exclusions())).fetch([hint])
    assert [one.location for one in page.bad] == [f"call {call_id}"]
    assert page.changes == ()


@pytest.mark.parametrize("fault", ["http_503", "refused"])
def test_a_count_that_cannot_be_had_is_none(harness: DialpadHarness, fault: str) -> None:
    harness.breaks_its_word = True
    harness.faults.switch_on(Fault(name=fault, route=f"{PREFIX}/users"))
    with pytest.raises((RetriableError, SkippableError)):
        counts(harness.client())


def test_of_a_call_without_any_time_no_details_are_asked_for(harness: DialpadHarness) -> None:
    harness.breaks_its_word = True
    call_id = harness.state.listed()[0]["call_id"]
    harness.state.calls[call_id] = {"call_id": call_id, "state": "hangup"}
    hint = json.dumps({"call_id": call_id}).encode()
    page = Fetcher(harness.client(), Excluder(Exclusions())).fetch([hint])
    assert [one.object_type for one in page.changes] == ["call"]
    assert harness.state.drawn["transcript"] == harness.state.drawn["recap"] == 0
