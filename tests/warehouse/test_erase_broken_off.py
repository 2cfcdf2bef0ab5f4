"""Erasures that are broken off or run beside others: nothing is left, and nobody comes back."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from erased_world import (
    ANN,
    BOS_OTHER,
    KEY,
    SEEN,
    all_rows,
    empty,
    fill,
    link,
    person_of,
    rows_of_the_world,
    stored,
)
from google.cloud import bigquery
from rows import a_row

from embedded.directory import DataDirectory
from operations.place import StackHere
from operations.privacy.person import Scene
from schemas.errors import RetriableError
from schemas.identity import Link
from schemas.operations import Erasure
from schemas.tables import BY_ROW
from transforms.erasure import Marks
from transforms.settings import Settings
from warehouse import bounded
from warehouse.clients import Endpoint
from warehouse.erase import Erasing, Nowhere
from warehouse.row_writer import RowWriter
from warehouse.sink import MemorySink, StorageSink
from warehouse.storage_write import RefusedRow
from warehouse.subject import subject_of

pytestmark = pytest.mark.slow

DIALLED = "dialpad:contact:d-ann"
"""A record of hers without the address."""
NUMBER = "+14152340199"
HERS = ("ann@", "Ann Lee", ANN, SEEN, DIALLED, NUMBER, "QW5uIExlZ")


class Refusing(MemorySink):
    """A sink that takes nothing."""

    def __init__(self) -> None:
        super().__init__([])

    def flush(self) -> list[RefusedRow]:
        return [RefusedRow(row, "full") for row in self._rows]


def scene_of(endpoint: Endpoint) -> Scene:
    return Scene(StackHere(DataDirectory(Path("nowhere"))), endpoint, Settings(), "s.toml", KEY)


BY_ADDRESS: Mapping[str, Any] = {"address": "ann@acme.test"}


def passes(
    client: bigquery.Client,
    endpoint: Endpoint,
    standing: Sequence[Erasure] = (),
    asked: Mapping[str, Any] = BY_ADDRESS,
) -> None:
    """Begun by her address or a record, whatever is left to know her by."""
    person = scene_of(endpoint).person(subject_of(client, **asked), standing)
    writer = RowWriter(StorageSink.opener(endpoint), "erase", 1)
    erasing = Erasing(client, writer, person, Nowhere())
    try:
        erasing.once()
        erasing.last()
    finally:
        writer.close()


def begun_again(
    client: bigquery.Client,
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
    before: Callable[[int, str], bool],
    asked: Mapping[str, Any] = BY_ADDRESS,
) -> bool:
    """Whether there was a statement to break off before; what is left after it was begun again is
    nothing."""
    empty(client)
    dialled = stored(DIALLED, full_name="Ann Lee", phones=(NUMBER,))
    fill(endpoint, [*rows_of_the_world(), dialled, link(DIALLED, "p-ann")])
    marks = scene_of(endpoint).marks(subject_of(client, address="ann@acme.test"))
    order = a_row(BY_ROW[Erasure], erasure_id="e-1", part=0, marks=marks, is_lifted=False)
    assert isinstance(order, Erasure)
    changed, statements, is_broken = bounded.changed, itertools.count(), False

    def breaking(client: bigquery.Client, sql: str, *given: Any, **limits: Any) -> int:
        if before(next(statements), sql):
            raise KeyboardInterrupt
        return changed(client, sql, *given, **limits)

    with monkeypatch.context() as patch:
        patch.setattr(bounded, "changed", breaking)
        try:
            passes(client, endpoint)
        except KeyboardInterrupt:
            is_broken = True
    if is_broken:
        passes(client, endpoint, [order], asked)
    text = repr(all_rows(client)).replace(BOS_OTHER, "")
    assert [one for one in HERS if one in text] == []
    return is_broken


@pytest.mark.parametrize(
    "asked", [BY_ADDRESS, pytest.param({"named": [DIALLED]}, marks=pytest.mark.exhaustive)]
)
def test_what_is_broken_off_among_the_rows_that_say_who_it_is_goes_by_the_marks(
    world_client: bigquery.Client,
    world_endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
    asked: Mapping[str, Any],
) -> None:
    links = BY_ROW[Link].id

    def of_links(_: int, sql: str) -> bool:
        return sql.startswith("DELETE") and links in sql

    assert begun_again(world_client, world_endpoint, monkeypatch, of_links, asked)


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
def test_it_may_be_broken_off_before_any_statement_and_begun_again(
    world_client: bigquery.Client, world_endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = 0
    while begun_again(world_client, world_endpoint, monkeypatch, lambda n, _: n == broken):  # noqa: B023
        broken += 1
    assert broken > 15


def test_of_two_that_are_erased_at_once_neither_comes_back_with_the_rows_of_the_other(
    world_client: bigquery.Client, world_endpoint: Endpoint
) -> None:
    empty(world_client)
    fill(world_endpoint)
    bo = Marks(subject_of(world_client, address="bo@acme.test").marks(KEY, "US"), KEY)
    # Since the rows of both were read.
    writer = RowWriter(
        StorageSink.opener(world_endpoint), "erase", 1, open_known=lambda: lambda: bo
    )
    person = person_of(subject_of(world_client, address="ann@acme.test"))
    assert "3" in Erasing(world_client, writer, person, Nowhere()).once().changes
    writer.close()
    named = {one.email for one in all_rows(world_client)["sales.participants"]}
    assert named == {None}


@pytest.mark.exhaustive
def test_nothing_is_deleted_where_what_is_left_is_refused(
    world_client: bigquery.Client, world_endpoint: Endpoint
) -> None:
    empty(world_client)
    fill(world_endpoint)
    before = all_rows(world_client)
    person = person_of(subject_of(world_client, address="ann@acme.test"))
    writer = RowWriter(Refusing, "erase", 1)
    with pytest.raises(RetriableError, match="rows without the person were refused: full"):
        Erasing(world_client, writer, person, Nowhere()).once()
    assert all_rows(world_client) == before
