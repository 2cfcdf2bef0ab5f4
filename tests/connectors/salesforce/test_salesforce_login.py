"""Logins, refusals, limits and time-outs: each call ends, and says what is to be done."""

from pathlib import Path
from typing import Any

import pytest
from conformance import Run
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from salesforce_harness import PEM, SECRET, SalesforceHarness, salesforce

from connectors.salesforce import SalesforceSettings, settings_of
from connectors.salesforce.refusals import LimitReached, Refused, code_of, judge
from connectors.salesforce.usage import Usage, usage_of
from sandbox.vendors.faults import Fault
from sandbox.vendors.salesforce import Terms
from schemas.errors import ConfigurationError, RetriableError, SkippableError

ADDRESS = {"instance_url": "https://acme.my.salesforce.com", "consumer_key": "env:K"}


@pytest.mark.parametrize("fault", ["session_expired", "session_html"])
def test_trap_21_a_session_that_ends_once_is_renewed_once_and_headers_are_kept(
    fault: str, tmp_path: Path
) -> None:
    with salesforce() as harness:
        client = harness.client()
        client.describe("Account")
        harness.faults.switch_on(Fault(name=fault, route="queryAll", times=1))
        before = len(harness.server.seen.calls)
        assert client.query("SELECT Id FROM Account").body["records"]
        asked = [path for _, path in harness.server.seen.calls[before:]]
        assert asked == ["queryAll/", "token", "queryAll/"] or asked == [
            "queryAll",
            "token",
            "queryAll",
        ]
        assert set(harness.server.seen.batch_sizes) == {"batchSize=2000"}


@pytest.mark.parametrize("fault", ["session_expired", "session_html"])
def test_trap_21_a_session_refused_for_ever_ends_after_three_requests(fault: str) -> None:
    with salesforce() as harness:
        client = harness.client()
        client.describe("Account")
        harness.faults.switch_on(Fault(name=fault))
        before = len(harness.server.seen.calls)
        with pytest.raises(ConfigurationError, match="the credential is refused"):
            client.describe("Account")
        assert len(harness.server.seen.calls) - before <= 3


def test_a_token_that_ages_is_renewed_by_itself(tmp_path: Path) -> None:
    with salesforce(Terms(token_s=60)) as harness:
        client = harness.client()
        client.describe("Account")
        harness.pass_time(2)
        assert client.describe("Account").body["name"] == "Account"


def test_trap_56_a_rotated_secret_is_read_anew_when_the_old_one_is_refused() -> None:
    with salesforce(Terms(token_s=60)) as harness:
        client = harness.client()
        client.describe("Account")
        harness.vault.values[SECRET] = harness.server.credentials.consumer_secret = "rotated"
        harness.pass_time(2)
        assert client.describe("Account").body["name"] == "Account"
        assert SECRET in harness.vault.renewed


def test_trap_22_the_orgs_limit_stops_everything_until_the_next_hour(tmp_path: Path) -> None:
    with salesforce() as harness:
        harness.objects = ("Account", "Lead")
        harness.pass_time(48)
        client = harness.client()
        connector = harness.connector(client)
        harness.streams = lambda: connector.streams(harness.objects)  # type: ignore[method-assign]
        harness.faults.switch_on(Fault(name="request_limit", times=1))
        run = Run(harness, tmp_path)
        outcome = run.round()
        assert outcome.failures["salesforce/account"].startswith("LimitReached")
        assert "left alone for another 720 s" in outcome.failures["salesforce/lead"]
        assert len(harness.server.seen.calls) == 2
        harness.pass_time(11)
        assert not run.round().succeeded
        assert len(harness.server.seen.calls) == 2
        harness.pass_time(1.1)
        assert run.round().succeeded
        run.assert_all_there()


def test_trap_22_a_refused_permission_is_told_apart_from_a_limit() -> None:
    for code, error in (
        ("REQUEST_LIMIT_EXCEEDED", LimitReached),
        ("INSUFFICIENT_ACCESS", SkippableError),
        ("API_DISABLED_FOR_ORG", ConfigurationError),
    ):
        verdict = judge(Refused("query", 403, code, {}))
        assert isinstance(verdict.error, error)
        assert not verdict.again


@pytest.mark.parametrize("terms", [Terms(daily_calls=40), Terms(app_calls=40)])
def test_trap_22_polling_stops_at_its_share_of_the_days_calls(terms: Terms, tmp_path: Path) -> None:
    with salesforce(terms) as harness:
        client = harness.client()
        for _ in range(32):
            client.describe("Account")
        with pytest.raises(LimitReached, match="32 of 40 calls"):
            client.describe("Account")
        # For a while nothing is asked at all, then one call looks.
        with pytest.raises(RetriableError, match="left alone for another 900 s"):
            client.describe("Account")
        assert harness.server.spent == 32
        harness.server.spent = 5
        harness.pass_time(16)
        assert client.describe("Account").body["name"] == "Account"
        assert client.usage == Usage(6, 40)


def test_the_limit_header_in_all_its_forms() -> None:
    assert usage_of("api-usage=18/5000") == Usage(18, 5_000)
    both = "api-usage=25/5000; per-app-api-usage=240/250(appName=sample-connected-app)"
    assert usage_of(both) == Usage(240, 250)
    assert usage_of("per-app-api-usage=17/250(appName=x)") == Usage(17, 250)
    assert usage_of("") is None
    assert Usage(0, 0).share == 1.0


@given(st.text(max_size=60))
def test_a_limit_header_that_nobody_meant_harms_nothing(text: str) -> None:
    found = usage_of(text)
    assert found is None or found.share >= 0


@pytest.mark.parametrize("fault", ["edge_406", "edge_420", "empty_400", "locked"])
def test_what_the_edge_says_in_passing_is_tried_again(fault: str) -> None:
    with salesforce() as harness:
        harness.faults.switch_on(Fault(name=fault, times=2))
        client = harness.client()
        assert client.describe("Account").body["name"] == "Account"
        assert len(harness.slept) == 2


def test_error_bodies_in_any_form_give_a_code_or_none() -> None:
    assert code_of([{"errorCode": "INVALID_FIELD", "message": "x"}]) == "INVALID_FIELD"
    assert code_of({"error": "invalid_grant"}) == "invalid_grant"
    for body in ("<html>", [], [3], None, b"", [{"errorCode": "ann@x.com said"}], {"error": 5}):
        assert code_of(body) == ""


def test_trap_29_logins_by_password_are_refused_in_the_settings() -> None:
    for retired in ("password", "security_token", "organization_id"):
        with pytest.raises(ConfigurationError, match="client credentials"):
            settings_of({**ADDRESS, retired: "x", "consumer_secret": "env:S"})
    assert settings_of({**ADDRESS, "consumer_secret": "env:S"}).auth == "client_credentials"


@pytest.mark.parametrize(
    ("given_settings", "words"),
    [
        ({"instance_url": "http://acme.my.salesforce.com"}, "no https address"),
        ({"instance_url": "https://login.salesforce.com"}, "My Domain"),
        ({"consumer_secret": ""}, "need consumer_secret"),
        ({"auth": "jwt_bearer"}, "needs username and private_key"),
        ({"objects": ["Invoice"]}, "Invoice"),
        ({"objects": ["account"]}, "account"),
        ({"left_out": {"contact": ["Birthdate"]}}, "contact"),
        ({"overlap_s": 60}, "overlap_s"),
        ({"api_version": "v65"}, "api_version"),
        ({"page_rows": 10}, "page_rows"),
        ({"uri_bytes": 20_000}, "uri_bytes"),
        ({"stop_share": 1.5}, "stop_share"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_cannot_be_say_what_to_mend(
    given_settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        settings_of({**ADDRESS, "consumer_secret": "env:S", **given_settings})


def key_pair() -> tuple[str, str]:
    private = rsa.generate_private_key(65_537, 2_048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode(), public.decode()


def as_bearer(harness: SalesforceHarness) -> None:
    pem, harness.server.credentials.public_key = key_pair()
    harness.vault.values[PEM] = pem
    del harness.settings["consumer_secret"]
    harness.settings |= {
        "auth": "jwt_bearer",
        "private_key": PEM,
        "username": harness.server.credentials.username,
    }


@pytest.mark.parametrize("skew", [0.0, 3_600.0, -3_600.0])
def test_a_signed_assertion_is_taken_even_where_our_clock_is_off(skew: float) -> None:
    with salesforce() as harness:
        as_bearer(harness)
        harness.skew(skew)
        assert harness.client().describe("Account").body["name"] == "Account"
        assert [path for _, path in harness.server.seen.calls].count("token") == (2 if skew else 1)


def test_a_key_that_is_none_and_a_login_that_is_refused_say_so_without_a_secret() -> None:
    with salesforce() as harness:
        as_bearer(harness)
        harness.vault.values[PEM] = "no key at all"
        with pytest.raises(ConfigurationError, match="no RSA key"):
            harness.client().describe("Account")
    with salesforce() as harness:
        harness.vault.values[SECRET] = "wrong"
        with pytest.raises(ConfigurationError, match="invalid_client") as refused:
            harness.client().describe("Account")
        assert "wrong" not in str(refused.value)
        assert "is refused" not in str(refused.value)


def test_a_login_that_is_to_be_tried_again_is() -> None:
    with salesforce() as harness:
        harness.faults.switch_on(Fault(name="token_unknown_error", times=2))
        assert harness.client().describe("Account").body["name"] == "Account"
        harness.faults.switch_on(Fault(name="token_unknown_error"))
        with pytest.raises(RetriableError, match="unknown_error"):
            harness.client().describe("Account")


def test_trap_30_every_call_to_a_server_that_never_answers_ends() -> None:
    with salesforce() as harness:
        harness.settings["read_s"] = 0.1
        harness.policy = harness.policy._replace(tries=1)
        client = harness.client()
        client.describe("Account")
        harness.faults.switch_on(Fault(name="hang"))
        calls = (
            lambda: client.describe("Account"),
            lambda: client.query("SELECT Id FROM Account"),
            lambda: client.more("/services/data/v65.0/query/01g-2000"),
            lambda: client.deleted("Account", "a", "b"),
            lambda: client.start_job("SELECT Id FROM Account"),
            lambda: client.job("750"),
            lambda: client.rows("750", "", 10),
            lambda: harness.client().describe("Account"),
        )
        for call in calls:
            with pytest.raises(RetriableError, match="ReadTimeout"):
                call()


def test_trap_58_no_body_no_address_and_no_token_is_in_any_error() -> None:
    with salesforce() as harness:
        client = harness.client()
        with pytest.raises(SkippableError) as refused:
            client.query("SELECT Id FROM Contact WHERE Email = ann@customer.example")
        error: BaseException | None = refused.value
        while error is not None:
            assert "ann@" not in str(error)
            assert "token" not in str(error)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_the_settings_show_no_secret() -> None:
    shown = repr(settings_of({**ADDRESS, "consumer_secret": "env:S"}))
    assert "env:S" in shown
    assert isinstance(settings_of({**ADDRESS, "consumer_secret": "env:S"}), SalesforceSettings)
