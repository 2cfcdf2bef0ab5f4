"""A change survives its envelope, and nothing else gets through it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.change import LANES, OPERATIONS, SOURCES, Change, new_change, stable_hash
from schemas.clock import MAX_US, MIN_US
from schemas.envelope import (
    CLAIM_CHECK_BYTES,
    MAX_ATTRIBUTE_KEY_BYTES,
    MAX_ATTRIBUTE_VALUE_BYTES,
    MAX_ATTRIBUTES,
    MAX_MESSAGE_BYTES,
    decode,
    encode,
)
from schemas.errors import InvalidEnvelope

stamps = st.integers(MIN_US, MAX_US)
changes = st.builds(
    new_change,
    st.sampled_from(SOURCES),
    st.from_regex(r"\A[a-z][a-z0-9_]{0,20}\Z"),
    st.text(min_size=1),
    st.binary(max_size=200),
    stamp=stamps,
    fetched=stamps,
    operation=st.sampled_from([name for name in OPERATIONS if name != "merge"]),
    lane=st.sampled_from(LANES),
)


@given(changes)
def test_a_change_comes_out_as_it_went_in(change: Change) -> None:
    assert decode(*encode(change)) == change


@given(changes)
def test_a_message_keeps_to_the_limits_of_pubsub_and_shows_no_address(change: Change) -> None:
    message = encode(change)
    assert len(message.attributes) <= MAX_ATTRIBUTES
    for key, value in message.attributes.items():
        assert 0 < len(key.encode()) <= MAX_ATTRIBUTE_KEY_BYTES
        assert 0 < len(value.encode()) <= MAX_ATTRIBUTE_VALUE_BYTES
        assert "@" not in value
    assert CLAIM_CHECK_BYTES < MAX_MESSAGE_BYTES


@given(st.binary(), st.dictionaries(st.text(), st.text()))
def test_random_messages_are_refused_by_name_and_never_otherwise(
    data: bytes, attributes: dict[str, str]
) -> None:
    with pytest.raises(InvalidEnvelope):
        decode(data, attributes)


@given(changes, st.data())
def test_a_changed_attribute_is_noticed(change: Change, data: st.DataObject) -> None:
    data_bytes, attributes = encode(change)
    name = data.draw(
        st.sampled_from(["ce-id", "ce-objectid", "ce-stamp", "ce-digest", "ce-source", "ce-type"])
    )
    attributes[name] = data.draw(st.text(max_size=30).filter(lambda v: v != attributes[name]))
    with pytest.raises(InvalidEnvelope, match="ce-"):
        decode(data_bytes, attributes)


def test_a_changed_payload_is_noticed() -> None:
    change = new_change("gmail", "message", "1", b"one", stamp=1, fetched=1)
    with pytest.raises(InvalidEnvelope, match="digest"):
        decode(b"two", encode(change).attributes)


def test_two_edits_under_one_stamp_stay_two_and_a_reread_stays_one() -> None:
    first = new_change("salesforce", "contact", "003A", b"{1}", stamp=5, fetched=6)
    second = new_change("salesforce", "contact", "003A", b"{2}", stamp=5, fetched=6)
    reread = new_change("salesforce", "contact", "003A", b"{1}", stamp=5, fetched=9)
    assert first.change_id != second.change_id
    assert first.change_id == reread.change_id


def test_versions_compare_as_numbers() -> None:
    old = new_change("hubspot", "contact", "1", b"z", stamp=999, fetched=9)
    new = new_change("hubspot", "contact", "1", b"a", stamp=1_000, fetched=1)
    assert old.version < new.version


def test_a_merge_names_its_successor() -> None:
    change = new_change(
        "salesforce", "contact", "1", b"{}", stamp=1, fetched=1, operation="merge", successor="2"
    )
    message = encode(change)
    assert decode(*message).successor == "2"
    del message.attributes["ce-successor"]
    with pytest.raises(InvalidEnvelope, match="successor"):
        decode(*message)


def test_an_address_as_object_id_is_hashed() -> None:
    change = new_change("files", "contact", "someone@example.com", b"{}", stamp=1, fetched=1)
    assert "@" not in change.object_id


def test_hashes_of_different_lists_differ() -> None:
    assert stable_hash("ab", "c") != stable_hash("a", "bc")
