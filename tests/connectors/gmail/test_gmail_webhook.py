"""A push is believed when Google signed it for us and in our push account's name: trap 10."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from conformance import Run
from gmail_harness import MAIL, REP, GmailHarness, gmail
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.exclusions import Exclusions
from connectors.gmail.fetch import hinted
from connectors.gmail.pushkeys import PushKeys
from connectors.gmail.webhook import GmailReceiver, read_push
from connectors.poller import Poller
from connectors.webhooks.receiver import Delivery, InvalidSignature
from sandbox.vendors.gmail.push import notification, push
from sandbox.vendors.gmail.tokens import PUSH_ACCOUNT, rsa_key
from sandbox.vendors.server import served
from schemas.errors import ConfigurationError, RetriableError

AUDIENCE = "https://edge.example/webhooks/gmail"


@pytest.fixture
def harness() -> Iterator[GmailHarness]:
    with gmail(empty=True) as made:
        made.mailboxes = (REP,)
        made.connector(push_audience=AUDIENCE, push_account=PUSH_ACCOUNT)
        yield made


@pytest.fixture
def receiver(harness: GmailHarness) -> GmailReceiver:
    return receiver_of(harness)


def receiver_of(harness: GmailHarness, **excluded: Any) -> GmailReceiver:
    keys = PushKeys(harness.settings.endpoints.push_keys, harness.time.monotonic)
    return GmailReceiver(harness.settings, Exclusions(**excluded), keys, harness.time.ours)


def delivery(token: str, body: bytes | None = None) -> Delivery:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Delivery("POST", AUDIENCE, headers, body or notification(REP, 12_345))


def test_a_push_becomes_a_hint(harness: GmailHarness, receiver: GmailReceiver) -> None:
    found = receiver.receive(delivery(harness.sandbox.tokens.push_token(AUDIENCE)))
    assert json.loads(found.hints[0].data) == {"mailbox": REP, "history_id": "12345"}
    assert (found.changes, found.bad, found.excluded) == ((), (), 0)
    topic, _, attributes = found.hints[0].message()
    assert topic == "hints-gmail"
    assert "@" not in str(attributes)


@pytest.mark.parametrize(
    ("claim", "value", "reason"),
    [
        ("aud", "https://other.example", "audience"),
        ("aud", AUDIENCE.upper(), "audience"),
        ("email", "anybody@gmail.example", "account"),
        ("email", None, "account"),
        ("email_verified", False, "verified"),
        ("email_verified", "true", "verified"),
        ("iss", "https://accounts.evil.example", "issuer"),
        ("exp", 1_000, "too old"),
        ("exp", None, "times"),
        ("iat", 4_000_000_000, "not yet valid"),
    ],
)
def test_trap_10_a_claim_that_is_wrong(
    harness: GmailHarness, receiver: GmailReceiver, claim: str, value: object, reason: str
) -> None:
    token = harness.sandbox.tokens.push_token(AUDIENCE, **{claim: value})
    with pytest.raises(InvalidSignature, match=reason):
        receiver.receive(delivery(token))


def test_trap_10_a_token_that_nobody_or_somebody_else_signed(
    harness: GmailHarness, receiver: GmailReceiver
) -> None:
    good = harness.sandbox.tokens.push_token(AUDIENCE)
    claims = jwt.decode(good, options={"verify_signature": False})
    head, body, signature = good.split(".")
    forged = [
        "",
        "nonsense",
        "a.b.c",
        jwt.encode(claims, "", algorithm="none", headers={"kid": "k1"}),
        jwt.encode(claims, "s" * 40, algorithm="HS256", headers={"kid": "k1"}),
        jwt.encode(claims, rsa_key(1), algorithm="RS256", headers={"kid": "k1"}),
        jwt.encode(claims, rsa_key(1), algorithm="RS256", headers={"kid": "k2"}),
        jwt.encode(claims, rsa_key(1), algorithm="RS256", headers={"kid": "e1"}),
        jwt.encode(claims, rsa_key(1), algorithm="RS256"),
        f"{head}.{body}.",
        f"{head}.{body[:-2]}AA.{signature}",
    ]
    for token in forged:
        with pytest.raises(InvalidSignature):
            receiver.receive(delivery(token))
    with pytest.raises(InvalidSignature, match="no token"):
        receiver.receive(Delivery("POST", AUDIENCE, {"authorization": "Basic eA=="}, b""))


def test_keys_are_kept_and_strange_ids_cost_no_call_each(harness: GmailHarness) -> None:
    keys = PushKeys(harness.settings.endpoints.push_keys, harness.time.monotonic)
    for _ in range(20):
        assert keys.key("k1") is not None
        assert keys.key("invented") is None
    assert keys.fetches == 1
    harness.time.pass_s(61)
    assert keys.key("invented") is None
    assert keys.key("k1") is not None
    assert keys.fetches == 2
    harness.time.pass_s(3_601)
    assert keys.key("k1") is not None
    assert keys.fetches == 3


def test_while_keys_cannot_be_had_nothing_is_refused_for_good(harness: GmailHarness) -> None:
    keys = PushKeys("http://127.0.0.1:9/certs", harness.time.monotonic)
    receiver = GmailReceiver(harness.settings, Exclusions(), keys, harness.time.ours)
    with pytest.raises(RetriableError):
        receiver.receive(delivery(harness.sandbox.tokens.push_token(AUDIENCE)))


def test_an_excluded_mailbox_leaves_no_hint(harness: GmailHarness) -> None:
    found = receiver_of(harness, mailboxes=(REP.upper(),)).receive(
        delivery(harness.sandbox.tokens.push_token(AUDIENCE))
    )
    assert (found.hints, found.excluded) == ((), 1)


def test_what_is_signed_and_unreadable_is_a_dead_letter(
    harness: GmailHarness, receiver: GmailReceiver
) -> None:
    for body in (b"{", b"[]", b'{"message": {"data": 7}}', notification(REP, "x")):
        (bad,) = receiver.receive(delivery(harness.sandbox.tokens.push_token(AUDIENCE), body)).bad
        assert bad.data == body
        assert "@" not in bad.reason


def test_trap_11_a_history_id_is_a_number_or_text_and_base64_has_padding_or_none() -> None:
    big = 2**63 + 11
    for written in (big, str(big)):
        assert read_push(notification(REP.upper(), written)).history_id == str(big)
    inner = json.dumps({"emailAddress": "a?>~@b.example", "historyId": 7}).encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for data in (encode(inner).decode(), encode(inner).decode().rstrip("=")):
            body = json.dumps({"message": {"data": data}}).encode()
            assert read_push(body).history_id == "7"


@given(st.binary(max_size=300))
def test_no_body_makes_it_fail_otherwise(body: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        read_push(body)


def test_pushes_without_the_account_are_refused_by_the_settings(harness: GmailHarness) -> None:
    with pytest.raises(ConfigurationError, match="push_account"):
        harness.connector(push_account="").settings.__post_init__()
    with pytest.raises(ConfigurationError, match="push_audience"):
        GmailReceiver(harness.connector(push_audience="").settings, Exclusions())


def test_a_hint_is_answered_from_the_stored_cursor(
    harness: GmailHarness, receiver: GmailReceiver, tmp_path: Path
) -> None:
    run = Run(harness, tmp_path)
    run.round()
    harness.state.store(REP, MAIL)
    pushed: list[tuple[str, int]] = []
    harness.state.listeners.append(lambda address, number: pushed.append((address, number)))
    harness.state.store(REP, MAIL)
    token = harness.sandbox.tokens.push_token(AUDIENCE)
    hints = [
        hint.data
        for address, number in (*pushed, *pushed, ("stranger@x.example", 5))
        for hint in receiver.receive(delivery(token, notification(address, number))).hints
    ]
    streams, bad = hinted(harness.connector(), [*hints, b"{}"])
    assert (len(streams), len(bad)) == (1, 1)
    outcome = Poller(run.cursors, run.collector).round(streams)  # type: ignore[arg-type]
    assert (outcome.succeeded, outcome.changes) == (True, 2)
    run.assert_all_there()


def test_a_mailbox_that_was_never_read_is_the_pollers(
    harness: GmailHarness, tmp_path: Path
) -> None:
    run = Run(harness, tmp_path)
    harness.state.store(REP, MAIL)
    stream = harness.connector().hinted(REP, "999999")
    assert Poller(run.cursors, run.collector).round([stream]).changes == 0  # type: ignore[arg-type]
    assert run.round().changes == 1


def test_a_push_is_really_sent_and_taken(harness: GmailHarness, receiver: GmailReceiver) -> None:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        came = Delivery("POST", AUDIENCE, dict(request.headers), body)
        try:
            taken.extend(receiver.receive(came).hints)
        except InvalidSignature:
            return Response(status_code=401)
        return Response(status_code=204)

    taken: list[Any] = []
    app = Starlette(routes=[Route("/webhooks/gmail", endpoint, methods=["POST"])])
    tokens = harness.sandbox.tokens
    with served(app) as address:
        target = f"{address}/webhooks/gmail"
        assert push(tokens, REP, 7, target, AUDIENCE) == 204
        assert push(tokens, REP, 8, target, "https://other.example") == 401
    assert [json.loads(one.data)["history_id"] for one in taken] == ["7"]
