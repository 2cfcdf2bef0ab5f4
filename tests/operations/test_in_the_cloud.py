"""Commands as containers are started: by variables, without a data directory. Pub/Sub, the
warehouse, Cloud Storage and Secret Manager are on this machine, asked by their real clients."""

import json
import os
import signal
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import google.auth
import msgspec
import pytest
from google.auth.credentials import AnonymousCredentials
from google.pubsub_v1 import SubscriberClient
from notice_channels import chat
from small_stack import SmallStack
from typer.testing import CliRunner, Result
from watched_rows import a_change, a_person

CONNECTORS = Path(__file__).resolve().parent.parent / "connectors"
sys.path[:0] = [str(CONNECTORS), str(CONNECTORS / "hubspot")]

from gcs_stand_in import CloudStorage  # noqa: E402
from hubspot_harness import HubSpotHarness, hubspot  # noqa: E402
from secret_manager import Manager, secret_manager  # noqa: E402

from connectors.bad_input import BadInput  # noqa: E402
from connectors.webhooks.receiver import Hint, Received  # noqa: E402
from embedded.ports import free_port  # noqa: E402
from operations import cli, compact, config, place  # noqa: E402
from operations.place import Cloud, place_of  # noqa: E402
from operations.webhooks import PlacePublisher  # noqa: E402
from sandbox.vendors.server import served  # noqa: E402
from schemas.clock import from_us, wall_clock  # noqa: E402
from schemas.columns import Row  # noqa: E402
from schemas.envelope import CLAIM_CHECK_BYTES  # noqa: E402
from schemas.tables import BY_ID  # noqa: E402
from schemas.topology import PIPELINE_SUBSCRIPTIONS  # noqa: E402
from warehouse import compaction  # noqa: E402
from warehouse.compacting import compact_noted  # noqa: E402
from warehouse.settling import SETTLED_S  # noqa: E402

# With the other tests of such a stack in one process: its tables are made once.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching")]

CHANNEL = "projects/p/secrets/notify-slack/versions/latest"
TOKEN = "projects/p/secrets/hubspot-token/versions/latest"
TABLES = ("raw.changes", "ops.runs", "ops.source_counts")
MOST_ASKED = 100
SIGNING = "projects/p/secrets/hubspot-webhook/versions/latest"
CONTACTS = ("--objects", "contact")


class Project(NamedTuple):
    """A project in the cloud, as far as commands see it, and HubSpot."""

    stack: SmallStack
    storage: CloudStorage
    secrets: Manager
    crm: HubSpotHarness

    def contacts(self) -> dict[str, Any]:
        self.crm.objects = ("contact",)
        return self.crm.expected()

    def published(self) -> list[dict[str, Any]]:
        """What waits for the pipeline, taken."""
        name = next(one.name for one in PIPELINE_SUBSCRIPTIONS if one.topic == "changes-hubspot")
        path, found = f"projects/{self.stack.stack.project}/subscriptions/{name}", []
        with SubscriberClient() as client:
            while pulled := client.pull(
                subscription=path, max_messages=1_000, return_immediately=True, timeout=10
            ).received_messages:
                client.acknowledge(subscription=path, ack_ids=[one.ack_id for one in pulled])
                found += [json.loads(one.message.data or b"{}") for one in pulled]
        return found

    def keeps(self, folder: str) -> dict[str, Any]:
        """Objects of a folder of the bucket."""
        held = {name: blob.body for name, blob in self.storage.blobs.items()}
        return {name: json.loads(body) for name, body in held.items() if folder in name}

    def people(self, table: str) -> list[str]:
        with self.stack.warehouse() as client:
            found = client.query_and_wait(f"SELECT emails FROM `{client.project}.{table}`")
            return sorted(email for row in found for email in row.emails)

    def runs(self) -> list[dict[str, Any]]:
        return self.stack.ask(
            "SELECT command, MAX(changes) AS changes, MAX_BY(status, noted_at) AS status, "
            "MAX_BY(TO_JSON_STRING(detail), noted_at) AS detail "
            "FROM `ops.runs` GROUP BY command, run_id ORDER BY MIN(started_at)"
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    before = os.environ.copy()
    stack = SmallStack(tmp_path_factory.mktemp("project") / "data")
    storage = CloudStorage()
    try:
        stack.start()
        with (
            served(storage.app) as buckets,
            secret_manager() as (secrets, opened),
            hubspot(check=False) as crm,
        ):
            secrets.values |= {TOKEN: b"token-1", SIGNING: b"app-secret"}
            os.environ["STORAGE_EMULATOR_HOST"] = buckets
            opens = partial(Cloud, endpoint=stack.endpoint, opens_secrets=lambda: opened)
            with pytest.MonkeyPatch.context() as patch:
                # Neither the Storage Write API nor Secret Manager has a variable for its address.
                patch.setattr(place, "Cloud", opens)
                yield Project(stack, storage, secrets, crm)
    finally:
        stack.stop()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def project(made: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    settings = tmp_path / "settings" / "salesintel.toml"
    settings.parent.mkdir()
    settings.write_text(
        f"""
        [sources.hubspot]
        base_url = "{made.crm.address}"
        token = "{TOKEN}"
        webhook_secrets = ["{SIGNING}"]
        searches_per_s = 1e9
        calls_per_10_s = 1e9
        calls_per_day = 1e9
        """
    )
    empty = tmp_path / "container"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.setenv(config.PROJECT_VARIABLE, made.stack.stack.project)
    monkeypatch.setenv(config.SETTINGS_VARIABLE, str(settings))
    monkeypatch.setenv(config.OBJECTS_VARIABLE, "gs://prod-objects")
    monkeypatch.setenv(config.CURSORS_VARIABLE, "gs://prod-cursors-hubspot")
    monkeypatch.setattr(google.auth, "default", lambda **more: (AnonymousCredentials(), None))
    yield made
    assert not list(empty.iterdir()), "a container has no disk"
    made.published()
    made.storage.blobs.clear()
    made.stack.empty(*TABLES)


def made_ago(email: str, seconds: float) -> Row:
    return msgspec.structs.replace(
        a_person(email), written_at=wall_clock() - int(seconds * 1_000_000)
    )


def typed(*arguments: str) -> Result:
    """As a container is started."""
    return CliRunner().invoke(cli.app, arguments, catch_exceptions=False)


def test_a_source_is_polled_from_nothing_and_then_from_its_cursor(project: Project) -> None:
    first = typed("poll", "hubspot", *CONTACTS)
    assert first.exit_code == 0, first.stderr
    published = project.published()
    assert len(published) >= len(project.contacts()) > 0
    assert project.keeps("cursors/")
    assert not project.keeps("leases/")
    cursors = project.keeps("cursors/")
    again = typed("poll", "hubspot", *CONTACTS)
    assert again.exit_code == 0, again.stderr
    assert len(project.published()) < len(published)
    assert project.keeps("cursors/").keys() == cursors.keys()
    assert [run["status"] for run in project.runs()] == ["succeeded", "succeeded"]


def test_a_killed_pollers_lease_is_waited_for_and_then_taken_over(project: Project) -> None:
    typed("poll", "hubspot", *CONTACTS)
    names = [name.replace("cursors/", "leases/") for name in project.keeps("cursors/")]
    project.storage.blobs.clear()
    project.published()
    for until in (wall_clock() + 60_000_000, wall_clock() - 1):
        for name in names:
            lease = json.dumps({"holder": "killed", "until": until}).encode()
            project.storage.hold(name, lease)
        polled = typed("poll", "hubspot", *CONTACTS)
        assert polled.exit_code == 0, polled.stderr
        lives = until > wall_clock()
        assert ("streams are read by" in polled.stdout) == lives
        assert bool(project.published()) == (not lives)
    assert not project.keeps("leases/")


def test_a_night_counts_what_the_source_has(project: Project) -> None:
    night = typed("nightly", "hubspot", "--days", "1")
    assert night.exit_code == 0, night.stderr
    assert project.stack.ask("SELECT 1 AS n FROM `ops.source_counts`")
    assert [run["command"] for run in project.runs()] == ["nightly"]


def test_what_a_webhook_hints_at_is_fetched(project: Project) -> None:
    publisher = PlacePublisher(place_of(None))
    assert publisher.ready()
    contact = next(iter(project.crm.account.live("contacts"))).id
    hint = json.dumps({"object": "contact", "id": contact}).encode()
    publisher(Received(hints=(Hint("hubspot", hint),)))
    fetched = typed("fetch", "hubspot", "--once")
    assert fetched.exit_code == 0, fetched.stderr
    assert [run["command"] for run in project.runs()] == ["fetch"]
    assert len(project.published()) == 1


def test_a_payload_that_no_message_holds_goes_into_the_bucket(project: Project) -> None:
    publisher = PlacePublisher(place_of(None))
    note = b"x" * (CLAIM_CHECK_BYTES + 1)
    for _ in range(2):
        publisher(Received(bad=(BadInput("hubspot", "an event", "no event", note),)))
    assert [blob.body for blob in project.storage.blobs.values()] == [note]


def test_what_nobody_said_is_asked_for_by_name(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in (config.OBJECTS_VARIABLE, config.CURSORS_VARIABLE):
        with monkeypatch.context() as patch:
            patch.delenv(variable)
            refused = typed("poll", "hubspot")
        assert refused.exit_code == 2
        assert f"{variable} is not set" in refused.stderr
    assert not project.published()


def test_a_data_directory_that_is_named_goes_before_the_project(
    project: Project, tmp_path: Path
) -> None:
    refused = typed("poll", "hubspot", "--data", str(tmp_path / "none"))
    assert refused.exit_code == 2
    assert "no stack runs on" in refused.stderr


def test_secrets_of_one_machine_are_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Path(os.environ[config.SETTINGS_VARIABLE])
    settings.write_text(settings.read_text("utf-8").replace(TOKEN, "env:TOKEN"))
    monkeypatch.setenv("TOKEN", "token-1")
    refused = typed("poll", "hubspot", *CONTACTS)
    assert refused.exit_code == 2
    assert "are for one machine" in refused.stderr


def test_what_is_amiss_is_told_from_a_container(project: Project) -> None:
    with chat() as taken:
        project.secrets.values[CHANNEL] = taken.address.encode()
        settings = Path(os.environ[config.SETTINGS_VARIABLE])
        settings.write_text(
            f"""
            [notifications]
            channels = ["slack"]
            [notifications.slack]
            webhook = "{CHANNEL}"
            """
        )
        project.stack.write([a_change("gmail:message:1", ago_s=360_000)])
        told = typed("notify", "--once")
        assert told.exit_code == 0, told.stderr
        assert [text.splitlines()[0].strip("*") for text in taken.texts] == [
            "[error] gmail has sent nothing for 100 hours"
        ]


def test_what_has_expired_goes_by_the_settings_of_the_environment(project: Project) -> None:
    old, new = (a_change(f"hubspot:contact:{n}", ago_s=n * 86_400) for n in (60, 1))
    project.stack.write([old, new])
    settings = Path(os.environ[config.SETTINGS_VARIABLE])
    settings.write_text("[retention]\nlegal_hold = true\n")
    held = typed("retention")
    assert (held.exit_code, held.stdout) == (
        0,
        "everything is on legal hold: nothing expires\n",
    )
    settings.write_text("[retention]\nraw = 30\n")
    assert typed("retention").exit_code == 0
    left = project.stack.ask(
        "SELECT record_key FROM `raw.changes` WHERE publish_date >= @first",
        first=from_us(old.publish_time).date(),
    )
    assert [row["record_key"] for row in left] == [new.record_key]
    assert [run["command"] for run in project.runs()] == ["retention"]


def test_a_compaction_takes_what_is_certainly_written_and_hides_nothing_that_comes_later(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One row is enough for a copy here, and one table keeps the test short.
    monkeypatch.setattr(compact, "compact_noted", partial(compact_noted, small=1))
    monkeypatch.setattr(compaction, "COMPACTED", (BY_ID["sales.people"],))
    project.stack.write([made_ago("ada@one.example", 7_200)])
    try:
        done = typed("compact")
        assert (done.exit_code, project.runs()[0]["status"]) == (0, "succeeded"), done.stderr
        # As late as a writer may be.
        project.stack.write([made_ago("babbage@two.example", SETTLED_S - 60)])
        assert project.people("sales.people_current") == ["ada@one.example"]
        both = ["ada@one.example", "babbage@two.example"]
        assert project.people("sales.people_latest") == both
        assert typed("compact").exit_code == 0
        assert project.people("sales.people_current") == both
        assert project.people("sales.people_latest") == both
    finally:
        with project.stack.warehouse() as client:
            compaction.clear(client)
        project.stack.empty("sales.people")


@pytest.mark.parametrize("command", [("webhooks",), ("fetch", "hubspot"), ("notify",)])
def test_a_service_is_ready_at_its_port_until_it_is_told_to_end(
    command: tuple[str, ...], project: Project
) -> None:
    port = free_port()
    asked: list[int] = []

    def ask_and_end() -> None:
        ready = f"http://127.0.0.1:{port}/health/ready"
        for _ in range(MOST_ASKED):
            # Refused before it listens, 503 before it is ready.
            with suppress(OSError), urllib.request.urlopen(ready, timeout=10) as answer:
                asked.append(answer.status)
                break
            threading.Event().wait(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask_and_end)
    asking.start()
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    served_until = typed(*command, "--port", str(port))
    asking.join()
    for number, handler in before.items():
        signal.signal(number, handler)
    assert served_until.exit_code == 0, served_until.stderr
    assert asked == [200]
