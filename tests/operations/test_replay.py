"""A replay publishes what came, byte for byte, as the next attempt on a lane of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud.pubsub_v1.publisher.futures import Future
from hypothesis import given
from hypothesis import strategies as st

from connectors.files import BadInput, bad_input_message
from connectors.objects import FolderStore
from connectors.publisher import ChangePublisher
from pipelines.replay import Message, Replayed, message_of, replay
from schemas.change import Change, new_change
from schemas.envelope import CLAIM_CHECK_BYTES, decode, encode, topic_of
from schemas.errors import ConfigurationError, InvalidPayload, RetriableError
from schemas.flow import Received
from schemas.operations import DeadLetter
from schemas.topology import GIVEN_UP_BY
from transforms import dead_letters
from transforms.dead_letters import MAX_PAYLOAD_BYTES, dead_letter, original
from transforms.decode import decode_message

NOW = 1_800_000_000_000_000


class Client:
    """Takes what is published; refuses where it is told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.taken: list[Message] = []
        self._failure = failure

    def publish(self, path: str, data: bytes, **attributes: str) -> Any:
        future: Any = Future()
        if self._failure is not None:
            future.set_exception(self._failure)
        else:
            self.taken.append((path, data, attributes))
            future.set_result(str(len(self.taken)))
        return future


def a_change(payload: bytes = b'{"Id": "1"}') -> Change:
    return new_change("files", "contact", "c1", payload, stamp=1, fetched=2, lane="import")


def a_letter(
    data: bytes, attributes: dict[str, str], store: dead_letters.Store | None = None
) -> DeadLetter:
    return dead_letter(
        original(Received(data, attributes, "m1", 5)),
        "normalise",
        InvalidPayload("no id"),
        now=NOW,
        job_name="test",
        store=store,
    )


def an_import_error() -> DeadLetter:
    topic, data, attributes = bad_input_message(BadInput("files", "a.csv line 2", "no id", b"x"))
    return a_letter(data, dict(attributes))


@pytest.fixture
def objects(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def message(letter: DeadLetter, objects: FolderStore) -> Message:
    found = message_of(letter, objects)
    assert found is not None
    return found


def test_a_replay_is_the_next_attempt_on_the_lane_of_replays(objects: FolderStore) -> None:
    change = a_change()
    topic, data, attributes = message(a_letter(*encode(change)), objects)
    assert topic == topic_of("files")
    assert attributes == {**encode(change).attributes, "ce-attempt": "2", "ce-lane": "replay"}
    again = decode(data, attributes)
    assert (again.attempt, again.lane) == (2, "replay")
    assert (again.change_id, again.version) == (change.change_id, change.version)


def test_a_replay_that_fails_again_counts_on(objects: FolderStore) -> None:
    letter = a_letter(*encode(a_change()))
    for attempt in (2, 3, 4):
        _, data, attributes = message(letter, objects)
        assert attributes["ce-attempt"] == str(attempt)
        letter = a_letter(data, attributes)
    assert letter.attempt == 4


@given(payload=st.binary(max_size=200))
def test_a_replay_has_the_exact_bytes(
    tmp_path_factory: pytest.TempPathFactory, payload: bytes
) -> None:
    objects = FolderStore(tmp_path_factory.getbasetemp())
    _, data, attributes = message(a_letter(*encode(a_change(payload))), objects)
    assert data == payload
    assert decode(data, attributes).payload == payload


def test_a_payload_too_large_for_a_row_comes_back_from_the_object_store(
    objects: FolderStore,
) -> None:
    payload = b"x" * (MAX_PAYLOAD_BYTES + 1)
    letter = a_letter(*encode(a_change(payload)), objects.put)
    assert letter.payload == b""
    assert message(letter, objects)[1] == payload


def test_a_payload_that_came_by_claim_check_goes_by_claim_check_again(
    objects: FolderStore,
) -> None:
    payload = b"x" * (CLAIM_CHECK_BYTES + 1)
    client = Client()
    publisher = ChangePublisher(client, "p", objects)  # type: ignore[arg-type]
    publisher.publish(a_change(payload))
    publisher.flush()
    _, data, attributes = client.taken[0]
    assert data == b""
    letter = a_letter(data, dict(attributes))
    _, again, attributes = message(letter, objects)
    arrival = decode_message(Received(again, attributes, "m2", 6), objects.get)
    assert arrival.change.payload == payload
    assert arrival.change.attempt == 2


def test_a_payload_whose_claim_check_is_gone_is_named_by_its_letter(
    objects: FolderStore, tmp_path: Path
) -> None:
    letter = a_letter(*encode(a_change(b"x" * (MAX_PAYLOAD_BYTES + 1))), objects.put)
    for path in tmp_path.rglob(letter.dead_letter_id):
        path.unlink()
    with pytest.raises(ConfigurationError, match="is gone") as gone:
        message_of(letter, objects)
    assert letter.dead_letter_id in str(gone.value)


def test_an_input_that_an_import_could_not_read_is_left(objects: FolderStore) -> None:
    letter = an_import_error()
    assert letter.topic, "it is left for what it is, not for want of a topic"
    assert message_of(letter, objects) is None


def test_a_hint_that_was_given_up_is_a_hint_again(objects: FolderStore) -> None:
    given_up = {
        "ce-source": "//salesintel/hubspot",
        GIVEN_UP_BY: "fetch-hubspot",
        "CloudPubSubDeadLetterSourceDeliveryCount": "100",
    }
    topic, data, attributes = message(a_letter(b'{"id":"1"}', given_up), objects)
    assert (topic, data) == ("hints-hubspot", b'{"id":"1"}')
    assert not [name for name in attributes if name.startswith("CloudPubSub")]
    elsewhere = a_letter(b"x", given_up | {GIVEN_UP_BY: "another"})
    assert message(elsewhere, objects)[0] == "changes-hubspot"


def test_a_letter_whose_source_is_unknown_is_left(objects: FolderStore) -> None:
    for attributes in ({}, {"ce-source": "//salesintel/none-of-ours"}):
        assert message_of(a_letter(b"x", attributes), objects) is None


def test_every_letter_is_published_or_counted_as_left(objects: FolderStore) -> None:
    client = Client()
    publisher = ChangePublisher(client, "p", objects)  # type: ignore[arg-type]
    letters = [a_letter(*encode(a_change())), an_import_error(), a_letter(b"", {})]
    assert replay(letters, publisher, objects) == Replayed(published=1, left=2)
    path, data, attributes = client.taken[0]
    assert path == "projects/p/topics/changes-files"
    assert data == a_change().payload
    assert attributes["ce-lane"] == "replay"
    assert json.loads(letters[0].attributes)["ce-lane"] == "import", "the letter stays as it is"


def test_a_replay_that_pubsub_does_not_take_is_no_success(objects: FolderStore) -> None:
    client = Client(RuntimeError("down"))
    publisher = ChangePublisher(client, "p", objects)  # type: ignore[arg-type]
    with pytest.raises(RetriableError, match="could not be published"):
        replay([a_letter(*encode(a_change()))], publisher, objects)
