"""What HTTP answers mean, and that every request ends."""

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from connectors.calls.http import (
    MOST_S,
    check_address,
    judge_network,
    judge_status,
    retry_after_s,
    session,
)
from connectors.dialpad.settings import DialpadSettings
from connectors.gmail.settings import Endpoints
from connectors.hubspot.settings import HubSpotSettings
from sandbox.vendors.faults import Fault, Faults
from sandbox.vendors.server import served
from schemas.errors import ConfigurationError, RetriableError, SkippableError


async def hello(request: object) -> JSONResponse:
    return JSONResponse({"hello": "there"})


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(status: int) -> None:
    verdict = judge_status(status, "get", {"Retry-After": "3"})
    assert isinstance(verdict.error, RetriableError)
    assert (verdict.again, verdict.after_s) == (True, 3.0)


def test_a_refused_credential_is_read_anew_and_a_refusal_is_not_tried_again() -> None:
    assert judge_status(401, "get", {}).refresh
    assert isinstance(judge_status(401, "get", {}).error, ConfigurationError)
    for status in (400, 403, 404, 410):
        verdict = judge_status(status, "get", {})
        assert isinstance(verdict.error, SkippableError)
        assert not verdict.again


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after_s({"retry-after": "7"}) == 7.0
    assert retry_after_s({"Retry-After": "Thu, 01 Jan 1970 00:01:40 GMT"}, now_s=40.0) == 60.0
    assert retry_after_s({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, now_s=40.0) == 0.0
    assert retry_after_s({}) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("-5", 0.0),
        ("1e3", 1_000.0),
        ("99999999999", MOST_S),
        ("inf", MOST_S),
        ("nan", None),
        ("soon", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MOST_S),
        ("Wed, 01 Jan 1969 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:01:40 -0000", 60.0),
        ("Thu, 01 Jan 1970 01:01:40 +0100", 60.0),
        ("Thu, 99 Jan 1970 00:01:40 GMT", None),
    ],
)
def test_a_retry_after_of_any_size_is_bounded(text: str, seconds: float | None) -> None:
    assert retry_after_s({"Retry-After": text}, now_s=40.0) == seconds


def test_a_date_is_meant_by_the_clock_of_who_names_it() -> None:
    headers = {
        "date": "Thu, 01 Jan 1970 00:01:00 GMT",
        "Retry-After": "Thu, 01 Jan 1970 00:01:07 GMT",
    }
    assert retry_after_s(headers) == 7.0
    assert judge_status(503, "get", headers).after_s == 7.0
    assert retry_after_s({**headers, "date": "yesterday"}) == 0.0, "by our clock it is long past"


@given(st.text(max_size=40))
def test_a_retry_after_that_nobody_meant_is_none_or_a_sane_time(text: str) -> None:
    found = retry_after_s({"Retry-After": text})
    assert found is None or 0 <= found <= 86_400


def test_a_server_that_never_answers_is_given_up() -> None:
    faults = Faults()
    faults.switch_on(Fault(name="hang", times=1))
    with served(Starlette(routes=[Route("/", hello)]), faults) as address:
        with pytest.raises(requests.Timeout) as late:
            session(read_s=0.2).get(address)
        verdict = judge_network(late.value, "get")
        assert verdict is not None
        assert verdict.again
        assert session().get(address).json() == {"hello": "there"}
    gone = judge_network(requests.ConnectionError("gone"), "get")
    assert gone is not None
    assert "gone" not in str(gone.error)
    assert judge_network(ValueError("x"), "get") is None


def test_faults_strike_where_and_as_often_as_they_are_told() -> None:
    faults = Faults(seed=3)
    faults.switch_on(Fault(name="429_retry_after", route="/a", times=2), Fault(name="http_500"))
    app = Starlette(routes=[Route("/a", hello), Route("/b", hello)])
    with served(app, faults) as address:
        assert session().get(f"{address}/b").status_code == 500
        faults.switch_off()
        faults.switch_on(Fault(name="429_retry_after", route="/a", times=2))
        codes = [session().get(f"{address}{path}").status_code for path in ("/a", "/b", "/a", "/a")]
    assert codes == [429, 200, 429, 200]
    assert faults.struck == {"http_500": 1, "429_retry_after": 2}


@pytest.mark.parametrize(
    "address", ["", "ftp://a.example", "api.hubapi.com", "https://", "http://[::1", "http://a:b"]
)
def test_what_no_request_can_be_sent_to_is_refused_before_any(address: str) -> None:
    with pytest.raises(ConfigurationError, match="is no address"):
        check_address("hubspot: base_url", address)
    for make in (
        lambda: HubSpotSettings(base_url=address),
        lambda: DialpadSettings(token="env:T", base_url=address),
        lambda: Endpoints(token=address),
    ):
        with pytest.raises(ConfigurationError, match="is no address"):
            make()


def test_an_address_may_have_a_port_and_a_path() -> None:
    check_address("dialpad: base_url", "http://127.0.0.1:8080/api/v2")
