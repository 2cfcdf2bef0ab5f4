"""What the workload's own identity, IAM and the checks say when they are refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from conformance import Run
from gmail_harness import KEY, MAIL, REPS, GmailHarness, gmail
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from connectors.exclusions import Exclusions
from connectors.gmail.check import check
from connectors.gmail.credentials import Delegation, KeylessCredentials, platform_token
from connectors.gmail.pushkeys import KEPT_S, NOT_SOONER_S, PushKeys
from connectors.gmail.settings import Endpoints, GmailSettings
from connectors.gmail.webhook import GmailReceiver
from embedded.ports import free_port
from sandbox.vendors.faults import Fault
from sandbox.vendors.gmail.tokens import pem, rsa_key
from sandbox.vendors.server import served
from schemas.errors import ConfigurationError, RetriableError

KEY_PAIR = rsa_key()


@pytest.fixture
def harness() -> Iterator[GmailHarness]:
    with gmail(empty=True) as made:
        yield made


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without an identity, and the file that would give it one."""
    path = tmp_path / "identity.json"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return path


def identified(path: Path, token_uri: str) -> None:
    info = {"type": "service_account", "client_email": "w@p.example", "token_uri": token_uri}
    path.write_text(json.dumps({**info, "private_key": pem(KEY_PAIR)}))


async def token(request: Request) -> JSONResponse:
    return JSONResponse({"access_token": "workload", "expires_in": 3_600})


async def revoked(request: Request) -> JSONResponse:
    return JSONResponse({"error": "invalid_grant"}, 400)


def test_the_workloads_own_identity_has_a_token(identity: Path) -> None:
    routes = [Route("/token", token, methods=["POST"]), Route("/no", revoked, methods=["POST"])]
    with served(Starlette(routes=routes)) as address:
        identified(identity, f"{address}/token")
        assert platform_token() == "workload"
        identified(identity, f"{address}/no")
        with pytest.raises(ConfigurationError, match="attach a service account"):
            platform_token()
    with pytest.raises(RetriableError, match="cannot be asked now"):
        platform_token()


def test_without_an_identity_the_message_says_what_to_do(
    identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    with pytest.raises(ConfigurationError, match="attach a service account"):
        platform_token()


def keyless(endpoints: Endpoints) -> KeylessCredentials:
    return KeylessCredentials(
        endpoints, "a@b.example", REPS[0], ("scope",), lambda: "t", lambda: 1_000_000
    )


def test_an_iam_that_does_not_answer_is_asked_again_later(harness: GmailHarness) -> None:
    iam = f"http://127.0.0.1:{free_port()}"
    nowhere = msgspec.structs.replace(harness.settings.endpoints, iam=iam)
    with pytest.raises(RetriableError, match="IAM does not answer"):
        keyless(nowhere).refresh(None)
    harness.faults.switch_on(Fault(name="http_503"))
    with pytest.raises(RetriableError, match="IAM: status 503"):
        keyless(harness.settings.endpoints).refresh(None)


def test_without_a_key_there_is_none_to_read_anew(harness: GmailHarness) -> None:
    settings = GmailSettings(service_account="a@b.example", mailboxes=("c@b.example",))
    Delegation(settings, harness.vault).renew()
    assert harness.vault.renewed == []


def test_each_refusal_of_the_directory_has_its_own_advice(harness: GmailHarness) -> None:
    harness.faults.switch_on(Fault(name="http_503", route="/admin"))
    (found,) = check(harness.connector())
    assert (found.ok, found.fix) == (False, "try again; google.com/appsstatus may know more")
    harness.faults.switch_off()

    endpoints = msgspec.structs.replace(
        harness.settings.endpoints, directory=f"{harness.address}/nowhere"
    )
    (found,) = check(harness.connector(endpoints=endpoints))
    assert "Google's own addresses" in found.fix

    harness.vault.kept[KEY] = "no key at all"
    (found,) = check(harness.connector(endpoints=harness.settings.endpoints))
    assert (found.what, found.fix) == ("gmail directory", "see docs/setup/gmail.md, step 2")


def test_where_all_mailboxes_are_excluded_there_is_nothing_to_read(harness: GmailHarness) -> None:
    harness.exclusions = Exclusions(mailboxes=tuple(harness.state.mailboxes))
    (found,) = check(harness.connector())
    assert (found.what, found.ok, found.found) == ("gmail mailboxes", False, "none to read")


def test_pushes_that_are_asked_for_and_taken_are_well(harness: GmailHarness) -> None:
    made = harness.connector(
        mailboxes=(REPS[0],),
        topic="projects/p/topics/t",
        push_audience="https://hooks.example",
        push_account="push@p.example",
    )
    last = list(check(made))[-1]
    assert (last.what, last.ok, last.found) == ("gmail pushes", True, "asked for each day")


def test_a_batch_that_costs_more_than_a_minute_has_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="lower batch_size"):
        GmailSettings(service_account="a@b.example", mailboxes=("c@b.example",), units_a_minute=400)


def test_a_receiver_that_cannot_tell_whose_a_push_is_is_not_made(harness: GmailHarness) -> None:
    with pytest.raises(ConfigurationError, match="push_audience and push_account are empty"):
        GmailReceiver(harness.settings, Exclusions())


def test_the_directory_is_asked_for_those_that_are_wanted(harness: GmailHarness) -> None:
    wanted = "orgUnitPath='/Sales'"
    assert harness.connector(directory_query=wanted).mailboxes()
    assert harness.sandbox.requests[-1][2]["query"] == [wanted]


def test_keys_of_pushes_are_good_for_a_while_after_google_stops_answering(
    harness: GmailHarness,
) -> None:
    keys = PushKeys(harness.settings.endpoints.push_keys, harness.time.monotonic)
    assert keys.key("k1") is not None
    harness.time.pass_s(KEPT_S + 1)
    harness.faults.switch_on(Fault(name="http_503", route="/certs"))
    for _ in range(5):
        assert keys.key("k1") is not None
    assert keys.fetches == 2, "not every push asks again"
    harness.time.pass_s(NOT_SOONER_S + 1)
    with pytest.raises(RetriableError):
        keys.key("another")


def test_a_backfill_that_a_crash_broke_off_goes_on_where_it_was(
    harness: GmailHarness, tmp_path: Path
) -> None:
    for _ in range(60):
        harness.state.store(REPS[0], MAIL)
    connector = harness.connector(mailboxes=(REPS[0],))
    until = harness.time.us + 10_000_000
    harness.streams = lambda: connector.backfill(0, until)  # type: ignore[method-assign]
    run = Run(harness, tmp_path)
    run.collector.break_at = 2
    assert not run.round().succeeded
    run.collector.break_at = None
    assert run.round().succeeded
    assert len(run.collector.newest()) == 60
    assert run.round().changes == 0
