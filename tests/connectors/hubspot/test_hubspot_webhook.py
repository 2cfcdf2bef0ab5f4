"""Webhooks sent by the sandbox, through the service, to hints, to records as they are."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from conformance import Run
from hubspot_harness import SECRET, HubSpotHarness, Vault, hubspot
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot.events import RecordHint, coalesced, hints_of
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.webhook import HubSpotReceiver
from connectors.webhooks.receiver import Received
from connectors.webhooks.service import WebhookService, WebhookSettings
from sandbox.vendors.hubspot.webhooks import send, signed_headers
from sandbox.vendors.server import served
from schemas.errors import ConfigurationError, RetriableError

PUBLIC = "https://hooks.alderpeak.example"
SETTINGS = HubSpotSettings(webhook_secrets=(SECRET,), portal_id=62_515)


class Edge:
    """The service, what it published, and whether Pub/Sub is there."""

    def __init__(self, harness: HubSpotHarness) -> None:
        self.down = False
        self.received: list[Received] = []
        self.vault = Vault()
        self.receiver = HubSpotReceiver(SETTINGS, self.vault, lambda: harness.now[0])
        self.service = WebhookService(
            {"hubspot": self.receiver}, self.publish, WebhookSettings(public_url=PUBLIC)
        )
        self.url = ""

    def publish(self, received: Received) -> None:
        if self.down:
            raise RetriableError("Pub/Sub is down")
        self.received.append(received)

    def hints(self) -> list[bytes]:
        return [hint.data for received in self.received for hint in received.hints]

    def count(self, outcome: str) -> int:
        return self.service.tally.counts().get(("hubspot", outcome), 0)

    def post(self, body: bytes, secret: str = "app-secret", ms: int = 0) -> int:
        public = f"{PUBLIC}/webhooks/hubspot"
        headers = signed_headers(secret, "POST", public, body, ms)
        return requests.post(self.url, data=body, headers=headers, timeout=5).status_code


@contextmanager
def an_edge(harness: HubSpotHarness) -> Iterator[Edge]:
    edge = Edge(harness)
    with served(edge.service.app) as address:
        edge.url = f"{address}/webhooks/hubspot"
        yield edge


@pytest.fixture
def harness() -> Iterator[HubSpotHarness]:
    with hubspot() as harness:
        harness.objects = ("contact", "company", "deal")
        yield harness


@pytest.fixture
def edge(harness: HubSpotHarness) -> Iterator[Edge]:
    with an_edge(harness) as edge:
        yield edge


def deliver(harness: HubSpotHarness, edge: Edge, secret: str = "app-secret") -> list[int]:
    return send(harness.account, edge.url, secret, public_url=f"{PUBLIC}/webhooks/hubspot")


def an_event(**facts: Any) -> dict[str, Any]:
    return {
        "eventId": 1,
        "subscriptionId": 2,
        "portalId": 62_515,
        "occurredAt": 1_767_225_600_000,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": 51,
        "propertyName": "email",
        "propertyValue": "x@y.example",
        **facts,
    }


def test_every_change_of_the_account_is_there_by_its_webhooks_alone(
    harness: HubSpotHarness, edge: Edge, tmp_path: Path
) -> None:
    run = Run(harness, tmp_path)
    run.round()
    account = harness.account
    one, two, three, four = [record.id for record in account.live("contacts")][:4]
    company = account.create("companies", {"name": "New"})
    account.edit("contacts", one, {"jobtitle": "Chief"})
    account.archive("contacts", two)
    account.merge("contacts", three, four, new_id=True)
    account.associate("contacts", one, "companies", company.id)
    harness.pass_time(1)
    assert set(deliver(harness, edge)) == {200}
    run.collector.changes += harness.connector().fetcher().fetch(edge.hints()).changes
    run.assert_all_there()


def test_trap_38_while_pubsub_is_down_hubspot_is_asked_to_come_again(
    harness: HubSpotHarness, edge: Edge
) -> None:
    harness.account.create("contacts", {"firstname": "Ada"})
    edge.down = True
    assert deliver(harness, edge) == [503]
    edge.down = False
    assert deliver(harness, edge) == [200]
    assert len(edge.hints()) == 1


def test_trap_38_a_wrong_signature_is_401_and_counted_and_nothing_is_kept(
    harness: HubSpotHarness, edge: Edge
) -> None:
    harness.account.create("contacts", {"firstname": "Ada"})
    assert deliver(harness, edge, secret="guessed") == [401]
    assert (edge.count("refused"), edge.received) == (1, [])
    # HubSpot never sends again what was refused: a false 401 is lost until the lanes read it.
    assert harness.account.events == []


@pytest.mark.parametrize("body", [b"[{", b"", b'{"eventId": 1}', b"\xff[]", b"[" * 5_000])
def test_trap_38_what_is_signed_and_unreadable_is_a_dead_letter_and_a_200(
    harness: HubSpotHarness, edge: Edge, body: bytes
) -> None:
    assert edge.post(body, ms=harness.account.now()) == 200
    ((received,),) = [edge.received]
    assert [bad.data for bad in received.bad] == [body]
    assert received.hints == ()


def test_trap_38_one_event_that_is_none_spoils_no_other(
    harness: HubSpotHarness, edge: Edge
) -> None:
    events = [an_event(), 7, {"x": 1}, an_event(objectId=None), an_event(objectId=52)]
    assert edge.post(json.dumps(events).encode(), ms=harness.account.now()) == 200
    (received,) = edge.received
    assert (len(received.hints), len(received.bad)) == (2, 3)


def test_trap_53_half_a_character_in_one_event_spoils_no_other(
    harness: HubSpotHarness, edge: Edge
) -> None:
    events = [an_event(propertyValue="Sales \ud83d"), an_event(objectId=52)]
    assert edge.post(json.dumps(events).encode(), ms=harness.account.now()) == 200
    (received,) = edge.received
    assert (len(received.hints), received.bad) == (2, ())


def test_trap_39_what_comes_again_is_dropped_once_it_is_published(
    harness: HubSpotHarness, edge: Edge
) -> None:
    now = harness.account.now()
    body = json.dumps([an_event()]).encode()
    edge.down = True
    assert edge.post(body, ms=now) == 503
    edge.down = False
    again = json.dumps([an_event(attemptNumber=1)]).encode()
    assert edge.post(again, ms=now) == 200
    assert len(edge.hints()) == 1
    assert edge.post(json.dumps([an_event(attemptNumber=2)]).encode(), ms=now) == 200
    assert (len(edge.hints()), edge.count("repeated")) == (1, 1)
    # The same eventId for another record is another event.
    assert edge.post(json.dumps([an_event(objectId=52)]).encode(), ms=now) == 200
    assert len(edge.hints()) == 2


@pytest.mark.parametrize("at", [-1, 10**15, 10**30, 1.5, "1767225600000", None, True])
def test_trap_53_an_event_of_no_time_is_a_dead_letter(
    harness: HubSpotHarness, edge: Edge, at: Any
) -> None:
    events = [an_event(occurredAt=at, objectId=10**30), an_event(objectId=52)]
    assert edge.post(json.dumps(events).encode(), ms=harness.account.now()) == 200
    (received,) = edge.received
    assert (len(received.hints), len(received.bad)) == (1, 1)
    assert json.loads(received.bad[0].data) == events[0]


def test_a_portal_that_is_written_as_a_text_is_ours_too(
    harness: HubSpotHarness, edge: Edge
) -> None:
    body = json.dumps([an_event(portalId="62515")]).encode()
    assert edge.post(body, ms=harness.account.now()) == 200
    assert len(edge.hints()) == 1


def test_trap_39_tests_of_the_settings_page_and_other_portals_are_counted_and_dropped(
    harness: HubSpotHarness, edge: Edge
) -> None:
    events = [
        an_event(eventId=100, objectId=123),
        an_event(portalId=1),
        an_event(subscriptionType="ticket.creation"),
        an_event(subscriptionType="conversation.newMessage"),
        an_event(subscriptionType="contact.somethingNew"),
    ]
    assert edge.post(json.dumps(events).encode(), ms=harness.account.now()) == 200
    assert edge.hints() == []
    counts = {name: edge.count(name) for name in ("test_events", "other_portals", "other_objects")}
    assert counts == {"test_events": 1, "other_portals": 1, "other_objects": 3}


def test_trap_39_events_in_any_order_end_in_the_record_as_it_is(
    harness: HubSpotHarness, edge: Edge, tmp_path: Path
) -> None:
    run = Run(harness, tmp_path)
    run.round()
    record = next(iter(harness.account.live("contacts")))
    for number in range(5):
        harness.account.edit("contacts", record.id, {"jobtitle": f"Title {number}"})
        harness.pass_time(0.1)
    harness.account.archive("contacts", record.id)
    harness.pass_time(0.1)
    harness.account.restore("contacts", record.id)
    harness.account.events.reverse()
    harness.pass_time(1)
    deliver(harness, edge)
    run.collector.changes += harness.connector().fetcher().fetch(edge.hints()).changes
    run.assert_all_there()


def test_trap_40_a_redacted_value_is_read_and_never_kept(
    harness: HubSpotHarness, edge: Edge, tmp_path: Path
) -> None:
    run = Run(harness, tmp_path)
    run.round()
    harness.account.sensitive.add("jobtitle")
    record = next(iter(harness.account.live("contacts")))
    harness.account.edit("contacts", record.id, {"jobtitle": "Judge"})
    assert harness.account.events[-1]["propertyValue"] == "REDACTED"
    harness.pass_time(1)
    deliver(harness, edge)
    assert all(b"REDACTED" not in hint and b"Judge" not in hint for hint in edge.hints())
    page = harness.connector().fetcher().fetch(edge.hints())
    (change,) = page.changes
    assert json.loads(change.payload)["properties"]["jobtitle"] == "Judge"


def test_a_hint_holds_ids_and_times_and_no_content(harness: HubSpotHarness, edge: Edge) -> None:
    assert edge.post(json.dumps([an_event()]).encode(), ms=harness.account.now()) == 200
    (hint,) = edge.hints()
    assert json.loads(hint) == {"object": "contact", "id": "51", "at": 1_767_225_600_000}


def test_trap_56_a_secret_that_was_changed_is_read_anew_before_anything_is_refused(
    harness: HubSpotHarness, edge: Edge
) -> None:
    harness.account.create("contacts", {"firstname": "Ada"})
    edge.vault.get(SECRET)
    edge.vault.values[SECRET] = "rotated"
    assert deliver(harness, edge, secret="rotated") == [200]
    assert edge.vault.renewed == [SECRET]


def test_trap_37_an_empty_secret_is_no_secret(harness: HubSpotHarness, edge: Edge) -> None:
    edge.vault.values[SECRET] = "\n"
    assert edge.post(json.dumps([an_event()]).encode(), secret="", ms=harness.account.now()) == 503
    assert edge.received == []


def test_a_receiver_without_a_secret_is_not_made() -> None:
    with pytest.raises(ConfigurationError, match="webhook_secrets"):
        HubSpotReceiver(HubSpotSettings(), Vault())


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"subscriptionType": "object.creation", "objectTypeId": "0-48"}, ("call", "51")),
        ({"subscriptionType": "object.deletion", "objectTypeId": "0-1"}, ("contact", "51")),
        ({"subscriptionType": "deal.propertyChange", "objectId": "52"}, ("deal", "52")),
        (
            {"subscriptionType": "company.merge", "primaryObjectId": 5, "mergedObjectIds": [6]},
            ("company", "5"),
        ),
        (
            {
                "subscriptionType": "object.associationChange",
                "fromObjectId": 7,
                "toObjectId": 8,
                "fromObjectTypeId": "0-46",
                "toObjectTypeId": "2-99",
            },
            ("note", "7"),
        ),
    ],
)
def test_events_of_every_form(facts: dict[str, Any], expected: tuple[str, str]) -> None:
    found = hints_of(an_event(**facts))
    assert found is not None
    assert [(hint.object, hint.id) for hint in found] == [expected]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
TYPES = ["contact.merge", "contact.associationChange", "object.deletion", "deal.creation", "x"]


@given(
    st.fixed_dictionaries(
        {"subscriptionType": st.sampled_from(TYPES), "occurredAt": st.integers(0, 10**13)},
        optional=dict.fromkeys(
            ("objectId", "primaryObjectId", "newObjectId", "mergedObjectIds", "fromObjectId"),
            ANYTHING,
        ),
    )
)
def test_no_event_breaks_the_reading(event: dict[str, Any]) -> None:
    found = hints_of(event)
    for hint in found or ():
        assert hint.id.isdigit()
        assert msgspec.json.decode(msgspec.json.encode(hint), type=RecordHint) == hint


@given(st.permutations([(1, 0, 0), (5, 5, 0), (9, 0, 9), (7, 7, 0)]))
def test_hints_on_one_record_are_one_in_whatever_order(times: list[tuple[int, int, int]]) -> None:
    some = [
        RecordHint(object="contact", id="1", at=at, deleted=gone, restored=back)
        for at, gone, back in times
    ]
    assert coalesced(some) == [RecordHint(object="contact", id="1", at=9, deleted=7, restored=9)]
