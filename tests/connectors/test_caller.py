"""A call is tried again where that can help, and its last error is what the vendor meant."""

import random

import pytest

from connectors.calls import Breaker, Budget, Caller, Rate, RetryPolicy, Verdict
from connectors.calls.breaker import CircuitOpen
from schemas.errors import FatalError, RetriableError, SkippableError


class Vendor:
    """Answers or raises what it is told to, in turn; the clock moves when somebody sleeps."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.calls = 0
        self.now = 0.0
        self.slept: list[float] = []
        self.refreshed = 0

    def __call__(self) -> object:
        self.calls += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def refresh(self) -> None:
        self.refreshed += 1


def judge(error: Exception) -> Verdict:
    status = error.args[0]
    if status == 401:
        return Verdict(FatalError("refused"), refresh=True)
    if status in (429, 503):
        after = error.args[1] if len(error.args) > 1 else None
        return Verdict(RetriableError(f"status {status}"), again=True, after_s=after)
    return Verdict(SkippableError(f"status {status}"))


def caller(vendor: Vendor, breaker: Breaker | None = None, **policy: float) -> Caller:
    return Caller(
        judge,
        Budget({"all": Rate(1_000, 1)}, {"get": {"all": 1}}, sleep=vendor.sleep),
        breaker,
        RetryPolicy(**policy),  # type: ignore[arg-type]
        refresh=vendor.refresh,
        sleep=vendor.sleep,
        rng=random.Random(1),
    )


def failure(*what: object) -> Exception:
    return RuntimeError(*what)


def test_what_helps_is_tried_again_with_growing_full_jitter() -> None:
    vendor = Vendor(failure(503), failure(503), failure(503), "there")
    one = caller(vendor, first_s=1.0)
    assert one("get", vendor) == "there"
    assert all(wait <= 2.0**turn for turn, wait in enumerate(vendor.slept))
    assert one.retried == len(vendor.slept) == 3


def test_the_time_that_the_vendor_names_is_kept() -> None:
    vendor = Vendor(failure(429, 7.0), "there")
    assert caller(vendor)("get", vendor) == "there"
    assert vendor.slept == [7.0]


def test_a_time_beyond_patience_ends_the_call_at_once() -> None:
    vendor = Vendor(failure(429, 3_600.0))
    with pytest.raises(RetriableError):
        caller(vendor, patience_s=60.0)("get", vendor)
    assert vendor.slept == []


def test_after_the_last_try_the_error_is_the_vendors() -> None:
    vendor = Vendor(*[failure(503)] * 9)
    with pytest.raises(RetriableError, match="status 503"):
        caller(vendor, tries=4)("get", vendor)
    assert vendor.calls == 4


def test_what_cannot_help_is_not_tried_again() -> None:
    vendor = Vendor(failure(404))
    with pytest.raises(SkippableError):
        caller(vendor)("get", vendor)
    assert vendor.calls == 1


def test_a_refused_credential_is_read_anew_once() -> None:
    vendor = Vendor(failure(401), "there")
    assert caller(vendor)("get", vendor) == "there"
    assert (vendor.refreshed, vendor.calls) == (1, 2)
    for_ever = Vendor(*[failure(401)] * 9)
    with pytest.raises(FatalError, match="refused"):
        caller(for_ever)("get", for_ever)
    assert (for_ever.refreshed, for_ever.calls) == (1, 2)


def test_a_breaker_leaves_a_refusing_mailbox_alone_and_tries_again_later() -> None:
    vendor = Vendor(*[failure(503)] * 3, "there")
    breaker = Breaker("mailbox h-1", failures=3, open_s=60.0, monotonic=lambda: vendor.now)
    one = caller(vendor, breaker, tries=1)
    for _ in range(3):
        with pytest.raises(RetriableError):
            one("get", vendor)
    with pytest.raises(CircuitOpen, match="mailbox h-1 is left alone for another 60 s"):
        one("get", vendor)
    assert vendor.calls == 3
    vendor.now += 61
    assert one("get", vendor) == "there"
    assert one("get", Vendor("again")) == "again"


def test_a_breaker_that_fails_its_trial_stays_open_longer() -> None:
    now = [0.0]
    breaker = Breaker("one", failures=1, open_s=10.0, monotonic=lambda: now[0])
    for waited in (10.0, 20.0, 40.0):
        breaker.failed()
        now[0] += waited - 1
        with pytest.raises(CircuitOpen):
            breaker.check()
        now[0] += 1.1
        breaker.check()


def test_a_named_time_opens_the_breaker_at_once_and_never_shortens_it() -> None:
    now = [0.0]
    breaker = Breaker("one", failures=9, monotonic=lambda: now[0])
    breaker.failed(100.0)
    breaker.failed(5.0)
    now[0] = 50.0
    with pytest.raises(CircuitOpen, match="50 s"):
        breaker.check()
