"""A project in the cloud with Ann and Bo in it, and the stream as far as orders go."""

from collections.abc import Callable

import msgspec
from cloud_project import Services
from google.pubsub_v1 import SubscriberClient
from small_stack import Time
from watched_rows import a_change, versioned

from schemas.clock import to_us, wall_clock
from schemas.columns import Row
from schemas.flow import Received
from schemas.identity import IdentityRecord, Link, StoredRecord
from schemas.records import Person
from schemas.topology import DECISIONS_SUBSCRIPTION
from transforms.decide import decided_rows
from warehouse.erasures import StandingMarks
from warehouse.row_writer import RowWriter
from warehouse.sink import StorageSink

KEY = b"the key of the stream"
ANN, BO = "hubspot:contact:1", "hubspot:contact:2"
ADDRESS = "ann.lee@acme.test"
HERS, ORPHAN, OTHERS = "payloads/hubspot/c-1", "payloads/gmail/c-9", "payloads/gmail/c-8"
"""The payload of a row of hers, one that names her and that no row names, one of somebody else."""
WRITTEN = (
    *("raw.changes", "sales.people", "identity.records", "identity.links"),
    *("ops.erasures", "ops.audit", "ops.runs", "ops.readers", "ops.quality"),
)
"""Tables that get rows here."""
EXECUTED = ("erase", "--email", ADDRESS, "--reason", "case 7", "--by", "dpo", "--yes")


class Stream(Time):
    """The stream, as far as orders go, and the clock of who waits for it."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self.works = True
        self.waited = 0.0
        self.meanwhile: Callable[[], None] = lambda: None
        """Happens once, while somebody waits."""

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        self.advance(seconds)
        if self.works:
            self.take()
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()

    def take(self) -> None:
        """Orders become rows of ops.erasures."""
        path = f"projects/{self._services.stack.stack.project}/subscriptions/"
        path += DECISIONS_SUBSCRIPTION.name
        with SubscriberClient() as client:
            pulled = client.pull(
                subscription=path, max_messages=100, return_immediately=True, timeout=10
            ).received_messages
            for one in pulled:
                message = one.message
                published = to_us(message.publish_time)
                received = Received(
                    message.data, dict(message.attributes), message.message_id, published
                )
                self.write(decided_rows(received, wall_clock).rows)
                client.acknowledge(subscription=path, ack_ids=[one.ack_id])

    def write(self, rows: tuple[Row, ...]) -> None:
        """As step Write does: held against the marks, under the key of the stream."""
        endpoint = self._services.stack.endpoint
        known = StandingMarks.opener(endpoint, KEY, "US")
        writer = RowWriter(StorageSink.opener(endpoint), "stream", 1, open_known=known)
        writer.start()
        writer.write(rows)
        writer.finish()
        writer.close()


def rows_of_two() -> list[Row]:
    return [
        *rows_of(ANN, "Ann Lee", ADDRESS, f"gs://prod-objects/{HERS}"),
        *rows_of(BO, "Bo Ray", "bo@acme.test", None),
    ]


def rows_of(key: str, name: str, address: str, dataref: str | None) -> list[Row]:
    at = wall_clock() - 7_200_000_000
    of_change = {**versioned(key, at), "change_id": f"c-{key[-1]}"}
    raw = msgspec.structs.replace(
        a_change(key, ago_s=7_200), change_id=f"c-{key[-1]}", message_id=f"m-{key[-1]}",
        payload=b"" if dataref else b"{}", dataref=dataref,
    )  # fmt: skip
    person = Person(**of_change, full_name=name, emails=(address,))  # type: ignore[arg-type]
    record = IdentityRecord(
        record_key=key, kind="person", stamp=at, fetched=at, digest="d",
        full_name=name, emails=(address,),
    )  # fmt: skip
    stored = StoredRecord(
        record_key=key, kind="person", version_stamp=at, version_fetched=at, version_digest="d",
        is_deleted=False, record=msgspec.json.encode(record).decode(), written_at=at,
    )  # fmt: skip
    link = Link(
        record_key=key, kind="person", entity_id=f"entity-{key[-1]}", confidence=1.0,
        method="single", revision=1, resolved_at=at, is_deleted=False,
    )  # fmt: skip
    return [raw, person, stored, link]


def naming_ann(services: Services) -> list[str]:
    """Tables and payloads that still do."""
    found = []
    with services.stack.warehouse() as client:
        for table in WRITTEN:
            rows = client.query_and_wait(f"SELECT * FROM `{client.project}.{table}`")
            text = repr([tuple(row.values()) for row in rows])
            if any(one in text for one in (ADDRESS, "Ann Lee", ANN)):
                found.append(table)
    return [*found, *(name for name in (HERS, ORPHAN) if name in services.storage.blobs)]


def statuses(services: Services) -> list[str]:
    """How the runs of erasures went, the first first."""
    sql = "SELECT MAX_BY(status, noted_at) AS status FROM `ops.runs` WHERE command = 'erase' "
    sql += "GROUP BY run_id ORDER BY MIN(started_at)"
    return [row["status"] for row in services.stack.ask(sql)]


def copies(services: Services) -> list[str]:
    """Who is in the current table of people."""
    with services.stack.warehouse() as client:
        rows = client.query_and_wait(f"SELECT * FROM `{client.project}.sales.people_current`")
        return sorted(row.full_name for row in rows)
