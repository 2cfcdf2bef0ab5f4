"""A decision is carried whole, and what is no decision is told as what it is."""

import json
import random
from typing import Any

import msgspec
import pytest

from schemas.clock import DAY_US
from schemas.decision import Decided, decode, encode
from schemas.errors import SkippableError
from schemas.flow import Received, RowBatch
from schemas.identity import Override
from transforms.decide import decided_rows, told
from transforms.identity.messages import Decision, unpack_entries

NOW = 1_770_000_000_000_000


def a_decision(**fields: Any) -> Decided:
    given = {
        "left_key": "hubspot:contact:1",
        "right_key": "salesforce:contact:2",
        "verdict": "same",
        "decided_at": NOW,
        "decided_by": "ana",
        "asked_left": "p-1",
        "asked_right": "salesforce:contact:2",
        **fields,
    }
    return Decided(**given)


def received(decided: Decided, **attributes: str) -> Received:
    message = encode(decided)
    return Received(message.data, {**message.attributes, **attributes}, "m1", NOW)


def override(batch: RowBatch) -> Override:
    [row] = batch.rows
    assert isinstance(row, Override)
    return row


@pytest.mark.parametrize("verdict", ["same", "different", "withdrawn"])
def test_a_decision_comes_out_as_it_went_in_and_the_resolver_is_told_of_it(verdict: str) -> None:
    decided = a_decision(verdict=verdict)
    assert decode(*encode(decided)) == decided
    batch = decided_rows(received(decided), lambda: NOW + 5)
    row = override(batch)
    for name in decided.__struct_fields__:
        assert getattr(row, name) == getattr(decided, name), name
    assert (row.message_id, row.publish_time, row.written_at) == ("m1", NOW, NOW + 5)
    assert unpack_entries(told(batch)) == [
        Decision(
            "hubspot:contact:1",
            "salesforce:contact:2",
            decided.verdict,
            (1, NOW, 0, decided.decision_id),
        )
    ]


def test_two_decisions_are_told_apart_by_anything_that_they_say() -> None:
    one = a_decision()
    others = [
        {"left_key": "a"},
        {"right_key": "z"},
        {"verdict": "different"},
        {"decided_at": NOW + 1},
        {"decided_by": "ben"},
    ]
    ids = {a_decision(**other).decision_id for other in others}
    assert len(ids | {one.decision_id}) == 6
    assert a_decision().decision_id == one.decision_id


BAD: dict[str, dict[str, Any]] = {
    "no-verdict-of-ours": {"verdict": "maybe"},
    "one-record-alone": {"right_key": "hubspot:contact:1"},
    "keys-the-wrong-way-round": {"left_key": "z", "right_key": "a"},
    "no-left-key": {"left_key": ""},
    "of-the-year-9999": {"decided_at": 253_370_764_800_000_000},
    "of-before-time": {"decided_at": -(2**62)},
    "a-day-and-more-ahead": {"decided_at": NOW + DAY_US + 1},
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_decision_is_skippable(name: str) -> None:
    fields = msgspec.to_builtins(a_decision()) | BAD[name]
    decided = Decided(**fields)
    message = Received(
        json.dumps(fields).encode(),
        {"ce-specversion": "1.0", "ce-type": "salesintel.decision", "ce-id": decided.decision_id},
        "m1",
        NOW,
    )
    with pytest.raises(SkippableError):
        decided_rows(message, lambda: NOW)


def test_a_decision_of_tomorrow_morning_passes_as_clocks_differ() -> None:
    ahead = a_decision(decided_at=NOW + DAY_US)
    assert override(decided_rows(received(ahead), lambda: NOW)).decided_at == NOW + DAY_US


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("ce-specversion", "0.3"), ("ce-type", "salesintel.change.contact"), ("ce-id", "other")],
)
def test_an_envelope_that_is_not_a_decisions_is_skippable(attribute: str, value: str) -> None:
    with pytest.raises(SkippableError, match=attribute):
        decided_rows(received(a_decision(), **{attribute: value}), lambda: NOW)


def test_whatever_bytes_come_are_a_decision_or_skippable() -> None:
    rng = random.Random(7)
    whole = received(a_decision())
    taken = 0
    for _ in range(500):
        data = bytearray(whole.data)
        for _ in range(rng.randrange(0, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            decided_rows(Received(bytes(data), whole.attributes, "m", NOW), lambda: NOW)
            taken += 1
        except SkippableError:
            pass
    assert 0 < taken < 500
