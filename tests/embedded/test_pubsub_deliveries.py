"""Delivery state alone, against a model: nothing lost, nothing early, keys in their order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from embedded.pubsub.deliveries import Backoff, Delivered, Deliveries

KEYS = st.sampled_from(["", "a", "b"])
DEADLINE_S = 10


def bodies(taken: list[Delivered]) -> list[int]:
    return [delivered.message for delivered in taken]


class Model(RuleBasedStateMachine):
    """What is published is ready, out, or acknowledged; the clock moves only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000
        self.keys: dict[int, str] = {}
        self.out: dict[int, tuple[str, int]] = {}
        self.old: list[str] = []
        self.done: set[int] = set()
        self.reported: set[int] = set()
        self.floor = 0
        self.deliveries = Deliveries([], 0, lambda: self.now, ordered=True)

    def expire(self) -> None:
        for message in sorted(m for m, (_, until) in self.out.items() if until <= self.now):
            if message in self.out:
                self.give_back(message)

    def give_back(self, message: int) -> None:
        key = self.keys[message]
        for other in [m for m in self.out if m == message or (key and m > message)]:
            if other == message or self.keys[other] == key:
                self.old.append(self.out.pop(other)[0])

    @rule(keys=st.lists(KEYS, max_size=5), gap=st.integers(0, 2))
    def publish(self, keys: list[str], gap: int) -> None:
        first = max(self.keys, default=0) + 1 + gap
        arrived = list(enumerate(keys, first))
        self.keys.update(arrived)
        self.deliveries.arrive(arrived)
        self.deliveries.arrive(arrived)

    @rule(most=st.integers(1, 4))
    def take(self, most: int) -> None:
        self.expire()
        held = {self.keys[m] for m in self.out} - {""}
        waiting = sorted(set(self.keys) - self.done - set(self.out))
        expected = [m for m in waiting if self.keys[m] not in held][:most]
        taken = self.deliveries.take(most, DEADLINE_S)
        assert bodies(taken) == expected
        for message, ack_id, _ in taken:
            self.out[message] = (ack_id, self.now + DEADLINE_S * 1_000_000)

    @precondition(lambda self: self.out)
    @rule(choice=st.data())
    def acknowledge(self, choice: st.DataObject) -> None:
        message = choice.draw(st.sampled_from(sorted(self.out)))
        ack_id, _ = self.out.pop(message)
        self.done.add(message)
        done, self.floor = self.deliveries.acknowledge([ack_id, ack_id, "nonsense", "7-", "-1"])
        assert done == [message]

    @precondition(lambda self: self.old)
    @rule(choice=st.data())
    def acknowledge_late(self, choice: st.DataObject) -> None:
        ack_id = choice.draw(st.sampled_from(self.old))
        message = int(ack_id.partition("-")[0])
        done, self.floor = self.deliveries.acknowledge([ack_id])
        # Another may have it now: then only that one's ack id counts.
        assert done == ([] if message in self.done or message in self.out else [message])
        self.done.update(done)

    @precondition(lambda self: self.out)
    @rule(choice=st.data())
    def nack(self, choice: st.DataObject) -> None:
        message = choice.draw(st.sampled_from(sorted(self.out)))
        self.deliveries.modify([self.out[message][0]], 0)
        self.give_back(message)

    @precondition(lambda self: self.out)
    @rule(choice=st.data(), seconds=st.integers(1, 30))
    def extend(self, choice: st.DataObject, seconds: int) -> None:
        message = choice.draw(st.sampled_from(sorted(self.out)))
        ack_id, _ = self.out[message]
        self.deliveries.modify([ack_id], seconds)
        self.out[message] = (ack_id, self.now + seconds * 1_000_000)

    @rule(seconds=st.integers(1, 12))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds * 1_000_000

    @invariant()
    def the_floor_never_passes_what_is_not_acknowledged(self) -> None:
        left = set(self.keys) - self.done
        assert all(message > self.floor for message in left)
        assert self.deliveries.backlog == len(left)

    def teardown(self) -> None:
        """Whatever happened: all that is left can be had and acknowledged."""
        for _ in range(3 * len(self.keys) + 1):
            self.now += 100 * 1_000_000
            taken = self.deliveries.take(1_000, DEADLINE_S)
            self.deliveries.acknowledge([delivered.ack_id for delivered in taken])
        assert self.deliveries.backlog == 0


Model.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDeliveriesKeepTheirAccount = Model.TestCase


def test_under_a_retry_policy_a_key_waits_for_its_first_message() -> None:
    now = [0]
    deliveries = Deliveries(
        [(1, "k"), (2, "k"), (3, ""), (4, "")],
        0,
        lambda: now[0],
        ordered=True,
        backoff=Backoff(10_000_000, 15_000_000),
    )
    first, _ = deliveries.take(1, 60), deliveries.take(1, 60)
    deliveries.modify([first[0].ack_id], 0)
    assert bodies(deliveries.take(9, 600)) == [4]
    now[0] = 9_999_999
    assert deliveries.take(9, 60) == []
    now[0] = 10_000_000
    again = deliveries.take(9, 60)
    assert bodies(again) == [1, 2]
    deliveries.modify([again[0].ack_id], 0)
    now[0] += 14_999_999
    assert deliveries.take(9, 60) == []
    now[0] += 1
    assert bodies(deliveries.take(9, 60)) == [1, 2]


def test_what_is_put_back_counts_as_never_handed_out() -> None:
    deliveries = Deliveries([(1, "k"), (2, "k"), (3, "")], 0, lambda: 0, ordered=True)
    taken = deliveries.take(9, 10)
    deliveries.put_back(taken[1:])
    assert bodies(deliveries.take(9, 10)) == [3]
    deliveries.acknowledge([taken[0].ack_id])
    assert [(d.message, d.attempt) for d in deliveries.take(9, 10)] == [(2, 1)]


def test_ack_ids_of_another_life_of_the_subscription_acknowledge_nothing() -> None:
    before = Deliveries([(1, "")], 0, lambda: 1_000)
    old = before.take(1, 10)
    after = Deliveries([(1, "")], 0, lambda: 2_000)
    assert after.acknowledge([old[0].ack_id]) == ([], 0)
    [new] = after.take(1, 10)
    after.modify([new.ack_id], 0)
    assert after.acknowledge([old[0].ack_id]) == ([], 0)
    assert after.acknowledge([new.ack_id]) == ([1], 1)


def test_deadlines_of_leases_long_gone_are_swept() -> None:
    deliveries = Deliveries([], 0, lambda: 0)
    for start in range(1, 60_001, 1_000):
        deliveries.arrive([(message, "") for message in range(start, start + 1_000)])
        deliveries.acknowledge([d.ack_id for d in deliveries.take(1_000, 600)])
    assert len(deliveries._expiries) < 15_000
