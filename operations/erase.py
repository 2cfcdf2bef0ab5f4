"""`salesintel erase`: a person, everywhere and for good, with the proof that nothing is left."""

import getpass
import time
import uuid
from collections.abc import Callable

from google.cloud import bigquery

from embedded.compacted_file import request
from embedded.directory import DataDirectory
from embedded.scrub import scrub, search
from embedded.warehouse import answers
from operations.audit import audited
from operations.console import console
from operations.erasure_orders import Order, barrier, erasures
from operations.erasure_report import show, show_erasures, show_proof
from operations.holding import refuse_held, refuse_naming
from operations.person import Asked, Scene
from operations.restarting import ask_to_restart
from operations.runs import RunNotes, noted_run
from operations.waiting import until_written
from schemas.clock import wall_clock
from schemas.errors import RetriableError
from transforms.erasure import Marks
from warehouse.clients import bigquery_client
from warehouse.compaction import clear
from warehouse.erase import Erasing
from warehouse.erasures import read_marks
from warehouse.sink import StorageSink
from warehouse.subject import again
from warehouse.traced import Person

MOST_PASSES = 5
GIVE_UP_AFTER_S = 120.0
RESTART_S = 600.0
"""For the warehouse's file to be written anew: a gigabyte takes about a minute."""
PROBE_EVERY_S = 0.2


def erase(
    directory: DataDirectory,
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
    scene, who = Scene.of(directory), by or getpass.getuser()
    client = bigquery_client(scene.endpoint)
    sink = StorageSink(scene.endpoint, give_up_after_s=GIVE_UP_AFTER_S)
    erasure_id = uuid.uuid4().hex
    try:
        person = scene.person(scene.subject(client, asked))
        refuse_held(scene, client, person.subject)
        refuse_naming(person, reason=reason, by=who)
        erasing = Erasing(client, sink, person)
        with console.status("looking for the person …"):
            found = erasing.look(payloads=not dry_run).rows
            places = search(directory, person.traces)
        show(person.subject, found, places)
        if dry_run:
            console.print("Nothing has been done: add --yes.")
            return True
        detail = {"erasure": erasure_id, "reason": reason}
        with (
            directory.upkeep(),
            audited(
                scene.endpoint, "erase", {**asked.audited(scene.key), **detail}, must=True, by=who
            ) as deed,
            noted_run(scene.endpoint, "erase", detail) as run,
        ):
            # Their copies of rows are made anew by the next compaction.
            clear(client)
            order = Order(scene, client, erasure_id, who, reason)
            left = _carried_out(scene, client, erasing, order, run)
            deed.rows_given = run.changes
    finally:
        sink.close()
        client.close()
    show_proof(erasure_id, bool(found or places), left)
    return not left


def _carried_out(
    scene: Scene, client: bigquery.Client, erasing: Erasing, order: Order, run: RunNotes
) -> list[str]:
    """The order, the barrier, the passes; the order again, for blocks and logs are empty of the
    person only then; the passes again. Where anything is left."""
    changes: set[str] = set()
    objects: set[str] = set()
    for passes in (1, MOST_PASSES):
        # What they took part in meanwhile is theirs, too.
        erasing.person = scene.person(again(client, erasing.person.subject))
        with console.status("waiting until every writer has the order …"):
            order.give(scene.marks(erasing.person.subject))
            barrier(scene.directory)
        for _ in range(passes):
            with console.status("erasing …") as status:
                done = erasing.once(lambda table_id: status.update(f"erasing from {table_id} …"))
            changes |= done.changes
            objects |= done.objects
            run.changes += sum(done.rows.values())
            if not done.rows:
                break
        with console.status("erasing from messages, payloads and logs …"):
            settled = wall_clock()
            until_written(scene.directory, settled)
            scrub(scene.directory, erasing.person.traces, changes, objects, settled)
    with console.status("writing the warehouse's file anew …"):
        _rewritten(scene)
    with console.status("looking whether anything is left …"):
        left = [
            *erasing.look().rows,
            *(one.path for one in search(scene.directory, erasing.person.traces)),
        ]
    run.failed = len(left)
    return left


def _rewritten(scene: Scene) -> None:
    """Deleted rows lie in the blocks of the file until it is written anew."""
    asked = request(scene.directory.warehouse)
    ask_to_restart(scene.directory, "warehouse")
    _until(lambda: not asked.exists() and answers(scene.stack.rest, scene.stack.project))


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + RESTART_S
    while not is_so():
        if time.monotonic() > deadline:
            raise RetriableError(
                "the warehouse's file was not written anew: see logs/warehouse.log; is there room "
                "for it twice?"
            )
        time.sleep(PROBE_EVERY_S)


def apply_standing(directory: DataDirectory, by: str | None = None) -> bool:
    """Takes out of a running stack, whatever it was restored from, all whom ops.erasures says are
    forgotten; whether nothing of them is left that marks can tell."""
    scene, who = Scene.of(directory), by or getpass.getuser()
    client = bigquery_client(scene.endpoint)
    sink = StorageSink(scene.endpoint, give_up_after_s=GIVE_UP_AFTER_S)
    try:
        marks = Marks(read_marks(client), scene.key, scene.settings.region)
        if not marks:
            return True
        erasing = Erasing(client, sink, Person.forgotten(marks))
        detail = {"standing": True}
        with (
            directory.upkeep(),
            audited(scene.endpoint, "erase", detail, must=True, by=who) as deed,
            noted_run(scene.endpoint, "erase", detail) as run,
        ):
            clear(client)
            with console.status("waiting until every writer has the marks …"):
                barrier(directory)
            done = erasing.once()
            scrub(directory, erasing.person.traces, done.changes, done.objects)
            _rewritten(scene)
            left = erasing.look().rows
            run.changes = deed.rows_given = sum(done.rows.values())
            run.failed = sum(left.values())
    finally:
        sink.close()
        client.close()
    return not left


def lift(directory: DataDirectory, erasure_id: str, *, by: str | None = None) -> None:
    """What comes from now on is kept again; ConfigurationError where no such erasure stands."""
    scene, who = Scene.of(directory), by or getpass.getuser()
    detail = {"erasure": erasure_id, "lifted": True}
    client = bigquery_client(scene.endpoint)
    try:
        with (
            audited(scene.endpoint, "erase", detail, must=True, by=who) as deed,
            noted_run(scene.endpoint, "erase", detail) as run,
        ):
            with console.status("waiting until the order is taken …"):
                parts = Order(scene, client, erasure_id, who).lift()
            run.changes = deed.rows_given = parts
    finally:
        client.close()
    console.print(f"lifted: {erasure_id}. What was erased does not come back by it.")


def listing(directory: DataDirectory) -> None:
    """Every erasure, whom it concerns being no longer known."""
    scene = Scene.of(directory)
    client = bigquery_client(scene.endpoint)
    try:
        show_erasures(erasures(client))
    finally:
        client.close()
