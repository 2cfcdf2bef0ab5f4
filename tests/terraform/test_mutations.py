"""Mistakes in terraform/ are noticed, and the list of them is up to date."""

from pathlib import Path

import pytest
from mutation import PAGE, Mutation
from mutations import MUTATIONS, QUICK, copied, failing, make, noticed_by
from offline import ROOT, missing


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_a_mistake_can_still_be_made(mutation: Mutation) -> None:
    text = (ROOT / mutation.path).read_text(encoding="utf-8")
    assert mutation.old in text and mutation.old != mutation.new


@pytest.mark.slow
def test_mistakes_that_need_no_plan_are_noticed_side_by_side(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    told = [one for one in MUTATIONS if one.noticed]
    for mutation in sorted(told, key=lambda one: one.path == PAGE):
        make(mutation, copy)
    assert {one.noticed for one in told} <= set(failing(copy, *QUICK))


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_without_a_mistake_nothing_is_noticed(tmp_path: Path) -> None:
    assert not noticed_by(copied(tmp_path))


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_a_mistake_is_noticed(mutation: Mutation, tmp_path: Path) -> None:
    copy = copied(tmp_path, plans=mutation.plans)
    make(mutation, copy)
    assert noticed_by(copy, mutation)
