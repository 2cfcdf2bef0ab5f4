"""Events: whose they are, what they say, and that none of them undoes another."""

import base64
import hashlib
import hmac
import itertools
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dialpad_harness import COMPANY, KEY, Vault
from texts import text_of

from connectors.dialpad.records import call_record
from connectors.dialpad.settings import DialpadSettings
from connectors.dialpad.webhook import DialpadReceiver, read_event
from connectors.exclusions import Exclusions
from connectors.webhooks.receiver import Delivery, InvalidSignature, Received
from sandbox.vendors.dialpad.events import call_event, life_of, signed, sms_event
from sandbox.vendors.dialpad.seed import START_US
from sandbox.vendors.dialpad.state import DialpadState
from schemas.change import Change
from schemas.errors import ConfigurationError
from transforms.normalise import normalise
from transforms.settings import Settings

SECRET = "a secret of thirty-two bytes, at least"
STATE = DialpadState(COMPANY, lambda: START_US)
CALL = STATE.new_call(length_s=60)
EVENT = call_event(STATE, CALL, "hangup")


def receiver(
    *, vault: Vault | None = None, now: int = START_US + 3_600_000_000, **settings: Any
) -> DialpadReceiver:
    return DialpadReceiver(
        DialpadSettings(**{"token": KEY, "webhook_secrets": ("env:HOOK",), **settings}),
        vault or Vault(**{"env:HOOK": SECRET, "env:NEW": SECRET[::-1]}),
        Exclusions(records=("dialpad:call:666",), mailboxes=("hr@alderpeak.example",)),
        clock=lambda: now,
    )


def delivery(body: bytes) -> Delivery:
    return Delivery("POST", "https://hooks.example/webhooks/dialpad", {}, body)


def taken(body: bytes, **options: Any) -> Received:
    return receiver(**options).receive(delivery(body))


def part(value: object) -> bytes:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def by_hand(header: object, payload: object, key: bytes) -> bytes:
    head = part(header) + b"." + part(payload)
    return head + b"." + part(hmac.new(key, head, hashlib.sha256).digest())


def test_trap_44_the_body_is_a_token_and_its_claims_are_the_event_byte_for_byte() -> None:
    payload = b'{"call_id":9007199254740993 , "state":"hangup","date_ended":1767225700000}'
    (change,) = taken(by_hand({"alg": "HS256", "typ": "JWT"}, payload, SECRET.encode())).changes
    assert (change.payload, change.object_id) == (payload, "9007199254740993")
    assert change.stamp == 1_767_225_700_000_000


@pytest.mark.parametrize(
    "wrap",
    [
        lambda token: token,
        lambda token: token + b"\n",
        lambda token: b"  " + token + b"\r\n",
        lambda token: b'"' + token + b'"',
        lambda token: b' "' + token + b'\\n" \n',
    ],
)
def test_trap_44_quotes_and_line_ends_around_it_are_none_of_it(wrap: Any) -> None:
    assert len(taken(wrap(signed(EVENT, SECRET))).changes) == 1


RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PEM = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'""',
        b"a.b.c",
        b"...",
        b"\xff\xfe.\x00.\x01",
        json.dumps(EVENT).encode(),
        b'"{}"',
        signed(EVENT, SECRET + "x"),
        signed(EVENT, SECRET)[:-3],
        signed(EVENT, SECRET).replace(b".", b"..", 1),
        signed(EVENT, SECRET).rpartition(b".")[0] + b".",
        jwt.encode(EVENT, None, algorithm="none").encode(),
        jwt.encode(EVENT, SECRET, algorithm="HS512").encode(),
        jwt.encode(EVENT, RSA, algorithm="RS256").encode(),
        by_hand({"alg": "none"}, EVENT, SECRET.encode()),
        by_hand({"alg": "RS256"}, EVENT, PEM),
        by_hand({"alg": "hs256"}, EVENT, SECRET.encode()),
        by_hand({"alg": ["HS256"]}, EVENT, SECRET.encode()),
        by_hand({}, EVENT, SECRET.encode()),
        by_hand({"alg": "HS256"}, EVENT, b""),
        part({"alg": "HS256"}) + b"." + part(EVENT) + b".",
    ],
    # Keys are made anew in each process: what is signed by them names no test.
    ids=map(str, itertools.count()),
)
def test_trap_44_what_nobody_has_signed_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidSignature) as refused:
        taken(body)
    assert "alderpeak" not in str(refused.value)


def test_trap_44_a_public_key_as_secret_opens_nothing_signed_with_it() -> None:
    vault = Vault(**{"env:HOOK": PEM.decode()})
    for body in (
        by_hand({"alg": "HS256"}, EVENT, PEM),
        jwt.encode(EVENT, RSA, algorithm="RS256").encode(),
    ):
        with pytest.raises(InvalidSignature):
            taken(body, vault=vault)


def test_trap_44_plain_json_is_taken_only_where_that_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="webhook_secrets is empty"):
        receiver(webhook_secrets=())
    plain = json.dumps(EVENT).encode()
    assert len(taken(plain, webhook_secrets=(), allow_unsigned=True).changes) == 1
    with pytest.raises(InvalidSignature):
        taken(plain, allow_unsigned=True)


def test_an_empty_secret_is_nothing_to_sign_with() -> None:
    with pytest.raises(ConfigurationError, match="empty"):
        taken(by_hand({"alg": "HS256"}, EVENT, b""), vault=Vault(**{"env:HOOK": "\n"}))


def test_trap_56_a_secret_that_was_changed_is_read_anew_and_both_are_good_for_a_while() -> None:
    vault = Vault(**{"env:HOOK": "the old one, which was good for long"})
    one = receiver(vault=vault)
    vault.get("env:HOOK")
    vault.values["env:HOOK"] = SECRET
    assert len(one.receive(delivery(signed(EVENT, SECRET))).changes) == 1
    assert vault.renewed == ["env:HOOK"]
    both = receiver(webhook_secrets=("env:HOOK", "env:NEW"))
    for secret in (SECRET, SECRET[::-1]):
        assert len(both.receive(delivery(signed(EVENT, secret))).changes) == 1


def test_trap_46_an_event_that_comes_again_is_dropped_once_it_is_published() -> None:
    one = receiver()
    first = one.receive(delivery(signed(EVENT, SECRET)))
    # Not published: it has to be taken when it comes again.
    assert one.receive(delivery(signed(EVENT, SECRET))) == first
    one.published(first)
    assert one.receive(delivery(signed(EVENT, SECRET))) == Received(notes={"repeated": 1})
    more = {**EVENT, "recording_details": [{"id": "1"}]}
    assert len(one.receive(delivery(signed(more, SECRET))).changes) == 1


def test_trap_52_a_replay_after_a_restart_is_the_same_change() -> None:
    first, again = (taken(signed(EVENT, SECRET)).changes[0] for _ in range(2))
    # Who remembered it is gone: what is published twice has one identity, and Dedupe drops it.
    assert (first.change_id, first.version) == (again.change_id, again.version)


def test_trap_46_what_is_too_old_is_dropped() -> None:
    late = START_US + 8 * 86_400_000_000
    assert taken(signed(EVENT, SECRET), now=late) == Received(notes={"too_old": 1})


def newest(changes: list[Change]) -> dict[str, Change]:
    last: dict[str, Change] = {}
    for change in changes:
        known = last.get(change.record_key)
        if known is None or change.version > known.version:
            last[change.record_key] = change
    return last


def test_trap_46_in_whatever_order_events_come_the_call_ends_the_same() -> None:
    events = life_of(STATE, CALL)
    changes = [taken(signed(event, SECRET)).changes[0] for event in events]
    ends = []
    for order in itertools.permutations(range(len(changes)), len(changes)):
        arrived = [changes[place] for place in order]
        ends.append({key: one.digest for key, one in newest([*arrived, arrived[0]]).items()})
    assert all(one == ends[0] for one in ends)
    last = newest(changes)
    assert json.loads(last[f"dialpad:call:{CALL}"].payload)["state"] == "hangup"
    assert len(last) == 4
    made = [normalise(one, Settings(), START_US)[0] for one in last.values()]
    rows = [one[0] for one in made]
    assert len({row.interaction_id for row in rows}) == 1
    assert {row.part: row.outcome for row in rows} == {
        "call": "hangup",
        "recap": None,
        "transcript": None,
    }
    assert {text_of(one) for one in made if one[0].part == "recap"} == {
        "They spoke of the quote.",
        "- Send the quote",
    }


def test_trap_46_the_record_of_the_api_wins_over_the_event_before_it() -> None:
    event = taken(signed(EVENT, SECRET)).changes[0]
    record = call_record(json.dumps(STATE.calls[CALL]).encode())
    read = record.change(event.fetched + 1_000_000, "live")
    assert read.stamp == event.stamp
    assert read.version > event.version
    ringing = taken(signed(call_event(STATE, CALL, "ringing"), SECRET)).changes[0]
    assert ringing.version < event.version


def test_trap_45_a_state_that_nobody_has_told_us_of_is_kept_and_is_no_outcome() -> None:
    event = {**EVENT, "state": "Beamed Up", "beam": {"deck": 1}}
    (change,) = taken(signed(event, SECRET)).changes
    assert change.object_type == "call_event"
    (row, *_), _ = normalise(change, Settings(), START_US)
    assert (row.part, row.outcome, row.kind) == ("event", None, "call")
    assert json.loads(row.extra)["beam"] == {"deck": 1}


@pytest.mark.parametrize("inbound", [True, False])
def test_a_text_message_is_a_change(inbound: bool) -> None:
    event = sms_event(STATE, inbound=inbound)
    (change,) = taken(signed(event, SECRET)).changes
    (row, *others), (identity,) = normalise(change, Settings(), START_US)
    assert (row.kind, text_of(others), row.outcome) == ("sms", "see you at ten", "success")
    assert row.direction == ("inbound" if inbound else "outbound")
    assert row.occurred_at == change.stamp == START_US
    assert identity.phones == (event["from_number"] if inbound else event["to_number"][0],)


@pytest.mark.parametrize("timed", [True, False])
def test_a_contact_is_left_to_the_poller_who_alone_learns_when_it_is_gone(timed: bool) -> None:
    contact = {"id": "ag5", "display_name": "Ada", "phones": []}
    if timed:
        contact["event_timestamp"] = START_US // 1_000
    assert taken(signed(contact, SECRET)) == Received(notes={"left_to_the_poller": 1})


@pytest.mark.parametrize(
    "payload", [b"[]", b"{", b"\xff", b"{}", b'{"id": 7, "on_duty_status": "x"}', b'{"call_id": 1}']
)
def test_trap_53_what_is_signed_and_cannot_be_read_is_a_dead_letter(payload: bytes) -> None:
    received = taken(by_hand({"alg": "HS256"}, payload, SECRET.encode()))
    (bad,) = received.bad
    assert (bad.source, bad.data, received.changes) == ("dialpad", payload, ())


def test_trap_53_half_a_character_does_not_make_an_event_unreadable() -> None:
    event = {**sms_event(STATE), "text": "see you \ud83d"}
    (change,) = taken(by_hand({"alg": "HS256"}, event, SECRET.encode())).changes
    rows, _ = normalise(change, Settings(), START_US)
    assert text_of(rows) == "see you \ufffd"


def test_exclusions_hold_for_events_and_for_all_that_belongs_to_a_call() -> None:
    for event in (
        {**EVENT, "call_id": 666},
        {**EVENT, "call_id": 666, "state": "recap_summary"},
        {**EVENT, "target": {"email": "HR@alderpeak.example"}},
    ):
        assert taken(signed(event, SECRET)) == Received(excluded=1)


def test_every_event_of_the_sandbox_is_read() -> None:
    for call_id in list(STATE.calls)[:10]:
        if STATE.calls[call_id]["date_connected"]:
            for event in life_of(STATE, call_id):
                assert read_event(event, b"{}") is not None
