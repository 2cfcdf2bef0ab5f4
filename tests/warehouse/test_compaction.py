"""A view shows the same before, during and after a compaction, whatever dies meanwhile."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from google.cloud import bigquery
from msgspec.structs import replace
from rows import a_row
from view_warehouse import served_warehouse

from schemas.columns import Row, Table, columns
from schemas.current import CURRENT
from schemas.errors import RetriableError
from schemas.tables import BY_ID
from warehouse import compaction
from warehouse.catalogue import latest_text, provision_views, qualified
from warehouse.clients import Endpoint
from warehouse.compaction import compact, start_over
from warehouse.sink import StorageSink

pytestmark = pytest.mark.slow

START = 1_767_225_600_000_000
TABLES = tuple(BY_ID[one] for one in ("sales.people", "sales.participants", "identity.links"))
"""One of each kind: a version a row, a version of several rows, and one ordered by revision."""

SETS = TABLES[1:2]


class World:
    """A warehouse, a clock, and a sink whose rows are seen as soon as they are written."""

    def __init__(self, client: bigquery.Client, endpoint: Endpoint) -> None:
        self.client = client
        self._sink = StorageSink(endpoint)
        self.now = START
        self._rng = random.Random(11)

    def clock(self) -> int:
        self.now += 1_000
        return self.now

    def write(self, rows: list[Row]) -> None:
        self._sink.write(rows)
        assert self._sink.flush() == []

    def some_rows(self, count: int = 40, keys: int = 30) -> list[Row]:
        """New and late old versions, tombstones, and sets that grow and shrink."""
        rows: list[Row] = []
        for _ in range(count):
            key = f"k{self._rng.randrange(keys)}"
            version: dict[str, Any] = {
                "record_key": key,
                "version_stamp": START + self._rng.randrange(9) * 1_000_000,
                "version_fetched": START,
                "version_digest": f"d{self._rng.randrange(3)}",
                "pipeline_version": 1,
                "is_deleted": self._rng.random() < 0.2,
                "written_at": self.clock(),
            }
            rows.append(a_row(TABLES[0], **version))
            rows += (
                a_row(TABLES[1], **version, ordinal=ordinal)
                for ordinal in range(self._rng.randrange(1, 4))
            )
            resolved = {"resolved_at": version["written_at"], "is_deleted": version["is_deleted"]}
            revision = self._rng.randrange(1_000_000)
            rows.append(a_row(TABLES[2], record_key=key, revision=revision, **resolved))
        return rows

    def asked(self, sql: str) -> list[dict[str, Any]]:
        statement = qualified(sql, self.client.project)
        found = self.client.query(statement, retry=None, job_retry=None).result(retry=None)
        return [dict(row) for row in found]

    def assert_the_views_are_right(self, tables: Sequence[Table] = SETS) -> None:
        """In one statement, as rows may come: each row of either side is one of the other."""
        for table in tables:
            plain = f"(SELECT * FROM ({latest_text(table.id)}) WHERE NOT is_deleted)"
            names = ", ".join(f"{column.name} AS {column.name}" for column in columns(table.row))
            differ = " UNION ALL ".join(
                f"SELECT TO_JSON_STRING(STRUCT({names})) AS shown, {sign}1 AS n FROM {one}"
                for one, sign in ((f"`{table.id}_latest`", ""), (plain, "-"))
            )
            sql = f"SELECT shown FROM ({differ}) GROUP BY shown HAVING SUM(n) != 0"
            assert self.asked(sql) == [], table.id

    def assert_keys_are_unique(self, tables: Sequence[Table] = SETS) -> None:
        """The primary keys that are declared of the current tables hold."""
        for table in tables:
            current = CURRENT[table.id]
            keys = ", ".join(current.primary_key)
            again = f"SELECT {keys} FROM `{current.id}` GROUP BY {keys} HAVING COUNT(*) > 1"
            assert self.asked(again) == [], table.id

    def close(self) -> None:
        self._sink.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served_warehouse(tmp_path_factory.mktemp("compaction")) as (client, endpoint):
        made = World(client, endpoint)
        yield made
        made.close()


@pytest.fixture(autouse=True)
def sets_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hardest of them, unless a test wants more."""
    monkeypatch.setattr(compaction, "COMPACTED", SETS)


def test_the_views_are_right_after_every_compaction_and_with_what_came_since(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "COMPACTED", TABLES)
    world.write(world.some_rows())
    for _ in range(2):
        put = compact(world.client, world.now + 1, clock=world.clock, small=0)
        assert put.keys() == {table.id for table in TABLES} and all(put.values())
        world.assert_keys_are_unique(TABLES)
        world.write(world.some_rows(10))
        world.assert_the_views_are_right(TABLES)
    start_over(world.client)


class Killed(Exception):
    """The compaction dies here."""


def test_a_compaction_that_dies_anywhere_leaves_the_views_right_and_the_next_one_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, calls = world.client.query, [0]
    for dies_before in range(1, 30):
        world.write(world.some_rows(6))
        late = world.some_rows(3)
        settled, calls[0] = late[0].written_at, 0  # type: ignore[attr-defined]

        def query(*args: Any, last: int = dies_before, late: Any = late, **options: Any) -> Any:
            calls[0] += 1
            if calls[0] == last:
                raise Killed
            if calls[0] == 2:
                # Made before the compaction began, and written while it runs.
                world.write(late)
            return submit(*args, **options)

        monkeypatch.setattr(world.client, "query", query)
        try:
            compact(world.client, settled, clock=world.clock, small=0)
        except Killed:
            monkeypatch.setattr(world.client, "query", submit)
            world.assert_the_views_are_right()
            # Half of the time the next one meets what this one has left, else an `up` does.
            if dies_before % 2:
                provision_views(world.client)
                world.assert_the_views_are_right()
        else:
            break
    else:
        pytest.fail("no compaction came to its end")
    monkeypatch.setattr(world.client, "query", submit)
    world.assert_the_views_are_right()
    compact(world.client, world.now + 1, clock=world.clock, small=0)
    world.assert_the_views_are_right()
    world.assert_keys_are_unique()


def test_what_takes_rows_away_starts_over_and_nothing_of_them_is_left(world: World) -> None:
    [table] = SETS
    world.write(world.some_rows(10))
    compact(world.client, world.now + 1, clock=world.clock, small=0)
    start_over(world.client)
    world.client.query_and_wait(
        qualified(f"DELETE FROM `{table.id}` WHERE record_key < 'k2'", world.client.project)
    )
    world.assert_the_views_are_right()
    compact(world.client, world.now + 1, clock=world.clock, small=0)
    world.assert_the_views_are_right()
    world.assert_keys_are_unique()
    left = [
        {row["record_key"] for row in world.asked(f"SELECT record_key FROM `{one}`")}
        for one in (table.id, CURRENT[table.id].id)
    ]
    assert left[0] == left[1] and not any(key < "k2" for key in left[0])


def restored(world: World, key: str) -> Row:
    """A row of a key that nothing else has, as old as when it was first written."""
    rows = [row for row in world.some_rows(9) if type(row) is SETS[0].row]
    return replace(rows[0], record_key=key, written_at=START, is_deleted=False)


def shown(world: World, key: str) -> bool:
    sql = f"SELECT 1 FROM `{SETS[0].id}_latest` WHERE record_key = '{key}'"
    return bool(world.asked(sql))


def test_what_is_put_back_with_its_old_moment_is_seen_by_a_compaction_anew_alone(
    world: World,
) -> None:
    world.write(world.some_rows(10))
    compact(world.client, world.now + 1, clock=world.clock, small=0)
    world.write([restored(world, "restored")])
    compact(world.client, world.now + 1, clock=world.clock, small=0)
    assert not shown(world, "restored")
    compact(world.client, world.now + 1, clock=world.clock, small=0, anew=True)
    assert shown(world, "restored")
    world.assert_the_views_are_right()
    world.assert_keys_are_unique()


def test_a_compaction_anew_passes_over_a_mark_that_another_notes_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact(world.client, world.now + 1, clock=world.clock, small=0)
    world.write([restored(world, "meanwhile")])

    def started_over(client: bigquery.Client, dataset_prefix: str = "") -> None:
        """The other one, which had begun before, ends now."""
        start_over(client, dataset_prefix)
        [table] = SETS
        compaction._Job(client, table, dataset_prefix, world.clock()).note(world.now)
        compaction._replace(client, dataset_prefix, {table.id: world.now}, [table])
        assert not shown(world, "meanwhile")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(compaction, "start_over", started_over)
        compact(world.client, world.now + 1, clock=world.clock, small=0, anew=True)
    assert shown(world, "meanwhile")
    world.assert_the_views_are_right()


def test_a_clock_that_goes_back_leaves_no_row_twice(world: World) -> None:
    for clock in (world.clock, lambda: START):
        world.write(world.some_rows(10))
        compact(world.client, world.now + 1, clock=clock, small=0)
    world.assert_keys_are_unique()
    world.assert_the_views_are_right()
    assert compact(world.client, world.now + 1, clock=world.clock, small=0) == {SETS[0].id: 0}


def test_two_that_meet_empty_no_view(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    start_over(world.client)
    world.write(world.some_rows(10))
    sweep = compaction._Job.sweep

    def swept(job: Any, *, whole: bool) -> int:
        """The other one has put its rows by then, and sweeps when this one has swept."""
        gone = sweep(job, whole=whole)
        world.client.query_and_wait(
            qualified(f"DELETE FROM `{CURRENT[SETS[0].id].id}` WHERE TRUE", world.client.project)
        )
        return gone

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(compaction._Job, "sweep", swept)
        with pytest.raises(RetriableError, match="another compaction ran"):
            compact(world.client, world.now + 1, clock=world.clock, small=0)
    world.assert_the_views_are_right()
    compact(world.client, world.now + 1, clock=world.clock, small=0)
    world.assert_the_views_are_right()


def test_small_tables_are_left_as_they_are(world: World) -> None:
    start_over(world.client)
    assert compact(world.client, world.now + 1, clock=world.clock) == {}
