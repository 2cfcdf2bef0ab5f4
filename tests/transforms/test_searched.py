"""What was searched in vain is not searched again, and nobody is missed by it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms import searched
from transforms.searched import FEWEST_BYTES, Searched
from transforms.traces import Edges, Identifiers, Traces

ANN = Identifiers(emails=("ann.lee@acme.test",), phones=("+14152340100",), names=("Ann Lee",))
TRACES = Traces(ANN)
LONG = b"Nobody of that name is in here. " * 20

payloads = st.tuples(
    st.sampled_from(
        (
            LONG,
            b"short",
            b"to ann.lee@acme.test" + LONG,
            b"toann.lee@acme.test" + LONG,
            base64.b64encode(b"Ann Lee " + LONG),
            b"\x00ann.lee@acme.testx" + LONG,
        )
    ),
    st.sampled_from(("words", "texts", "none")),
)


@given(st.lists(payloads))
def test_it_finds_what_a_first_look_finds_however_often_and_by_whichever_edges(
    asked: list[tuple[bytes, Edges]],
) -> None:
    remembering = Searched(ANN)
    for data, edges in asked:
        assert remembering.find(data, edges) == TRACES.find(data, edges)


def test_what_names_nobody_is_unwrapped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bytes] = []

    def counted(self: Traces, data: bytes, edges: Edges = "words") -> None:
        looks.append(data)

    remembering = Searched(ANN)
    monkeypatch.setattr(Traces, "find", counted)
    for _ in range(3):
        assert remembering.find(LONG) is None
    assert looks == [LONG]
    assert remembering.find(LONG, "none") is None
    assert len(looks) == 2, "other edges are another question"


def test_where_no_more_can_be_remembered_it_is_searched_every_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searched, "MOST_REMEMBERED", 1)
    remembering = Searched(ANN)
    assert remembering.find(LONG) is None
    named = b"to ann.lee@acme.test " + LONG
    for _ in range(2):
        assert remembering.find(named) == TRACES.find(named)
        assert remembering.find(LONG[1:]) is None
    assert len(LONG) > FEWEST_BYTES
