"""A message of Pub/Sub as the graph takes it: nothing in it believed, nothing of it lost."""

import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.utils.timestamp import Timestamp
from google.protobuf.timestamp_pb2 import Timestamp as ProtoTimestamp
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stream import received
from schemas.flow import Received
from transforms.coders import ReceivedCoder

MOMENT = 1_770_000_000_123_456


def test_a_message_is_taken_as_it_is() -> None:
    message = PubsubMessage(b"x", {"ce-id": "1"}, "m-1", Timestamp(micros=MOMENT))
    assert received(message) == Received(b"x", {"ce-id": "1"}, "m-1", MOMENT)


def test_what_a_message_lacks_is_empty() -> None:
    assert received(PubsubMessage(b"", None)) == Received(b"", {}, "", 0)
    assert received(PubsubMessage(None, {"a": "b"})) == Received(b"", {"a": "b"}, "", 0)


@pytest.mark.parametrize("moment", [0, 1, MOMENT])
def test_the_moment_of_publishing_is_kept_to_the_microsecond(moment: int) -> None:
    assert received(PubsubMessage(b"", {}, "m", Timestamp(micros=moment))).publish_time == moment


def test_a_message_that_beam_has_read_off_the_wire_is_taken_as_it_was_published() -> None:
    sent = PubsubMessage(b"\x00\xff", {"a": "ü"}, "m-1", ProtoTimestamp(seconds=1, nanos=5_000))
    read = PubsubMessage._from_proto_str(sent._to_proto_str())
    assert received(read) == Received(b"\x00\xff", {"a": "ü"}, "m-1", 1_000_005)


@given(
    st.binary(max_size=50),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4),
    st.text(max_size=8),
    st.integers(0, 2**62),
)
def test_every_message_comes_out_of_its_coder_as_it_went_in(
    data: bytes, attributes: dict[str, str], message_id: str, moment: int
) -> None:
    message, coder = Received(data, attributes, message_id, moment), ReceivedCoder()
    assert coder.decode(coder.encode(message)) == message
