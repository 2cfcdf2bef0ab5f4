"""`salesintel erase`: a person, everywhere and for good, with the proof that nothing is left."""

import getpass
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from google.cloud import bigquery

from operations.audit import audited
from operations.console import console
from operations.erasure_orders import Order, erasures, refuse_other_key
from operations.erasure_report import show, show_erasures, show_proof, show_standing
from operations.holding import refuse_held, refuse_naming
from operations.person import Asked, Scene
from operations.place import Place, warehouse_at
from operations.runs import RunNotes, noted_run
from operations.surroundings import Surroundings, surroundings_of
from transforms.erasure import Marks
from warehouse.clients import bigquery_client
from warehouse.erase import Erasing
from warehouse.erasures import read_marks
from warehouse.sink import StorageSink
from warehouse.subject import again
from warehouse.traced import Person

MOST_PASSES = 5
GIVE_UP_AFTER_S = 120.0


class Tools(NamedTuple):
    """What an erasure works with, where it works."""

    scene: Scene
    client: bigquery.Client
    sink: StorageSink
    around: Surroundings

    def erasing(self, person: Person) -> Erasing:
        """Passes for a person."""
        return Erasing(self.client, self.sink, person, drop=self.around.drop)


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
    who, erasure_id = by or getpass.getuser(), uuid.uuid4().hex
    with _tools(place) as tools:
        scene, client, _, around = tools
        person = scene.person(scene.subject(client, asked))
        refuse_held(scene, client, person.subject)
        refuse_naming(person, reason=reason, by=who)
        refuse_other_key(scene, erasures(client))
        erasing = tools.erasing(person)
        with console.status("looking for the person …"):
            found = erasing.look(payloads=not dry_run).rows
            places = around.search(person.traces)
        show(person.subject, found, places)
        if dry_run:
            console.print("Nothing has been done: add --yes.")
            return True
        if around.takes:
            console.print(around.takes)
        detail = {"erasure": erasure_id, "reason": reason}
        with (
            around.alone(),
            audited(
                scene.endpoint, "erase", {**asked.audited(scene.key), **detail}, must=True, by=who
            ) as deed,
            noted_run(scene.endpoint, "erase", detail) as run,
        ):
            order = Order(scene, client, around.until_taken, erasure_id, who, reason)
            left = _carried_out(tools, erasing, order, run)
            deed.rows_given = run.changes
    show_proof(erasure_id, around, bool(found or places), left)
    return not left


@contextmanager
def _tools(place: Place) -> Iterator[Tools]:
    scene = Scene.of(place)
    client = bigquery_client(scene.endpoint)
    sink = StorageSink(scene.endpoint, give_up_after_s=GIVE_UP_AFTER_S)
    try:
        yield Tools(scene, client, sink, surroundings_of(scene, client))
    finally:
        sink.close()
        client.close()


def _carried_out(tools: Tools, erasing: Erasing, order: Order, run: RunNotes) -> list[str]:
    """The order, the barrier, the passes; the order again, for blocks and logs are empty of the
    person only then; the passes again. Where anything is left."""
    scene, client, _, around = tools
    # Their copies of rows are made anew by the next compaction.
    around.clear_copies()
    changes: set[str] = set()
    objects: set[str] = set()
    for passes in (1, MOST_PASSES):
        # What they took part in meanwhile is theirs, too.
        erasing.person = scene.person(again(client, erasing.person.subject))
        marks = scene.marks(erasing.person.subject)
        with console.status("waiting until every writer has the order …"):
            order.give(marks)
            around.until_held(marks)
        for _ in range(passes):
            with console.status("erasing …") as status:
                done = erasing.once(lambda table_id: status.update(f"erasing from {table_id} …"))
            changes |= done.changes
            objects |= done.objects
            run.changes += sum(done.rows.values())
            if not done.rows:
                break
        with console.status("erasing from messages, payloads and logs …"):
            around.scrub(erasing.person.traces, changes, objects)
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


def apply_standing(place: Place, by: str | None = None) -> bool:
    """Takes out of the tables, whatever they were restored from, all whom ops.erasures says are
    forgotten; whether nothing of them is left that marks can tell."""
    who = by or getpass.getuser()
    with _tools(place) as tools:
        scene, client, _, around = tools
        standing = read_marks(client)
        if not standing:
            return True
        refuse_other_key(scene, erasures(client))
        erasing = tools.erasing(Person.forgotten(Marks(standing, scene.key, scene.settings.region)))
        detail = {"standing": True}
        with (
            around.alone(),
            audited(scene.endpoint, "erase", detail, must=True, by=who) as deed,
            noted_run(scene.endpoint, "erase", detail) as run,
        ):
            around.clear_copies()
            with console.status("waiting until every writer has the marks …"):
                around.until_held(sorted(standing), restored=True)
            done = erasing.once()
            around.scrub(erasing.person.traces, done.changes, done.objects)
            around.clear_copies()
            around.renew()
            left = erasing.look(copies=True).rows
            run.changes = deed.rows_given = sum(done.rows.values())
            run.failed = sum(left.values())
    show_standing(left)
    return not left


def lift(place: Place, erasure_id: str, *, by: str | None = None) -> None:
    """What comes from now on is kept again; ConfigurationError where no such erasure stands."""
    who = by or getpass.getuser()
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
