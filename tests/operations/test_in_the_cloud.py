"""Commands as containers are started: by variables, without a data directory. Pub/Sub, the
warehouse, Cloud Storage and Secret Manager are on this machine, asked by their real clients."""

import json
import os
import signal
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import pytest
from cloud_project import WEBHOOKS, Project, container, secret, typed
from notice_channels import chat
from watched_rows import a_change, a_person

from connectors.bad_input import BadInput
from connectors.webhooks.receiver import Hint, Received
from embedded.ports import free_port
from operations import compact, config
from operations.place import place_of
from operations.webhooks import PlacePublisher
from schemas.clock import from_us, wall_clock
from schemas.columns import Row
from schemas.envelope import CLAIM_CHECK_BYTES
from schemas.tables import BY_ID
from warehouse import compaction
from warehouse.compacting import compact_noted
from warehouse.settling import SETTLED_S

# With the other tests of such a stack in one process: its tables are made once.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching")]

CHANNEL = secret("notify-slack")
MOST_ASKED = 100
CONTACTS = ("--objects", "contact")


@pytest.fixture
def project(
    made_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    with container(made_project, tmp_path, monkeypatch) as project:
        yield project


def made_ago(email: str, seconds: float) -> Row:
    return msgspec.structs.replace(
        a_person(email), written_at=wall_clock() - int(seconds * 1_000_000)
    )


def mails(project: Project, mailbox: str) -> set[str]:
    return set(project.estate.gmail.expected(mailbox))


SOURCES: dict[str, tuple[str, str, Callable[[Project, str], set[str]]]] = {
    "gmail": ("a mailbox", "id", mails),
    "salesforce": ("Contact", "Id", lambda project, name: project.living("salesforce", "contact")),
    "hubspot": ("contact", "id", lambda project, name: project.living("hubspot", name)),
    "dialpad": ("contact", "id", lambda project, name: project.living("dialpad", name)),
}
"""What is read of each, the name of its id, and the ids that the vendor has."""

SECRETS = {
    "gmail": (),
    "salesforce": ("salesforce-key", "salesforce-secret"),
    "hubspot": ("hubspot",),
    "dialpad": ("dialpad",),
}
"""What its poller may read. Gmail has none: IAM signs."""


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_polled_from_nothing_and_then_from_its_cursor(
    project: Project, source: str
) -> None:
    name, key, there = SOURCES[source]
    if source == "gmail":
        name = project.estate.company.reps[0].email
    first = typed("poll", source, "--objects", name)
    assert first.exit_code == 0, first.stderr
    published = project.published(source)
    assert {one[key] for one in published} == there(project, name)
    cursors = project.keeps("cursors/")
    assert cursors
    assert not project.keeps("leases/")
    again = typed("poll", source, "--objects", name)
    assert again.exit_code == 0, again.stderr
    assert len(project.published(source)) < len(published)
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


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_asked_whether_it_lets_us_read_without_the_secrets_of_others(
    project: Project, source: str
) -> None:
    project.secrets.asked.clear()
    asked = typed("doctor", source)
    assert asked.exit_code == 0, asked.stdout
    own = {secret(name) for name in SECRETS[source]}
    assert set(project.secrets.asked) == own
    assert ("the webhooks' own" in asked.stdout) == (source in ("hubspot", "dialpad"))


def test_dialpads_subscriptions_are_made_with_the_secret_that_its_events_are_to_bear(
    project: Project,
) -> None:
    for listed in project.estate.dialpad.subscriptions.values():
        listed.clear()
    project.estate.dialpad.webhooks.clear()
    made = typed("subscribe", "dialpad")
    assert (made.exit_code, made.stdout) == (0, "made: call, sms, contact\n")
    (hook,) = project.estate.dialpad.webhooks.values()
    assert hook["hook_url"] == f"{WEBHOOKS}/webhooks/dialpad"
    assert hook["signature"]["secret"].encode() == project.secrets.values[secret("dialpad-webhook")]
    again = typed("subscribe", "dialpad")
    assert (again.exit_code, again.stdout) == (0, "nothing was missing\n")


def test_what_a_webhook_hints_at_is_fetched(project: Project) -> None:
    publisher = PlacePublisher(place_of(None))
    assert publisher.ready()
    contact = next(iter(project.estate.hubspot.live("contacts"))).id
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
    settings.write_text(settings.read_text("utf-8").replace(secret("hubspot"), "env:TOKEN"))
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
        # Put back as old as it was.
        project.stack.write([made_ago("noether@three.example", 7_200)])
        assert typed("compact").exit_code == 0
        assert project.people("sales.people_latest") == both
        assert typed("compact", "--anew").exit_code == 0
        assert project.people("sales.people_latest") == [*both, "noether@three.example"]
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
