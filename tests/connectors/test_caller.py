"""A call is tried again where that can help, and its last error is what the vendor meant."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.calls import Breaker, Budget, BudgetSpent, Caller, Rate, RetryPolicy, Verdict
from connectors.calls.breaker import LONGEST_OPEN_S, TRIAL_S, CircuitOpen
from connectors.dialpad.settings import DialpadSettings
from connectors.gmail import GmailSettings
from connectors.hubspot import HubSpotSettings
from connectors.poller import LEASE_S
from connectors.salesforce import SalesforceSettings
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


def caller(
    vendor: Vendor,
    breaker: Breaker | None = None,
    rate: Rate = Rate(1_000, 1),  # noqa: B008
    **policy: float,
) -> Caller:
    def monotonic() -> float:
        return vendor.now

    return Caller(
        judge,
        Budget({"all": rate}, {"get": {"all": 1}}, monotonic=monotonic, sleep=vendor.sleep),
        breaker,
        RetryPolicy(**policy),  # type: ignore[arg-type]
        refresh=vendor.refresh,
        monotonic=monotonic,
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


@pytest.mark.parametrize("named", [0.0, 0.01])
def test_a_time_of_no_length_does_not_have_the_vendor_asked_without_a_pause(named: float) -> None:
    vendor = Vendor(*[failure(429, named)] * 8, "there")
    assert caller(vendor, tries=9, first_s=1.0)("get", vendor) == "there"
    assert sum(vendor.slept) > 10.0
    assert all(wait >= named for wait in vendor.slept)


def test_jitter_is_full_from_nothing_to_the_longest_wait() -> None:
    vendor = Vendor(*[failure(503)] * 400)
    with pytest.raises(RetriableError):
        caller(vendor, tries=400, first_s=8.0, longest_s=8.0, within_s=1e9)("get", vendor)
    assert max(vendor.slept) <= 8.0
    assert sum(wait < 2.0 for wait in vendor.slept) > 60
    assert sum(wait > 6.0 for wait in vendor.slept) > 60


def test_all_waits_of_a_call_end_within_its_time() -> None:
    vendor = Vendor(*[failure(429, 59.0)] * 9)
    with pytest.raises(RetriableError, match="status 429"):
        caller(vendor, tries=9, within_s=150.0)("get", vendor)
    assert vendor.slept == [59.0, 59.0]


def test_a_server_that_is_slow_to_fail_is_not_asked_beyond_the_calls_time() -> None:
    vendor = Vendor(*[failure(503)] * 9)

    def slow() -> object:
        vendor.now += 60.0
        return vendor()

    with pytest.raises(RetriableError, match="status 503"):
        caller(vendor, tries=9, within_s=150.0)("get", slow)
    assert vendor.calls == 3


def test_a_call_ends_within_the_lease_of_who_polls() -> None:
    longest = max(
        SalesforceSettings(instance_url="https://x.example", consumer_key="env:K").read_s,
        HubSpotSettings().read_s,
        DialpadSettings(token="env:K").read_s,
        GmailSettings(service_account="a@b.example", mailboxes=("a@b.example",)).connect_and_read_s,
    )
    assert RetryPolicy().within_s + longest < LEASE_S


def test_a_budget_that_is_spent_for_longer_than_a_call_may_take_is_a_failure() -> None:
    vendor = Vendor("there", "not asked")
    one = caller(vendor, rate=Rate(1, 86_400))
    one("get", vendor)
    with pytest.raises(BudgetSpent, match="another 86400 s"):
        one("get", vendor)
    assert (vendor.calls, vendor.slept) == (1, [])


def test_each_try_is_charged_what_it_sends() -> None:
    vendor = Vendor(failure(503), failure(503), "there")
    one = caller(vendor)
    pending = [25, 7, 2]
    assert one("get", vendor, lambda: pending[vendor.calls]) == "there"
    assert one._budget.spent == {"all": 25 + 7 + 2}


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


def test_of_many_threads_one_tries_while_the_others_are_held_off() -> None:
    now = [0.0]
    breaker = Breaker("one", failures=1, open_s=10.0, monotonic=lambda: now[0])

    def passes() -> bool:
        with ThreadPoolExecutor(1) as other:
            return other.submit(tries, breaker).result()

    breaker.failed()
    now[0] = 11.0
    assert tries(breaker)
    assert not passes()
    # Whoever tries may have to call again, with a credential read anew.
    assert tries(breaker)
    breaker.succeeded()
    assert passes()
    breaker.failed()
    now[0] += 21.0
    assert tries(breaker)
    now[0] += TRIAL_S + 1.0
    assert passes(), "who never said how it went holds nobody off for ever"
    assert not tries(breaker)
    breaker.failed()
    now[0] += LONGEST_OPEN_S
    assert tries(breaker)


def tries(breaker: Breaker) -> bool:
    try:
        breaker.check()
    except CircuitOpen:
        return False
    return True


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
