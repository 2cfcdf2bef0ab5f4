"""Rates and differences of partitions, against what counting every pair gives."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.identity.measures import (
    BUCKETS,
    Score,
    calibration,
    difference,
    pairwise,
    reviewed,
)

PARTITIONS = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("1234"))


@given(truth=PARTITIONS, found=PARTITIONS)
def test_pairs_are_counted_as_one_by_one(truth: dict[str, str], found: dict[str, str]) -> None:
    right = wrong = missed = 0
    for a, b in combinations(sorted(truth), 2):
        together = a in found and found[a] == found.get(b)
        true = truth[a] == truth[b]
        right, wrong, missed = (
            right + (together and true),
            wrong + (together and not true),
            missed + (true and not together),
        )
    assert pairwise(truth, found) == Score(right, wrong, missed)


def test_what_was_never_put_together_has_no_precision_and_not_a_perfect_one() -> None:
    assert Score(0, 0, 3) == pairwise(dict.fromkeys("abc", "x"), {})
    assert (Score(0, 0, 3).precision, Score(0, 0, 3).recall, Score(0, 0, 3).f1) == (None, 0, 0)
    assert (Score(0, 2, 0).precision, Score(0, 2, 0).recall) == (0, None)
    assert Score(0, 0, 0).f1 is None
    assert (Score(3, 1, 2).precision, Score(3, 1, 2).recall) == (0.75, 0.6)
    assert Score(3, 1, 2).f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)


def test_a_review_counts_what_the_engine_did_by_itself() -> None:
    verdicts = {
        ("a", "b"): "same",
        ("a", "c"): "different",
        ("b", "d"): "same",
        ("d", "e"): "different",
        ("d", "f"): "withdrawn",
        ("x", "y"): "same",
        ("x", "z"): "different",
    }
    found = {"a": "1", "b": "1", "c": "1", "d": "2", "e": "3", "f": "2"}
    assert reviewed(verdicts, found) == Score(right=1, wrong=1, missed=2)


def test_pairs_fall_into_the_bucket_of_their_probability() -> None:
    pairs: list[tuple[float, bool | None]] = [
        (0.5, True),
        (0.59, False),
        (0.6, None),
        (0.999, True),
        (1.0, True),
        (0.2, None),
    ]
    found = {bucket.low: bucket for bucket in calibration(pairs)}
    assert set(found) == {0.5, 0.6, 0.999} <= set(BUCKETS)
    assert (found[0.5].pairs, found[0.5].known, found[0.5].held) == (3, 2, 0.5)
    assert found[0.5].promised == pytest.approx((0.5 + 0.59 + 0.2) / 3)
    assert found[0.6].held is None
    assert (found[0.999].pairs, found[0.999].held) == (2, 1.0)


def test_a_difference_names_what_splits_what_merges_and_how_many_records_move() -> None:
    now = {"a": "1", "b": "1", "c": "2", "d": "3", "e": "4"}
    then = {"a": "A", "b": "B", "c": "C", "d": "C", "e": "E"}
    found = difference(now, then)
    assert found.moved == 4, "all but e, whatever the ids are called"
    assert found.split == {"1": [["a"], ["b"]]}
    assert found.merged == {"C": [["c"], ["d"]]}


@given(now=PARTITIONS)
def test_other_names_for_the_same_entities_are_no_difference(now: dict[str, str]) -> None:
    assert difference(now, {key: f"p-{entity}" for key, entity in now.items()}) == (0, {}, {})
