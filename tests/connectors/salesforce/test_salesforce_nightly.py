"""What is asked of an org once a night: counts by object and day, and a comparison of all ids."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance import Run
from salesforce_harness import START_US, SalesforceHarness, salesforce

from connectors.poller import Poller
from sandbox.vendors.faults import Fault
from schemas.clock import DAY_US
from schemas.errors import SkippableError

DAY = START_US // DAY_US


@pytest.fixture
def harness() -> Iterator[SalesforceHarness]:
    with salesforce(empty=True) as made:
        made.objects = ("contact",)
        yield made


def counted(harness: SalesforceHarness, *days: int) -> dict[tuple[str, int | None], int]:
    return {
        (one.object_type, one.day): one.ask().records for one in harness.connector().questions(days)
    }


def test_a_day_holds_what_was_made_from_its_midnight_to_the_next(
    harness: SalesforceHarness,
) -> None:
    for seconds in (-1, 0, 86_399, 86_400):
        harness.now[0] = DAY * DAY_US + seconds * 1_000_000
        harness.org.create("Contact", LastName="Known")
    harness.org.delete("Contact", harness.org.create("Contact", LastName="Gone"))
    harness.org.create("User", Email="rep@own.example")
    harness.org.create("Task", Subject="Old", IsArchived=True)
    found = counted(harness, DAY - 1, DAY, DAY + 1)
    contacts = {day: n for (name, day), n in found.items() if name == "contact"}
    assert contacts == {None: 4, DAY - 1: 1, DAY: 2, DAY + 1: 1}
    assert (found["user", None], found["user", DAY + 1], found["task", None]) == (1, 1, 1)
    assert {name for name, _ in found} == {name.lower() for name in harness.org.entities}


def test_an_object_that_is_refused_is_counted_by_nobody_and_the_others_are(
    harness: SalesforceHarness,
) -> None:
    harness.faults.switch_on(Fault(name="forbidden", route="sobjects/Lead"))
    refused = []
    for question in harness.connector().questions(()):
        try:
            question.ask()
        except SkippableError:
            refused.append(question.object_type)
    assert refused == ["lead"]


class Compared:
    """Rounds of polling, and of the night's comparison, on the same cursors."""

    def __init__(self, harness: SalesforceHarness, folder: Path) -> None:
        self.harness = harness
        self.run = Run(harness, folder)
        self.asked: Counter[str] = Counter()
        harness.known = self.known

    def known(self, object_type: str) -> list[str]:
        self.asked[object_type] += 1
        newest = {one.record_key: one for one in self.run.collector.changes}
        return [one.object_id for one in newest.values() if one.operation == "upsert"]

    def night(self) -> list[str]:
        """Ids that the comparison says are gone."""
        before = len(self.run.collector.changes)
        poller = Poller(self.run.cursors, self.run.collector)  # type: ignore[arg-type]
        outcome = poller.round(
            one
            for one in self.harness.connector().comparison()
            if one.name.split("/")[1] in self.harness.objects
        )
        assert outcome.succeeded, outcome.failures
        found = self.run.collector.changes[before:]
        assert all(one.operation == "delete" for one in found)
        return [one.object_id for one in found]


def test_trap_19_the_night_compares_whether_that_is_due_or_not_and_polling_when_it_is(
    harness: SalesforceHarness, tmp_path: Path
) -> None:
    compared = Compared(harness, tmp_path)
    first, second, third = (harness.org.create("Contact", LastName="Known") for _ in range(3))
    assert compared.night() == []
    assert compared.asked == {}, "before the first round there is nothing to compare with"
    compared.run.round()
    harness.org.purge("Contact", first)
    harness.org.deletions.clear()
    harness.pass_time(1)
    assert compared.run.round().succeeded
    assert compared.asked == {}
    assert compared.night() == [first]
    assert compared.night() == []
    harness.org.purge("Contact", second)
    harness.org.deletions.clear()
    harness.pass_time(23 * 60)
    compared.run.round()
    assert [one.object_id for one in compared.run.collector.changes[-1:]] != [second]
    harness.pass_time(2 * 60)
    compared.run.round()
    assert compared.run.collector.changes[-1].object_id == second
    assert compared.known("contact") == [third]


def test_nothing_is_compared_where_nobody_says_what_we_hold(harness: SalesforceHarness) -> None:
    assert list(harness.connector().comparison()) == []
