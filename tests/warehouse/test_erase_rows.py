"""A person goes out of every table, pass by pass, and everybody else's rows stay as they were."""

from collections.abc import Collection
from pathlib import Path

import msgspec
import pytest
from erased_world import (
    ANN,
    BO,
    BOS_OTHER,
    KEY,
    SEEN,
    all_rows,
    change_row,
    empty,
    fill,
    person_of,
    rows_of_the_world,
)
from google.cloud import bigquery

from embedded.directory import DataDirectory
from operations.place import StackHere
from operations.privacy.holding import refuse_held
from operations.privacy.person import Scene
from schemas.clock import DAY_US, from_us, wall_clock
from schemas.current import CURRENT
from schemas.errors import ConfigurationError, RetriableError
from schemas.operations import DeadLetter
from schemas.records import Interaction, RawChange
from transforms.erasure import Marks
from transforms.forget import ERASED
from transforms.settings import Retention, Settings
from warehouse.clients import Endpoint
from warehouse.compaction import clear
from warehouse.erase import Elsewhere, Erasing, Nowhere
from warehouse.quality.checking import check, window_of
from warehouse.quality.judging import Judgement
from warehouse.quality.rules import RULES
from warehouse.row_writer import RowWriter
from warehouse.sink import MemorySink, StorageSink
from warehouse.subject import subject_of
from warehouse.traced import Person

pytestmark = pytest.mark.slow


class Dropped(Nowhere):
    """Payloads that would be gone; at one of them the bucket does not answer."""

    def __init__(self, fails_at: str = "") -> None:
        self.addresses: list[str] = []
        self._fails_at = fails_at

    def drop(self, addresses: Collection[str]) -> None:
        self.addresses += addresses
        if self._fails_at in addresses:
            raise RetriableError("the bucket does not answer")


def erased(
    client: bigquery.Client,
    endpoint: Endpoint,
    person: Person,
    elsewhere: Elsewhere | None = None,
) -> frozenset[str]:
    """What the first passes did; the second find nothing."""
    writer = RowWriter(StorageSink.opener(endpoint), "erase", 1)
    elsewhere = elsewhere or Dropped()
    erasing = Erasing(client, writer, person, elsewhere)
    done, last = erasing.once(), erasing.last()
    assert done.rows and last.rows
    assert erasing.once().rows == erasing.last().rows == {}
    writer.close()
    return done.changes


def test_a_person_is_known_by_all_records_and_by_what_nobody_else_bears(
    world_client: bigquery.Client,
) -> None:
    subject = subject_of(world_client, address="Ann@ACME.test")
    assert subject.entities == ("p-ann",)
    assert subject.identifiers.records == (ANN, SEEN)
    assert subject.identifiers.emails == ("ann@acme.test",)
    assert subject.identifiers.names == ("Ann Lee",)
    assert subject.identifiers.longer == (BOS_OTHER,)
    # Bo answers at the same number.
    assert (subject.identifiers.phones, subject.shared) == ((), 1)
    assert subject.interactions == ("i-3",)
    assert subject_of(world_client, named=[SEEN]) == subject


def test_whom_nobody_can_be_meant_by_is_refused(world_client: bigquery.Client) -> None:
    for asked, said in (
        ({"address": "ann@"}, "no e-mail address"),
        ({"number": "12"}, "no phone number"),
        ({"number": "+14152340100"}, "2 people are known by that"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            subject_of(world_client, **asked)


@pytest.mark.parametrize(
    ("hold", "says"),
    [
        (True, "everything is on legal hold"),
        ((ANN,), "of theirs are on legal hold"),
        (("ann@acme.test",), "of theirs are on legal hold"),
        # Of the mailbox in which the mail with Ann lies.
        (("bo@acme.test",), "1 records or interactions of theirs"),
        (("files:contact:c-else", "else@acme.test"), ""),
        (False, ""),
    ],
)
def test_whoever_is_held_is_not_erased_and_it_is_said_who_says_so(
    world_client: bigquery.Client, world_endpoint: Endpoint, hold: bool | tuple[str, ...], says: str
) -> None:
    settings = Settings(retention=Retention(legal_hold=hold))
    scene = Scene(
        StackHere(DataDirectory(Path("nowhere"))), world_endpoint, settings, "s.toml", KEY
    )
    subject = subject_of(world_client, address="ann@acme.test")
    if not says:
        refuse_held(scene, world_client, subject)
        return
    with pytest.raises(ConfigurationError, match=f"{says}.*legal_hold in s.toml"):
        refuse_held(scene, world_client, subject)


def test_copies_of_the_latest_rows_are_seen_and_go_whole(
    world_client: bigquery.Client, world_endpoint: Endpoint
) -> None:
    current = CURRENT["sales.people"]
    writer = RowWriter(lambda: MemorySink([]), "erase", 1)
    person = person_of(subject_of(world_client, address="ann@acme.test"))
    erasing = Erasing(world_client, writer, person, Nowhere())
    put = f"INSERT INTO `{current.id}` SELECT *, CURRENT_TIMESTAMP() FROM `sales.people`"
    counted = f"SELECT COUNT(*) AS n FROM `{current.id}`"
    world_client.query_and_wait(put)
    assert [row.n for row in world_client.query_and_wait(counted)] == [2]
    assert erasing.look(copies=True).rows[current.id] == 1
    clear(world_client)
    assert [row.n for row in world_client.query_and_wait(counted)] == [0]


def test_every_table_is_treated_and_the_others_stay(
    world_client: bigquery.Client, world_endpoint: Endpoint
) -> None:
    # Of what stands beside an address nothing says that it is somebody else's.
    doubted = "export-ann@acme.test.eml"
    fill(world_endpoint, [change_row(Interaction, "5", subject=doubted, mailbox="bo@acme.test")])
    before = all_rows(world_client)
    person = person_of(subject_of(world_client, address="ann@acme.test"))
    dropped = Dropped()
    done = erased(world_client, world_endpoint, person, dropped)
    after = all_rows(world_client)
    text = repr(after).replace(BOS_OTHER, "")
    assert not any(one in text for one in ("ann@", "Ann Lee", ANN, SEEN, "QW5uIExlZ"))
    for table_id in ("raw.changes", "sales.interactions", "sales.participants", "ops.audit"):
        assert len(after[table_id]) == len(before[table_id]), table_id
    assert [one.full_name for one in after["sales.people"]] == ["Bo Ray"]
    assert [one.entity_id for one in after["identity.entities"]] == ["p-bo"]
    assert [one.record_key for one in after["identity.records"]] == [BO]
    assert [one.reason for one in after["identity.changes"]] == [ERASED]
    assert after["identity.overrides"] == []
    kept = {one.change_id: one for one in after["raw.changes"]}
    assert kept["4"] == next(one for one in before["raw.changes"] if one.change_id == "4")
    assert (kept["1"].payload, kept["3"].payload) == (b"", b"")
    mails = {one.change_id: one for one in after["sales.interactions"]}
    assert (mails["3"].subject, mails["4"].subject) == (None, f"Lunch, {BOS_OTHER}")
    assert mails["5"].subject is None
    assert mails["3"].mailbox == "bo@acme.test"
    letters = {one.dead_letter_id: one for one in after["ops.dead_letters"]}
    assert letters["d-1"].object_id is letters["d-1"].payload_uri is letters["d-1"].topic is None
    assert letters["d-1"].payload == letters["d-2"].payload == b""
    assert (set(done), dropped.addresses) == ({"1", "3", "5"}, ["folder:x"])


def failing(client: bigquery.Client) -> set[str]:
    """Rules about the account of messages that do not hold."""
    rules = [rule for rule in RULES if rule.table in ("raw.changes", "ops.dead_letters")]
    found = list(check(client, rules, window_of(from_us(wall_clock()))))
    return {one.rule.id for one in found if isinstance(one, Judgement) and not one.passed}


def test_an_erasure_breaks_no_rule_about_what_came(
    world_client: bigquery.Client, world_endpoint: Endpoint
) -> None:
    empty(world_client)
    today = wall_clock() // DAY_US
    days = {RawChange: "publish_date", DeadLetter: "failed_date"}
    rows = [
        msgspec.structs.replace(row, **{days[type(row)]: today}) if type(row) in days else row
        for row in rows_of_the_world()
    ]
    fill(world_endpoint, rows)
    before = failing(world_client)
    erased(
        world_client, world_endpoint, person_of(subject_of(world_client, address="ann@acme.test"))
    )
    raw = all_rows(world_client)["raw.changes"]
    assert sum(one.payload == b"" for one in raw) == 2
    assert failing(world_client) <= before
    assert "raw.changes.payload.present" not in before


def test_what_a_backup_brings_back_goes_by_the_marks_alone(
    world_client: bigquery.Client, world_endpoint: Endpoint
) -> None:
    fill(world_endpoint)
    marks = subject_of(world_client, address="ann@acme.test").marks(KEY, "US")
    erased(world_client, world_endpoint, Person.forgotten(Marks(marks, KEY)))
    text = repr(all_rows(world_client)).replace(BOS_OTHER, "")
    assert not any(one in text for one in ("ann@", "Ann Lee", ANN, SEEN))


def test_a_pass_that_breaks_off_leaves_who_it_is_and_the_rows_that_name_payloads(
    world_client: bigquery.Client, world_endpoint: Endpoint
) -> None:
    fill(world_endpoint)
    theirs = msgspec.structs.replace(rows_of_the_world()[8], dataref="folder:y")
    fill(world_endpoint, [theirs])
    before = subject_of(world_client, address="ann@acme.test")
    writer = RowWriter(StorageSink.opener(world_endpoint), "erase", 1)
    with pytest.raises(RetriableError, match="does not answer"):
        Erasing(world_client, writer, person_of(before), Dropped(fails_at="folder:y")).once()
    writer.close()
    assert "folder:y" in {one.dataref for one in all_rows(world_client)["raw.changes"]}
    assert subject_of(world_client, address="ann@acme.test") == before


DIALLED = "dialpad:contact:d-ann"
HERS = ("ann@", "Ann Lee", ANN, SEEN, DIALLED, "+14152340199", "QW5uIExlZ")
