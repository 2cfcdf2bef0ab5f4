"""The embedded warehouse lets go of answers that nobody asks for any more, and of no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.recent_answers import KEPT_S, RecentAnswers


class Times:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_goes_when_nobody_has_asked_for_it_for_long() -> None:
    times, schemas = Times(), {"old": [], "read": [], "new": []}
    answers = RecentAnswers(schemas, times)
    answers["old"], answers["read"] = "rows", "other rows"
    times.now = KEPT_S
    assert answers["read"] == "other rows"
    times.now += 1
    answers["new"] = "newest rows"
    assert dict(answers) == {"read": "other rows", "new": "newest rows"}
    assert schemas.keys() == {"read", "new"}
    assert answers.get("old") is None
    with pytest.raises(KeyError):
        answers["old"]


@given(
    st.lists(
        st.tuples(st.sampled_from("put get pop".split()), st.integers(0, 5), st.integers(0, 400)),
        max_size=40,
    )
)
def test_whatever_was_asked_for_of_late_is_there(deeds: list[tuple[str, int, int]]) -> None:
    times = Times()
    answers = RecentAnswers({}, times)
    last: dict[str, float] = {}
    for deed, number, waited in deeds:
        times.now += waited
        job = str(number)
        if deed == "put":
            answers[job] = number
        elif deed == "pop":
            answers.pop(job, None)
        if deed == "pop":
            last.pop(job, None)
        elif deed == "put" or answers.get(job) is not None:
            last[job] = times.now
        for one, asked in last.items():
            if times.now - asked <= KEPT_S:
                assert one in answers
    assert answers.keys() <= last.keys()
