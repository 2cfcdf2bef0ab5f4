"""What is asked of an account once a night: how many records it has, in all and of a day."""

from hubspot_harness import START_US, hubspot

from connectors.hubspot.kinds import KINDS
from schemas.clock import DAY_US

DAY = START_US // DAY_US


def test_a_day_holds_what_was_made_from_its_midnight_to_the_next() -> None:
    with hubspot(seed=False) as harness:
        account = harness.account
        for milliseconds in (-1, 0, 86_399_999, 86_400_000):
            harness.now[0] = DAY * DAY_US + milliseconds * 1_000
            for kind in KINDS.values():
                account.create(kind.path, {})
        gone = next(account.live("contacts"))
        harness.pass_time(1)
        account.archive("contacts", gone.id)
        harness.pass_time(1)
        # An edit moves the stamp of a version, and not the day of its making.
        account.edit("deals", next(account.live("deals")).id, {"dealname": "Renewal"})
        questions = list(harness.connector().questions((DAY - 1, DAY, DAY + 1)))
        found = {(one.object_type, one.day): one.ask().records for one in questions}
        for kind in KINDS.values():
            lost = kind.name == "contact"
            days = {day: found[kind.name, day] for day in (None, DAY - 1, DAY, DAY + 1)}
            assert days == {None: 4 - lost, DAY - 1: 1 - lost, DAY: 2, DAY + 1: 1}
        assert [one.day for one in questions if one.object_type == "owner"] == [None]
