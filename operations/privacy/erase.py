"""`salesintel erase`: a person, everywhere and for good, with the proof that nothing is left."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from google.cloud import bigquery

from operations.audit import audited, this_user
from operations.console import console
from operations.place import Place, warehouse_at
from operations.privacy.erasure_orders import Order, erasures, refuse_other_key
from operations.privacy.erasure_report import show, show_erasures, show_proof, show_standing
from operations.privacy.holding import refuse_held, refuse_naming
from operations.privacy.person import Asked, Scene
from operations.privacy.surroundings import Surroundings, surroundings_of
from operations.runs import RunNotes, noted_run
from schemas.errors import RetriableError
from schemas.operations import Erasure
from schemas.version import PIPELINE_VERSION
from transforms.erasure import Marks
from warehouse.clients import bigquery_client
from warehouse.erase import Erasing, Pass, Tell
from warehouse.erasures import StandingMarks, read_marks
from warehouse.row_writer import RowWriter
from warehouse.settling import SENT_WITHIN_S
from warehouse.sink import StorageSink
from warehouse.subject import again
from warehouse.traced import Person

MOST_PASSES = 5
GIVE_UP_AFTER_S = 120.0


class SomethingLeft(RetriableError):
    """The person is found still: so the run and the audit have it, too."""


class Tools(NamedTuple):
    """What an erasure works with, where it works."""

    scene: Scene
    client: bigquery.Client
    writer: RowWriter
    around: Surroundings

    def erasing(self, person: Person) -> Erasing:
        """Passes for a person."""
        return Erasing(self.client, self.writer, person, self.around)

    def last_of(self, erasing: Erasing) -> Callable[[Tell], Pass]:
        """Its last passes: a check that began before one has ended before the next."""

        def one(tell: Tell) -> Pass:
            self.around.until_quiet()
            return erasing.last(tell)

        return one


def erase(
    place: Place,
    asked: Asked,
    *,
    dry_run: bool,
    reason: str = "",
    by: str | None = None,
) -> bool:
    """Shows what would be erased, or erases and proves it; whether nothing is left.

    ConfigurationError where it is not clear who is meant; RetriableError where the pipeline or the
    warehouse does not follow: begun again, it goes on where it was.
    """
    who, erasure_id = by or this_user(), uuid.uuid4().hex
    with _tools(place) as tools:
        scene, client, _, around = tools
        standing = erasures(client)
        person = scene.person(scene.subject(client, asked), standing)
        refuse_held(scene, client, person.subject)
        refuse_naming(person, reason=reason, by=who)
        refuse_other_key(scene, standing)
        around.refuse_unreached()
        erasing = tools.erasing(person)
        with console.status("looking for the person …"):
            found = erasing.look(payloads=not dry_run).rows
            places = around.search(person.traces)
        show(person, found, places)
        if dry_run:
            console.print("Nothing has been done: add --yes.")
            return True
        if around.takes:
            console.print(around.takes)
        detail = {"erasure": erasure_id, "reason": reason}
        left: list[str] = []
        with (
            suppress(SomethingLeft),
            around.alone(),
            audited(
                scene.endpoint, "erase", {**asked.audited(scene.key), **detail}, must=True, by=who
            ) as deed,
            noted_run(scene.endpoint, "erase", detail) as run,
        ):
            order = Order(scene, client, around.until_taken, erasure_id, who, reason)
            left += _carried_out(tools, erasing, standing, order, run)
            deed.rows_given = run.changes
            _refuse_left(run)
    show_proof(erasure_id, around, bool(found or places), left)
    return not left


@contextmanager
def _tools(place: Place) -> Iterator[Tools]:
    scene = Scene.of(place)
    client = bigquery_client(scene.endpoint)
    writer = _writer(scene)
    try:
        yield Tools(scene, client, writer, surroundings_of(scene, client))
    finally:
        writer.close()
        client.close()


def _writer(scene: Scene) -> RowWriter:
    """A writer as the stream's are: what it writes of others is held against all marks that stand,
    and keeps to the bound of warehouse/erasures.py."""
    endpoint = scene.endpoint
    return RowWriter(
        StorageSink.opener(endpoint, give_up_after_s=GIVE_UP_AFTER_S, sent_within_s=SENT_WITHIN_S),
        "erase",
        PIPELINE_VERSION,
        open_known=StandingMarks.opener(
            endpoint, scene.key, scene.settings.region, give_up_after_s=GIVE_UP_AFTER_S
        ),
    )


def _carried_out(
    tools: Tools, erasing: Erasing, standing: Sequence[Erasure], order: Order, run: RunNotes
) -> list[str]:
    """The order, the barrier, the passes; the order again, for blocks and logs are empty of the
    person only then; the passes again. Where anything is left.

    Last goes who they are: until then whoever begins again finds them by all that they are known
    by, and after that nothing of theirs lies outside the tables."""
    scene, client, _, around = tools
    # Their copies of rows are made anew by the next compaction.
    around.clear_copies()
    for passes in (1, MOST_PASSES):
        # What they took part in meanwhile is theirs, too; they are known by the same, and what
        # was searched for that need not be searched again.
        traces = erasing.person.traces
        person = scene.person(again(client, erasing.person.subject), standing)
        erasing.person = person._replace(traces=traces)
        marks = scene.marks(erasing.person.subject)
        with console.status("waiting until every writer has the order …"):
            order.give(marks)
            around.until_held(marks)
            around.until_jobs_end()
        run.changes += _passes(erasing.once, passes)
    run.changes += _passes(tools.last_of(erasing), MOST_PASSES)
    with console.status("getting rid of what deleted rows leave behind …"):
        # A compaction may have put rows there before they were erased.
        around.clear_copies()
        around.renew()
    with console.status("looking whether anything is left …"):
        left = [
            *erasing.look(copies=True).rows,
            *(one.path for one in around.search(erasing.person.traces)),
        ]
    run.failed = len(left)
    return left


def _passes(one: Callable[[Tell], Pass], most: int) -> int:
    """Passes until one finds nothing; how many rows they have found."""
    count = 0
    for _ in range(most):
        with console.status("erasing …") as status:
            done = one(lambda place: status.update(f"erasing from {place} …"))
        if not done.rows:
            break
        count += sum(done.rows.values())
    return count


def apply_standing(place: Place, by: str | None = None) -> bool:
    """Takes out of the tables, whatever they were restored from, all whom ops.erasures says are
    forgotten; whether nothing of them is left that marks can tell."""
    who = by or this_user()
    with _tools(place) as tools:
        scene, client, _, around = tools
        standing = read_marks(client)
        if not standing:
            return True
        refuse_other_key(scene, erasures(client))
        around.refuse_unreached()
        erasing = tools.erasing(Person.forgotten(Marks(standing, scene.key, scene.settings.region)))
        detail = {"standing": True}
        left: dict[str, int] = {}
        with (
            suppress(SomethingLeft),
            around.alone(),
            audited(scene.endpoint, "erase", detail, must=True, by=who) as deed,
            noted_run(scene.endpoint, "erase", detail) as run,
        ):
            around.clear_copies()
            with console.status("waiting until every writer has the marks …"):
                around.until_held(sorted(standing), restored=True)
                around.until_jobs_end()
            done = _passes(erasing.once, 1) + _passes(tools.last_of(erasing), 1)
            around.clear_copies()
            around.renew()
            left |= erasing.look(copies=True).rows
            run.changes = deed.rows_given = done
            run.failed = sum(left.values())
            _refuse_left(run)
    show_standing(left)
    return not left


def _refuse_left(run: RunNotes) -> None:
    if run.failed:
        raise SomethingLeft(f"the person is found in {run.failed:,} places still")


def lift(place: Place, erasure_id: str, *, by: str | None = None) -> None:
    """What comes from now on is kept again; ConfigurationError where no such erasure stands."""
    who = by or this_user()
    detail = {"erasure": erasure_id, "lifted": True}
    with (
        _tools(place) as (scene, client, _, around),
        audited(scene.endpoint, "erase", detail, must=True, by=who) as deed,
        noted_run(scene.endpoint, "erase", detail) as run,
    ):
        with console.status("waiting until the order is taken …"):
            parts = Order(scene, client, around.until_taken, erasure_id, who).lift()
        run.changes = deed.rows_given = parts
    console.print(f"lifted: {erasure_id}. What was erased does not come back by it.")


def listing(place: Place) -> None:
    """Every erasure, whom it concerns being no longer known."""
    with warehouse_at(place) as client:
        show_erasures(erasures(client))
