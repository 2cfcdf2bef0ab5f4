"""A budget lets through what its buckets allow, in order, whoever asks."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.calls import Budget, Rate
from schemas.errors import ConfigurationError


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def budget(time: Time, units: float = 10.0, per_s: float = 1.0, **costs: float) -> Budget:
    return Budget(
        {"user": Rate(units, per_s)},
        {call: {"user": cost} for call, cost in costs.items()},
        monotonic=time.monotonic,
        sleep=time.sleep,
    )


def test_a_full_bucket_is_spent_at_once_and_then_fills_at_its_rate() -> None:
    time = Time()
    one = budget(time, get=1.0)
    assert [one.draw("get") for _ in range(10)] == [0.0] * 10
    assert one.draw("get") == pytest.approx(0.1)
    assert time.now == pytest.approx(100.1)


def test_dearer_calls_wait_longer_by_the_table() -> None:
    time = Time()
    one = budget(time, list=2.0, get=5.0)
    assert [one.draw("get"), one.draw("get")] == [0.0, 0.0]
    assert one.draw("list") == pytest.approx(0.2)
    assert one.spent == {"user": 12.0}


def test_the_tightest_bucket_decides() -> None:
    time = Time()
    rates = {"user": Rate(100, 1), "project": Rate(1, 1)}
    one = Budget(
        rates,
        {"get": {"user": 1, "project": 1}},
        monotonic=time.monotonic,
        sleep=time.sleep,
    )
    assert [one.draw("get"), one.draw("get")] == [0.0, pytest.approx(1.0)]


def test_a_cost_that_cannot_be_met_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="no such"):
        Budget({}, {"get": {"user": 1}})
    with pytest.raises(ConfigurationError, match="more than user holds"):
        Budget({"user": Rate(5, 1)}, {"get": {"user": 6}})
    with pytest.raises(ConfigurationError, match="no cost is set for list"):
        budget(Time(), get=1.0).draw("list")


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 5)), max_size=40))
def test_no_window_ever_holds_more_than_the_vendor_allows(calls: list[tuple[float, int]]) -> None:
    time = Time()
    one = budget(time, units=5, per_s=1.0, get=1.0)
    drawn: list[tuple[float, int]] = []
    for idle, times in calls:
        time.now += idle
        one.draw("get", times)
        drawn.append((time.now, times))
    for at, _ in drawn:
        window = sum(times for when, times in drawn if at - 1.0 < when <= at)
        assert window <= 5 + 5 + 1e-6, "a full bucket and what it fills with within the window"


def test_threads_share_it() -> None:
    time = Time()
    slept: list[float] = []
    one = Budget(
        {"user": Rate(10, 1)},
        {"get": {"user": 1}},
        monotonic=time.monotonic,
        sleep=slept.append,
    )
    threads = [threading.Thread(target=one.draw, args=("get",)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.spent == {"user": 30.0}
    assert sorted(slept) == pytest.approx([number / 10 for number in range(1, 21)])
