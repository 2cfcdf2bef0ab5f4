"""What an administrator has to grant, whether events will come, and how many records there are."""

from pathlib import Path

import pytest
import requests
from dialpad_harness import PREFIX, DialpadHarness, dialpad

from connectors.cursors.sqlite import SqliteCursorStore
from connectors.dialpad.check import check
from connectors.dialpad.client import DialpadClient
from connectors.dialpad.counts import counts
from connectors.dialpad.settings import OBJECTS, PER_MINUTE
from connectors.dialpad.subscriptions import KINDS, drifts, subscribe
from connectors.secrets import Secret
from sandbox.vendors.dialpad.seed import START_US
from sandbox.vendors.dialpad.state import DialpadState
from sandbox.vendors.faults import Fault
from schemas.clock import DAY_US
from schemas.errors import ConfigurationError, RetriableError

URL = "https://hooks.example/webhooks/dialpad"
SECRET = "a secret of thirty-two bytes, at least"


def wanting_events(harness: DialpadHarness) -> DialpadClient:
    harness.connector(webhook_url=URL, webhook_secrets=("env:HOOK",), objects=OBJECTS)
    harness.vault.values["env:HOOK"] = SECRET
    return harness.client()


def found(harness: DialpadHarness) -> dict[str, str]:
    return {one.kind: one.found for one in drifts(harness.client(), harness.settings)}


def test_trap_51_what_was_subscribed_is_as_wanted_and_stays_so() -> None:
    with dialpad() as harness:
        client = wanting_events(harness)
        assert found(harness) == dict.fromkeys(("call", "sms", "contact"), "there is none")
        made = subscribe(client, harness.settings, Secret(SECRET.encode()))
        assert made == ["call", "sms", "contact"]
        assert found(harness) == {}
        assert subscribe(client, harness.settings, Secret(SECRET.encode())) == []
        assert len(harness.state.webhooks) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"enabled": False}, "switched off"),
        ({"webhook": {"hook_url": "https://old.example/x", "id": "1"}}, "none leads to us; 1"),
        ({"webhook": None}, "none leads to us; 1"),
        ({"webhook": {"hook_url": URL + "/", "id": "1"}}, "no secret"),
        ({"call_states": ["hangup"]}, "without calling, ringing"),
        ({"call_states": None}, "without calling"),
        ({"target_type": "office", "target_id": 7}, "one target only"),
        ({"group_calls_only": True}, "groups only"),
    ],
)
def test_trap_51_each_drift_is_found(change: dict[str, object], words: str) -> None:
    with dialpad() as harness:
        subscribe(wanting_events(harness), harness.settings, Secret(SECRET.encode()))
        listed = harness.state.subscriptions["call"]
        listed[0] = {**listed[0], **change}
        assert words in found(harness)["call"]
        assert SECRET not in str(list(drifts(harness.client(), harness.settings)))


def test_trap_51_one_that_is_as_wanted_is_enough() -> None:
    with dialpad() as harness:
        subscribe(wanting_events(harness), harness.settings, Secret(SECRET.encode()))
        listed = harness.state.subscriptions["call"]
        listed.insert(0, {**listed[0], "enabled": False})
        listed.append({**listed[1], "call_states": ["all"]})
        assert found(harness) == {}


def test_a_short_secret_and_no_address_are_refused() -> None:
    with dialpad() as harness:
        client = wanting_events(harness)
        with pytest.raises(ConfigurationError, match="openssl"):
            subscribe(client, harness.settings, Secret(b"short"))
        harness.connector(webhook_url="")
        with pytest.raises(ConfigurationError, match="webhook_url"):
            list(drifts(client, harness.settings))


def shown(harness: DialpadHarness) -> dict[str, tuple[bool, str]]:
    listed = check(harness.client(), harness.settings, harness.vault)
    return {one.what: (one.ok, f"{one.found}: {one.fix}") for one in listed}


def test_all_is_well_where_all_is_granted() -> None:
    with dialpad() as harness:
        client = wanting_events(harness)
        subscribe(client, harness.settings, Secret(SECRET.encode()))
        assert all(ok for ok, _ in shown(harness).values())
        assert "dialpad recap" in shown(harness)


def test_each_refusal_says_what_to_grant() -> None:
    with dialpad() as harness:
        wanting_events(harness)
        harness.state.scopes -= {"ai_recap", "calls:list"}
        harness.vault.values["env:HOOK"] = "short"
        findings = shown(harness)
        assert findings["dialpad key"][0]
        assert not findings["dialpad recap"][0]
        assert "scope ai_recap" in findings["dialpad recap"][1]
        assert "calls:list" in findings["dialpad call"][1]
        assert findings["dialpad transcript"][0]
        assert not findings["dialpad secret 1"][0]
        assert not findings["dialpad call events"][0]
        harness.state.scopes.clear()
        assert list(shown(harness)) == ["dialpad key"]
        harness.state.tokens.clear()
        ((ok, words),) = shown(harness).values()
        assert (ok, "credential is refused" in words) == (False, True)


def living(state: DialpadState) -> list[str]:
    return [one for one, user in state.users.items() if user["state"] != "deleted"]


def test_what_the_source_has_is_counted_by_its_ids() -> None:
    with dialpad(page_size=4) as harness:
        state = harness.state
        assert counts(harness.client()) == {
            "call": len(state.calls),
            "user": len(living(state)),
            "contact": len(state.contacts),
        }
        state.edit_user(living(state)[0], state="deleted")
        assert counts(harness.client(), ("user",)) == {"user": len(living(state))}
        middle = int(state.listed()[20]["date_started"])
        late = counts(harness.client(), ("call",), after_ms=middle)
        early = counts(harness.client(), ("call",), before_ms=middle + 1)
        assert late["call"] + early["call"] == len(state.calls)
        with pytest.raises(ConfigurationError):
            counts(harness.client(), ("sms",))


def test_a_day_holds_the_calls_that_began_from_its_midnight_to_the_next() -> None:
    with dialpad(page_size=1) as harness:
        state, day = harness.state, START_US // DAY_US - 1
        for milliseconds in (-1, 0, 86_399_999, 86_400_000):
            state.new_call(started_us=day * DAY_US + milliseconds * 1_000, length_s=60)
        harness.pass_time(5)
        starts = [int(one["date_started"]) // (DAY_US // 1_000) for one in state.listed()]
        days = (day - 1, day, day + 1)
        expected = {one: starts.count(one) for one in days}
        assert expected[day] >= 2
        for fault in ("", "filter_ignored", "duplicate_page", "unordered"):
            harness.faults.switch_off()
            if fault:
                harness.faults.switch_on(Fault(name=fault, route=f"{PREFIX}/call", times=5))
                harness.breaks_its_word = True
            asked = [one for one in harness.connector().questions(days) if one.day is not None]
            assert {one.day: one.ask().records for one in asked} == expected
            assert {one.object_type for one in asked} == {"call"}
        harness.faults.switch_off()
        harness.faults.switch_on(Fault(name="duplicate_page", route=f"{PREFIX}/call"))
        with pytest.raises(RetriableError, match="without an end"):
            next(iter(harness.connector().questions((day,)))).ask()
        harness.faults.switch_off()
        in_all = [one for one in harness.connector().questions(days) if one.day is None]
        assert {one.object_type: one.ask().records for one in in_all} == {
            "user": len(living(state)),
            "contact": len(state.contacts),
        }


def test_trap_51_drift_is_looked_for_only_where_events_are_wanted(tmp_path: Path) -> None:
    cursors = SqliteCursorStore(tmp_path / "cursors.db")
    with dialpad() as harness:
        assert list(harness.connector().drift(cursors)) == []
        wanting_events(harness)
        findings = list(harness.connector().drift(cursors))
        assert [one.what for one in findings] == [
            "dialpad call events",
            "dialpad sms events",
            "dialpad contact events",
        ]
        assert not any(one.ok for one in findings)
        assert all("salesintel subscribe dialpad" in one.fix for one in findings)


def test_counting_a_list_that_goes_round_in_a_circle_is_no_count() -> None:
    with dialpad(page_size=4) as harness:
        client = harness.client()
        listed = client.contacts()
        client.contacts = lambda token="": listed  # type: ignore[method-assign]
        with pytest.raises(RetriableError, match="circle"):
            counts(client, ("contact",))


def test_a_webhook_without_a_secret_is_not_subscribed_to() -> None:
    with dialpad() as harness:
        client = wanting_events(harness)
        harness.state.webhooks["1"] = {"id": "1", "hook_url": URL}
        subscribe(client, harness.settings, Secret(SECRET.encode()))
        assert found(harness) == {}


def test_a_check_of_an_object_that_there_is_not_says_so() -> None:
    with dialpad() as harness:
        harness.connector(objects=("fax", "call"))
        findings = shown(harness)
        assert not findings["dialpad fax"][0]
        assert findings["dialpad call"][0]


def test_every_operation_is_held_to_the_specification() -> None:
    with dialpad() as harness:
        contract, client = harness.contract, wanting_events(harness)
        if contract is None:
            pytest.skip("the specification is absent: nothing is held to it")
        subscribe(client, harness.settings, Secret(SECRET.encode()))
        list(check(client, harness.settings, harness.vault))
        client.call(harness.state.listed()[0]["call_id"])
        assert contract.operations == {
            "call.list",
            "call.get_call_info",
            "call.ai_recap",
            "transcripts.get",
            "users.list",
            "contacts.list",
            "company.get",
            "webhooks.list",
            "webhooks.create",
            *(
                f"webhook_{kind}_event_subscription.{verb}"
                for kind in KINDS
                for verb in ("list", "create")
            ),
        }
        # And it is no formality: what is not in the specification is noted.
        requests.get(f"{client._base}/users?limit=x&nonsense=1", timeout=10)
        assert [one for one in contract.violations if "nonsense" in one]
        harness.breaks_its_word = True


def test_trap_48_a_single_call_has_a_bucket_of_its_own() -> None:
    with dialpad() as harness:
        harness.connector(per_minute={**harness.settings.per_minute, "call": PER_MINUTE["call"]})
        client, call_id = harness.client(), harness.state.listed()[0]["call_id"]
        for _ in range(10):
            client.call(call_id)
        assert harness.slept == []
        client.calls()
        assert harness.slept == []
        client.call(call_id)
        assert harness.slept == [pytest.approx(60.0)], "ten within any minute, and no more"
        assert PER_MINUTE["call"] == 10


def test_settings_name_only_operations_that_there_are() -> None:
    with dialpad() as harness, pytest.raises(ConfigurationError, match="fax"):
        harness.connector(per_minute={"fax": 1.0})
    with dialpad() as harness, pytest.raises(ConfigurationError, match="there are call, user"):
        harness.connector().streams(["fax"])
    with dialpad() as harness, pytest.raises(ConfigurationError, match="no user to read"):
        harness.connector().backfill(None, None, ["user"])
