"""Who is who, decided and looked at in a project of the cloud: Pub/Sub, the warehouse and Cloud
Storage on this machine, asked by their real clients. The test does what the stream would."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cloud_project import Project, container, typed
from google.pubsub_v1 import SubscriberClient
from typer.testing import Result

from operations import config
from operations.identity import following, reading_whole
from operations.identity.following import Patience
from schemas.clock import to_us, wall_clock
from schemas.columns import Row
from schemas.flow import Received
from schemas.identity import EntityChange, IdentityRecord, Link, PairCandidate
from schemas.topology import DECISIONS_SUBSCRIPTION
from transforms.decide import decided_rows
from transforms.identity.records import stored_record
from transforms.identity.weighed.weights import SHIPPED, write_model

# With the other tests of such a stack in one process: its tables are made once.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching")]

ADA, HER_TWIN = "hubspot:contact:1", "salesforce:contact:003"
NOW = wall_clock()
SETTINGS = "gs://prod-config/salesintel.toml"
TABLES = (
    *("identity.links", "identity.records", "identity.overrides", "identity.changes"),
    *("identity.candidates", "ops.audit"),
)


@pytest.fixture
def project(
    made_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """Two records of a name, each a person of its own, and a mailbox that they share."""
    with container(made_project, tmp_path, monkeypatch) as project:
        made_project.stack.write([linked(ADA, "p-ada"), linked(HER_TWIN, "p-twin")])
        yield project
    made_project.stack.empty(*TABLES)


def linked(record_key: str, entity_id: str, revision: int = 1) -> Link:
    return Link(
        record_key=record_key,
        kind="person",
        entity_id=entity_id,
        confidence=1.0,
        method="single",
        is_deleted=False,
        revision=revision,
        resolved_at=NOW,
    )


def record(record_key: str) -> Row:
    one = IdentityRecord(
        record_key=record_key,
        kind="person",
        stamp=NOW,
        fetched=NOW,
        digest="d",
        given_name="Ada",
        family_name="Byron",
        emails=("ada.byron@engines.example",),
    )
    return stored_record(one, one.version, NOW)


class Stream:
    """A stream that comes to a step each time that the command has looked in vain. Its clock moves
    by what the command waits."""

    def __init__(self, project: Project, *steps: Callable[["Stream"], None]) -> None:
        self._project, self._steps = project, list(steps)
        self.moment = 0.0

    def pause(self, seconds: float) -> None:
        self.moment += seconds
        if self._steps:
            self._steps.pop(0)(self)

    def takes(self) -> None:
        """Step Decide: a row for each decision that waits."""
        with SubscriberClient() as client:
            path = client.subscription_path(
                self._project.stack.stack.project, DECISIONS_SUBSCRIPTION.name
            )
            pulled = client.pull(subscription=path, max_messages=10, timeout=10).received_messages
            client.acknowledge(subscription=path, ack_ids=[one.ack_id for one in pulled])
        for one in (each.message for each in pulled):
            received = Received(
                one.data, dict(one.attributes), one.message_id, to_us(one.publish_time)
            )
            self._project.stack.write(decided_rows(received, wall_clock).rows)

    def joins(self) -> None:
        """Step Resolve: what follows from it."""
        change = EntityChange(
            entity_id="p-ada",
            kind="person",
            what="merged",
            other_ids=("p-twin",),
            reason="",
            revision=wall_clock(),
            resolved_at=wall_clock(),
        )
        self._project.stack.write([change, linked(HER_TWIN, "p-ada", change.revision)])

    def parts(self) -> None:
        """Step Resolve, of what was taken back."""
        self._project.stack.write([linked(HER_TWIN, "p-twin", wall_clock())])


Decides = Callable[..., Result]


@pytest.fixture
def decide(project: Project, monkeypatch: pytest.MonkeyPatch) -> Decides:
    def typed_while(*arguments: str, steps: tuple[Callable[[Stream], None], ...]) -> Result:
        stream = Stream(project, *steps)
        patience = Patience(written_s=10, seen_s=5, pause=stream.pause, clock=lambda: stream.moment)
        monkeypatch.setattr(following, "PATIENCE", patience)
        return typed(*arguments)

    return typed_while


def test_a_decision_is_shown_with_what_follows_as_soon_as_that_is_to_be_seen(
    project: Project, decide: Decides
) -> None:
    linked = decide(*("link", ADA, HER_TWIN, "--by", "ana"), steps=(Stream.takes, Stream.joins))
    assert linked.exit_code == 0, linked.stderr
    assert linked.stdout.splitlines()[:4] == [
        f"decided: two records are the same; take it back: salesintel link {ADA} {HER_TWIN} --undo",
        "  p-twin → p-ada",
        f"    {HER_TWIN}",
        "  merged p-ada: p-twin",
    ]
    [run] = project.runs()
    assert (run["command"], run["status"], run["changes"]) == ("link", "succeeded", 1)
    noted = project.stack.ask("SELECT actor, outcome FROM `ops.audit` ORDER BY noted_at")
    assert noted == [{"actor": "ana", "outcome": one} for one in ("begun", "succeeded")]

    undone = decide(*("link", ADA, HER_TWIN, "--undo"), steps=(Stream.takes, Stream.parts))
    assert undone.exit_code == 0, undone.stderr
    assert "taken back: that two records are the same" in undone.stdout
    assert f"  p-ada → p-twin\n    {HER_TWIN}" in undone.stdout


def test_what_is_on_its_way_can_be_asked_for_later(project: Project, decide: Decides) -> None:
    late = decide("link", ADA, HER_TWIN, steps=(Stream.takes,))
    assert late.exit_code == 0, late.stderr
    assert "what was decided is not to be seen yet" in late.stdout
    Stream(project).joins()
    found = re.search(r"salesintel query '(.*)'", late.stdout)
    assert found
    shown = typed("query", found[1], "--format", "json")
    [change] = json.loads(shown.stdout)
    assert (change["what"], change["entity_id"]) == ("merged", "p-ada")


def test_what_is_so_already_is_not_waited_for(decide: Decides) -> None:
    told = decide("unlink", ADA, HER_TWIN, steps=(Stream.takes,))
    assert "no record has changed its entity; what was decided holds for what comes" in told.stdout
    undone = decide("unlink", ADA, HER_TWIN, "--undo", steps=(Stream.takes,))
    assert "no record has changed its entity yet" in undone.stdout


def test_a_decision_that_no_stream_takes_is_told_with_where_to_look(
    project: Project, decide: Decides
) -> None:
    told = decide("link", ADA, HER_TWIN, steps=())
    assert told.exit_code == 1
    assert "1 of 1 decisions are not in identity.overrides after 10 s" in told.stderr
    assert "runbooks/pipeline-not-running.md" in told.stderr
    assert [run["status"] for run in project.runs()] == ["failed"]
    Stream(project).takes()


def test_records_are_weighed_by_the_settings_and_the_model_that_the_stream_has(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(msgspec.structs.replace(SHIPPED, version="two"), tmp_path / "two.json")
    project.storage.hold("salesintel.toml", b'identity_model = "two.json"')
    project.storage.hold("two.json", (tmp_path / "two.json").read_bytes())
    project.stack.write([record(ADA), record(HER_TWIN)])
    monkeypatch.setenv(config.SETTINGS_VARIABLE, SETTINGS)
    said = typed("explain", ADA)
    assert said.exit_code == 0, said.stderr
    assert "weighed with model two" in said.stdout
    assert "published: p-ada by single" in said.stdout
    assert f"weighed as one and not published so: {HER_TWIN}" in said.stdout
    report = json.loads(typed("match-report", "--format", "json").stdout)
    assert report["rates"][-1]["matched"] == 2
    trained = typed("train", "--out", str(tmp_path / "three.json"))
    assert 'write identity_model = "three.json" into them, and release again' in trained.stdout
    weighed = {"model": "two", "records": 2}
    explained, reported, learnt = noted(project)
    entities = explained.pop("entities")
    assert "p-ada" in entities and len(entities) == 2, "as published, and as weighed"
    assert explained == {"command": "explain", "rows_given": 2, **weighed}
    assert reported.pop("rows_given") > 2
    assert reported == {"command": "match-report", **weighed}
    assert str(learnt.pop("fitted")).startswith("fit-")
    assert learnt == {"command": "train", "rows_given": None, **weighed}

    project.storage.blobs.pop("two.json")
    told = typed("explain", ADA)
    assert (told.exit_code, told.stdout) == (2, "")
    assert "gs://prod-config/two.json does not exist" in told.stderr
    monkeypatch.delenv(config.SETTINGS_VARIABLE)
    unset = typed("explain", ADA)
    assert (unset.exit_code, unset.stdout) == (2, "")
    assert "SALESINTEL_CONFIG is not set" in unset.stderr
    assert len(noted(project)) == 3, "nothing was shown"


def noted(project: Project) -> list[dict[str, Any]]:
    """Who has looked at what, the first first."""
    found = project.stack.ask(
        "SELECT command, rows_given, outcome, TO_JSON_STRING(parameters) AS parameters "
        "FROM `ops.audit` ORDER BY noted_at"
    )
    assert {row.pop("outcome") for row in found} == {"succeeded"}
    return [json.loads(row.pop("parameters")) | row for row in found]


def test_possible_matches_are_those_that_are_published_and_take_neither_room_nor_settings(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(config.SETTINGS_VARIABLE)
    monkeypatch.setattr(reading_whole, "free_bytes", lambda: 0)
    project.stack.write([near(ADA, HER_TWIN)])
    [asked] = json.loads(typed("candidates", "--format", "json").stdout)
    assert (asked["record"], asked["other"], asked["why"]) == (ADA, HER_TWIN, "near")
    assert noted(project) == [{"command": "candidates", "rows_given": 1, "limit": 20}]


def near(left: str, right: str) -> Row:
    return PairCandidate(
        left_key=left,
        right_key=right,
        kind="person",
        left_entity_id="p-ada",
        right_entity_id="p-twin",
        probability=0.4,
        why="near",
        is_deleted=False,
        revision=1,
        resolved_at=NOW,
    )


def test_records_that_this_machine_has_no_room_for_are_not_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.stack.write([record(ADA), record(HER_TWIN)])
    monkeypatch.setattr(reading_whole, "free_bytes", lambda: 2 * reading_whole.BYTES_A_RECORD - 1)
    told = typed("explain", ADA)
    assert (told.exit_code, told.stdout) == (2, "")
    assert "2 records take about" in told.stderr
    assert "salesintel candidates" in told.stderr
    # Unknown on other systems.
    monkeypatch.setattr(reading_whole, "free_bytes", lambda: None)
    assert typed("explain", ADA).exit_code == 0
