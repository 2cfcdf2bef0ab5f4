"""A release that does not fit is deployed and rolled back on a stack while messages flow: every
message is accounted for, and the views are those of a system that nobody touched."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import pubsub_v1
from local_stream import LocalStream
from running import Message
from small_stack import SmallStack
from views import Rows, accounting_of, assert_same, rows_of

from connectors.files import BadInput, ImportOptions, bad_input_message, plan, read
from operations.release.carrying_out import carry_out, facts_of
from operations.release.positions import Positions
from operations.release.steps import REPLACED, Step, decided
from operations.waiting import until_accounted, until_written
from sandbox.company import Manifest
from schemas.clock import wall_clock
from schemas.envelope import encode, topic_of

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.xdist_group("stack")]

RELEASES = {"a": 8, "b": 4}


class Rehearsal:
    """A stack whose pipeline is released, and the company's messages, published bit by bit."""

    def __init__(self, path: Path, company: Manifest) -> None:
        self.stack = SmallStack(path)
        self.stack.start()
        self.stream = LocalStream(self.stack, company.settings, RELEASES)
        self.subscriber = pubsub_v1.SubscriberClient()
        self.positions = Positions(self.subscriber, self.stack.stack.project)
        self.messages = list(messages(company, self.stack.stack.project))
        self.published = 0

    def publish(self, count: int) -> None:
        sent = self.messages[self.published : self.published + count]
        client = pubsub_v1.PublisherClient()
        for future in [client.publish(topic, data, **more) for topic, data, more in sent]:
            future.result()
        self.published += len(sent)

    def release(self, wanted: str, *, back: bool = False, meanwhile: int = 0) -> tuple[str, ...]:
        """Deploys or rolls back; messages come while nothing reads them."""

        def say(step: Step) -> None:
            if step == "seek":
                self.publish(meanwhile)

        facts = facts_of(self.stream, self.positions, wanted, back=back, replace=False)
        decision = decided(facts)
        assert carry_out(decision, wanted, self.stream, self.positions, say) == ()
        return decision.steps

    def until_all_is_written(self) -> None:
        with self.stack.warehouse() as client:
            assert until_accounted(client, self.published) == self.published
        until_written(self.stack.directory, wall_clock())

    def stop(self) -> None:
        self.stream.drain()
        self.subscriber.close()
        self.stack.stop()


def messages(company: Manifest, project: str) -> Iterator[Message]:
    """What an import of all its files publishes."""
    for one in read(plan(company.imports, ImportOptions()), ImportOptions()):
        if isinstance(one, BadInput):
            topic, data, attributes = bad_input_message(one)
        else:
            topic = topic_of(one.source)
            data, attributes = encode(one)
        yield f"projects/{project}/topics/{topic}", data, dict(attributes)


@pytest.fixture
def rehearsal(tmp_path: Path, company: Manifest) -> Iterator[Rehearsal]:
    made = Rehearsal(tmp_path / "data", company)
    try:
        yield made
    finally:
        made.stop()


def test_a_release_and_its_rollback_lose_nothing_and_change_no_view(
    rehearsal: Rehearsal, company: Manifest, undisturbed: Rows
) -> None:
    part = company.inputs // 5
    assert rehearsal.release("a") == ("apply",)
    rehearsal.publish(part)
    rehearsal.until_all_is_written()

    # In hand and on the way when the positions are kept, and more while nothing reads.
    rehearsal.publish(part)
    assert rehearsal.release("b", meanwhile=part) == REPLACED
    assert rehearsal.positions.kept("a-to-b")
    rehearsal.until_all_is_written()

    rehearsal.publish(part)
    assert rehearsal.release("a", back=True, meanwhile=company.inputs) == (
        "drain",
        "seek",
        "apply",
        "forget",
    )
    assert not rehearsal.positions.kept("a-to-b")
    rehearsal.until_all_is_written()
    assert rehearsal.published == company.inputs
    assert rehearsal.stream.log.read_text().count("seeding the resolver") == 3

    with rehearsal.stack.warehouse() as client:
        account = accounting_of(client)
        again = client.query_and_wait(
            "SELECT COUNT(*) - COUNT(DISTINCT message_id) AS n FROM `raw.changes`"
        )
        # All that came since the positions were kept, but for what repeats itself.
        assert next(iter(again)).n > part, "what the release had read was read again"
        assert_same(rows_of(client), undisturbed)
    assert account["messages"] == company.inputs
    assert account["dead_letters"] == company.bad
