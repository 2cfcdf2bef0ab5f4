"""Mistakes in terraform/ are noticed, and the list of them is up to date."""

from pathlib import Path

import pytest
from mutation import Mutation
from mutations import MUTATIONS, copied, make, noticed_by
from offline import ROOT, missing


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_a_mistake_can_still_be_made(mutation: Mutation) -> None:
    text = (ROOT / mutation.path).read_text(encoding="utf-8")
    assert mutation.old in text and mutation.old != mutation.new


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
    assert noticed_by(copy)
