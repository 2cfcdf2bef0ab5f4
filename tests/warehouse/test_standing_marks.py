"""Who must stay forgotten is read from the warehouse, anew when it is old, and never guessed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import bigquery
from view_warehouse import embedded_warehouse, empty, fill

from embedded.warehouse import PROJECT
from schemas.errors import RetriableError
from transforms.erasure import marks_of
from warehouse.clients import Endpoint
from warehouse.erasures import MARKS_AGE_S, StandingMarks, read_marks

pytestmark = pytest.mark.slow
KEY = b"key"
[ANN] = {*marks_of(KEY, "email", "ann@acme.test")}
[BO] = {*marks_of(KEY, "email", "bo@acme.test")}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bigquery.Client]:
    with embedded_warehouse(tmp_path_factory.mktemp("marks")) as client:
        yield client


@pytest.fixture
def client(warehouse: bigquery.Client) -> Iterator[bigquery.Client]:
    yield warehouse
    empty(warehouse, "ops.erasures")


def endpoint_of(client: bigquery.Client) -> Endpoint:
    return Endpoint(project=PROJECT, rest=client._connection.API_BASE_URL)


def row(erasure: str, mark: str, day: int, *, lifted: bool = False) -> dict[str, object]:
    return {
        "erasure_id": erasure,
        "part": 0,
        "marks": [mark],
        "is_lifted": lifted,
        "asked_at": f"2026-01-0{day}T00:00:00Z",
    }


def test_marks_stand_from_their_row_on_until_they_are_lifted(client: bigquery.Client) -> None:
    assert read_marks(client) == frozenset()
    fill(client, "ops.erasures", [row("a", ANN, 1), row("b", BO, 1), row("a", ANN, 1)])
    assert read_marks(client) == {ANN, BO}
    fill(client, "ops.erasures", [row("b", BO, 2, lifted=True)])
    assert read_marks(client) == {ANN}


def test_a_writer_reads_them_again_when_they_are_old(client: bigquery.Client) -> None:
    clock = Clock()
    known = StandingMarks(endpoint_of(client), KEY, "US", monotonic=clock, sleep=clock.sleep)
    assert not known()
    fill(client, "ops.erasures", [row("a", ANN, 1)])
    assert not known().in_text("ann@acme.test")
    clock.now += MARKS_AGE_S
    assert known().in_text("ann@acme.test")
    assert known() is known()


def test_without_the_warehouse_nothing_is_known_and_it_says_so(tmp_path: Path) -> None:
    clock = Clock()
    away = Endpoint(project=PROJECT, rest="http://127.0.0.1:9")
    known = StandingMarks(away, KEY, "US", give_up_after_s=1.0, monotonic=clock, sleep=clock.sleep)
    with pytest.raises(RetriableError, match=r"ops\.erasures cannot be read"):
        known()
