"""A person goes out of every file of a data directory, and the others stay."""

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from connectors.objects import FolderStore
from embedded.compacted_file import DATABASE, request, rewrite_if_requested
from embedded.directory import DataDirectory
from embedded.pubsub.store import Publication, Store
from embedded.scrub import drop, is_foreign, scrub, search
from schemas.errors import RetriableError
from transforms.traces import Identifiers, Traces

ANN = "ann.lee@acme.test"
TRACES = Traces(Identifiers(emails=(ANN,), longer=(f"{ANN}.example",)))
CHANGE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DataDirectory]:
    one = DataDirectory(tmp_path / "data")
    one.open()
    yield one
    one.close()


def found(directory: DataDirectory) -> list[str]:
    return [place.path for place in search(directory, TRACES)]


def test_retained_messages_go_while_the_server_has_them_open_and_no_byte_is_left(
    directory: DataDirectory,
) -> None:
    path = directory.pubsub / "messages.db"
    store = Store(path, clock=lambda: 1_000_000)
    topic = store.create_topic("changes", b"")
    mail = base64.b64encode(f"To: {ANN}".encode())
    sent = [(mail, "a"), (b"nothing", CHANGE), (b"to bo@acme.test", "b")]
    ids = store.publish(topic, [Publication(data, {"ce-id": one}, "") for data, one in sent])
    assert found(directory)
    assert scrub(directory, TRACES, {CHANGE}) == {"pubsub/messages.db": 2}
    assert list(store.fetch(ids, 1_000)[0]) == [ids[2]]
    assert found(directory) == []
    assert b"nothing" not in path.read_bytes()
    store.publish(topic, [Publication(b"more", {}, "")])
    store.close()


def test_a_message_that_the_pipeline_has_yet_to_read_stays(directory: DataDirectory) -> None:
    moments = iter((1_000_000, 2_000_000))
    store = Store(directory.pubsub / "messages.db", clock=lambda: next(moments))
    topic = store.create_topic("changes", b"")
    mail = f"To: {ANN}, bo@acme.test".encode()
    [read], [awaited] = (store.publish(topic, [Publication(mail, {}, "")]) for _ in range(2))
    assert scrub(directory, TRACES, (), written=2_000_000) == {"pubsub/messages.db": 1}
    assert list(store.fetch([read, awaited], 1_000)[0]) == [awaited]
    store.close()


def test_a_message_of_somebody_whose_address_has_theirs_in_it_stays(
    directory: DataDirectory,
) -> None:
    path = directory.pubsub / "messages.db"
    store = Store(path, clock=lambda: 1_000_000)
    topic = store.create_topic("changes", b"")
    mails = [f"To: jo{ANN}", f"To: {ANN}", f"To: {ANN}.example"]
    wrapped = [
        *(mail.encode() for mail in mails),
        *(json.dumps({"raw": base64.b64encode(mail.encode()).decode()}).encode() for mail in mails),
    ]
    ids = store.publish(topic, [Publication(data, {"ce-id": "x"}, "") for data in wrapped])
    assert found(directory)
    assert scrub(directory, TRACES, ()) == {"pubsub/messages.db": 2}
    assert sorted(store.fetch(ids, 1_000)[0]) == [ids[0], ids[2], ids[3], ids[5]]
    assert found(directory) == [], "also in its log of pages, while it is open"
    assert not re.search(rb"(?<!jo)ann\.lee@acme\.test(?!\.)", path.read_bytes())
    assert scrub(directory, TRACES, ()) == {}
    log = directory.logs / "pipeline.log"
    log.write_text(f"no such user jo{ANN}\nno such user {ANN}\n")
    objects = FolderStore(directory.objects)
    kept = objects.put("payloads/1", f"cc jo{ANN}".encode())
    assert found(directory) == ["logs/pipeline.log"]
    assert scrub(directory, TRACES, ()) == {"logs/pipeline.log": 1}
    assert found(directory) == [] and objects.get(kept)
    store.close()


def test_what_a_row_explains_in_a_file_is_not_what_lies_beside_it(
    directory: DataDirectory,
) -> None:
    path = directory.path / "cursors.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE cursors (name TEXT)")
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("INSERT INTO cursors VALUES (?), (?)", (f"jo{ANN}", f"is {ANN}"))
        database.commit()
        database.execute("DELETE FROM cursors WHERE name LIKE 'is %'")
        database.commit()
    assert found(directory) == ["cursors.db"]
    scrub(directory, TRACES, ())
    assert found(directory) == []


def test_a_log_of_pages_that_somebody_reads_is_not_taken_for_empty(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.scrub.BUSY_S", 0.1)
    path = directory.path / "cursors.db"
    with closing(sqlite3.connect(path)) as database, closing(sqlite3.connect(path)) as reader:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE cursors (name TEXT)")
        database.execute("INSERT INTO cursors VALUES ('kept')")
        database.commit()
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM cursors").fetchall()
        database.execute("INSERT INTO cursors VALUES (?)", (ANN,))
        database.commit()
        with pytest.raises(RetriableError, match="erase once more"):
            scrub(directory, TRACES, ())
        reader.rollback()
        scrub(directory, TRACES, ())
        assert found(directory) == []


def test_what_had_been_deleted_before_is_overwritten_too(directory: DataDirectory) -> None:
    path = directory.path / "cursors.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE cursors (name TEXT PRIMARY KEY, cursor TEXT) WITHOUT ROWID")
        database.execute("INSERT INTO cursors VALUES ('a', ?), ('b', 'kept')", (ANN,))
        database.commit()
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("DELETE FROM cursors WHERE name = 'a'")
        database.commit()
    assert found(directory) == ["cursors.db"]
    scrub(directory, TRACES, ())
    assert found(directory) == []
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT * FROM cursors").fetchall() == [("b", "kept")]


def test_payloads_and_lines_of_logs_go_and_those_of_others_stay(directory: DataDirectory) -> None:
    objects = FolderStore(directory.objects)
    named, theirs, others = (
        objects.put("payloads/1", base64.b64encode(f"cc {ANN}".encode())),
        objects.put("payloads/2", b"nobody is named"),
        objects.put("payloads/3", b"to bo@acme.test"),
    )
    log = directory.logs / "pipeline.log"
    log.write_text(f"first\nno such user {ANN}\nlast\n")
    assert found(directory) == ["logs/pipeline.log", "objects/payloads/1"]
    done = scrub(directory, TRACES, ())
    assert done == {"objects": 1, "logs/pipeline.log": 1}
    assert found(directory) == []
    assert objects.get(others) == b"to bo@acme.test"
    first, inked, last = log.read_text().splitlines()
    assert (first, set(inked), last) == ("first", {"*"}, "last")
    drop(directory, [theirs, theirs, "folder:../salesintel.toml"])
    for gone in (named, theirs):
        with pytest.raises(LookupError):
            objects.get(gone)


def test_a_file_that_somebody_has_put_there_is_told_from_ours(directory: DataDirectory) -> None:
    company = directory.path / "company"
    company.mkdir()
    (company / "contacts.csv").write_text("ann@acme.test")
    (directory.logs / "pipeline.log").write_text("")
    (directory.objects / "x").write_bytes(b"")
    sqlite3.connect(directory.path / "cursors.db").execute("CREATE TABLE t (a)").connection.close()
    ours = (
        "logs/pipeline.log",
        "objects/x",
        "cursors.db",
        "cursors.db-wal",
        "warehouse/" + DATABASE,
    )
    assert not any(is_foreign(directory, name) for name in ours)
    assert is_foreign(directory, "company/contacts.csv")


def test_the_file_of_the_warehouse_is_written_anew_without_what_was_deleted(
    directory: DataDirectory,
) -> None:
    database = directory.warehouse / DATABASE
    with duckdb.connect(database) as connection:
        connection.execute("CREATE SCHEMA s")
        connection.execute("CREATE TABLE s.t (name VARCHAR PRIMARY KEY, payload BLOB)")
        connection.executemany(
            "INSERT INTO s.t VALUES (?, ?)",
            [(f"n{one}", f"{one} {ANN}".encode()) for one in (1, 2)],
        )
        connection.execute("CREATE VIEW s.v AS SELECT name FROM s.t")
        connection.execute("CHECKPOINT")
        connection.execute("UPDATE s.t SET payload = ''::BLOB")
        connection.execute("CHECKPOINT")
    assert not rewrite_if_requested(directory.warehouse)
    asked = request(directory.warehouse)
    assert found(directory) == [f"warehouse/{DATABASE}"]
    assert rewrite_if_requested(directory.warehouse, "100MB")
    assert found(directory) == [] and not asked.exists()
    with duckdb.connect(database) as connection:
        assert connection.execute("SELECT * FROM s.v ORDER BY name").fetchall() == [
            ("n1",),
            ("n2",),
        ]
    assert sorted(path.name for path in directory.warehouse.iterdir()) == [DATABASE]


def test_a_file_that_cannot_be_copied_stays_as_it_is(directory: DataDirectory) -> None:
    database = directory.warehouse / DATABASE
    database.write_bytes(b"no database")
    asked = request(directory.warehouse)
    assert not rewrite_if_requested(directory.warehouse)
    assert database.read_bytes() == b"no database" and asked.exists()
