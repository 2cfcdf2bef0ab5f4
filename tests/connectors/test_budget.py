"""A budget lets through what its buckets allow, in order, whoever asks."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.calls import Budget, BudgetSpent, Rate
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


def test_what_a_window_holds_may_be_drawn_at_once_and_again_once_it_has_passed() -> None:
    time = Time()
    one = budget(time, get=1.0)
    assert [one.draw("get") for _ in range(10)] == [0.0] * 10
    assert one.draw("get") == pytest.approx(1.0)
    assert [one.draw("get") for _ in range(9)] == [0.0] * 9
    assert time.now == pytest.approx(101.0)


def test_dearer_calls_wait_longer_by_the_table() -> None:
    time = Time()
    one = budget(time, list=2.0, get=5.0)
    one.draw("get")
    time.now += 0.25
    one.draw("get")
    # Two of five that were drawn first have to leave, and they leave together.
    assert one.draw("list") == pytest.approx(0.75)
    assert one.draw("get") == pytest.approx(0.25)
    assert one.spent == {"user": 17.0}


def test_a_burst_spreads_what_the_window_allows() -> None:
    time = Time()
    one = Budget(
        {"user": Rate(10, 1.0, burst=2)},
        {"get": {"user": 1}},
        monotonic=time.monotonic,
        sleep=time.sleep,
    )
    waits = [one.draw("get") for _ in range(20)]
    assert waits == pytest.approx([0.0, 0.0] + [0.2, 0.0] * 9)
    assert time.now == pytest.approx(101.8)


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
    with pytest.raises(ConfigurationError, match="more than user ever holds"):
        Budget({"user": Rate(5, 1)}, {"get": {"user": 6}})
    with pytest.raises(ConfigurationError, match="no cost is set for list"):
        budget(Time(), get=1.0).draw("list")
    with pytest.raises(ConfigurationError, match="get, 11 at once, costs more"):
        budget(Time(), get=1.0).draw("get", 11)


def test_who_would_wait_too_long_is_told_and_draws_nothing() -> None:
    time = Time()
    one = budget(time, units=1.0, per_s=3_600.0, get=1.0)
    one.draw("get")
    with pytest.raises(BudgetSpent, match="user is spent for another 3600 s"):
        one.draw("get", patience_s=60.0)
    assert (time.now, one.spent) == (100.0, {"user": 1.0})
    time.now += 3_600
    assert one.draw("get", patience_s=0.0) == 0.0


class Vendor:
    """Counts as vendors do: in every window of the limit that ends with a draw."""

    def __init__(self) -> None:
        self.drawn: list[tuple[float, float]] = []

    def most(self, seconds: float) -> float:
        windows = (
            sum(units for when, units in self.drawn if at - seconds + 1e-6 < when <= at)
            for at, _ in self.drawn
        )
        return max(windows, default=0.0)


RATES = st.builds(
    Rate,
    units=st.floats(5, 50),
    per_s=st.sampled_from([0.5, 1.0, 10.0, 60.0]),
    burst=st.sampled_from([0.0, 5.0, 7.5]),
)
CALLS = st.lists(
    st.tuples(
        st.floats(0, 3),
        st.sampled_from(["get", "list", "other"]),
        st.integers(1, 5),
    ),
    max_size=60,
)


@given(RATES, RATES, CALLS)
def test_no_window_ever_holds_more_than_the_vendor_allows(
    user: Rate, project: Rate, calls: list[tuple[float, str, int]]
) -> None:
    """Of either limit, whatever is called when: every window, also one that straddles a pause."""
    time = Time()
    costs = {
        "get": {"user": 1.0},
        "list": {"user": 0.7, "project": 0.3},
        "other": {"project": 1.0},
    }
    one = Budget(
        {"user": user, "project": project}, costs, monotonic=time.monotonic, sleep=time.sleep
    )
    vendors = {"user": Vendor(), "project": Vendor()}
    for idle, call, times in calls:
        time.now += idle
        one.draw(call, times)
        for name, units in costs[call].items():
            vendors[name].drawn.append((time.now, units * times))
    for name, rate in (("user", user), ("project", project)):
        assert vendors[name].most(rate.per_s) <= rate.units + 1e-6
        if rate.burst:
            share = rate.per_s * rate.capacity / rate.units
            assert vendors[name].most(share) <= rate.capacity + 1e-6
        assert one.spent[name] == pytest.approx(sum(units for _, units in vendors[name].drawn))


@given(st.integers(1, 20), st.floats(0, 0.3))
def test_whoever_always_has_something_to_ask_gets_nearly_all_there_is(
    units: int, busy: float
) -> None:
    time = Time()
    one = budget(time, units=float(units), get=1.0)
    for _ in range(units * 20):
        one.draw("get")
        time.now += busy / units
    assert time.now - 100.0 <= 20 * 1.01 + busy


def test_draws_that_are_remembered_as_one_leave_with_the_last_of_them() -> None:
    time = Time()
    one = budget(time, units=10.0, get=1.0)
    one.draw("get", 5)
    time.now += 0.0009
    one.draw("get", 5)
    one.draw("get")
    assert time.now >= 101.0009


def test_a_day_of_calls_takes_no_more_memory_than_a_minute() -> None:
    time = Time()
    one = budget(time, units=1e9, per_s=86_400.0, get=1.0)
    for _ in range(50_000):
        one.draw("get")
        time.now += 1.0
    (window,) = one._buckets["user"].windows
    assert len(window._slices) <= 1_001


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
    assert sorted(slept) == [1.0] * 10 + [2.0] * 10
