"""A parser mended after the fact: what it refused comes back, what it misread is put right."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from company_messages import CompanyMessages
from graph_runs import NOW, VOLATILE, assert_same_views, latest, rows_of

import transforms.normalise
from connectors.objects import FolderStore
from pipelines.replay import message_of
from schemas.change import new_change
from schemas.columns import Row
from schemas.envelope import encode
from schemas.errors import InvalidPayload
from schemas.flow import Received
from schemas.identity import Link
from schemas.operations import DeadLetter, Replay
from schemas.records import Person, RawChange
from transforms.dead_letters import Original, dead_letter
from transforms.normalise.hubspot import normalise_hubspot

ANN = {"id": "1", "properties": {"firstname": "Ann", "lastname": "Lee", "email": "ann@acme.com"}}
BEN = {"id": "2", "properties": {"firstname": "Ben", "lastname": "Ray", "email": "ben@acme.com"}}
LATER = NOW + 60_000_000


def later() -> int:
    return LATER


def contact(document: dict[str, Any], message_id: str = "m-1") -> Received:
    payload = json.dumps(document).encode()
    change = new_change("hubspot", "contact", document["id"], payload, stamp=1_000, fetched=2_000)
    return Received(*encode(change), message_id, NOW)


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts another parser in the place of HubSpot's; the graph looks it up by source."""

    def put(function: Any) -> None:
        monkeypatch.setitem(transforms.normalise._CRM, "hubspot", function)

    return put


def refusing_ann(change: Any, *others: Any) -> Any:
    if change.object_id == "1":
        raise InvalidPayload("the parser does not know this yet")
    return normalise_hubspot(change, *others)


def failing_on_ann(change: Any, *others: Any) -> Any:
    return {"2": normalise_hubspot}[change.object_id](change, *others)


def failing_with_words_that_no_table_holds(change: Any, *others: Any) -> Any:
    if change.object_id == "1":
        raise ValueError("\ud800" * 2_000)
    return normalise_hubspot(change, *others)


def misreading_names(change: Any, *others: Any) -> Any:
    rows, identities = normalise_hubspot(change, *others)
    return tuple(msgspec.structs.replace(row, given_name="?") for row in rows), identities


def replayed(rows: Iterable[Row], objects: Path) -> list[Received]:
    """Every dead letter's message as `salesintel replay` publishes it."""
    messages = []
    for letter in rows:
        if isinstance(letter, DeadLetter):
            message = message_of(letter, FolderStore(objects))
            assert message is not None
            _, data, attributes = message
            messages.append(Received(data, attributes, f"{letter.message_id}-again", LATER))
    return messages


def people(rows: Iterable[Row]) -> dict[str, Any]:
    shown = latest(rows, without=())["sales.people"]
    return {row["record_key"]: row for row in shown.values()}


@pytest.mark.parametrize(
    "broken", [refusing_ann, failing_on_ann, failing_with_words_that_no_table_holds]
)
def test_what_a_parser_refused_comes_back_when_it_is_mended(
    parser: Any, tmp_path: Path, broken: Any
) -> None:
    parser(broken)
    before = rows_of([contact(ANN, "m-1"), contact(BEN, "m-2")])
    [letter] = [row for row in before if isinstance(row, DeadLetter)]
    assert (letter.stage, letter.message_id, letter.attempt) == ("normalise", "m-1", 1)
    assert list(people(before)) == ["hubspot:contact:2"]
    parser(normalise_hubspot)
    after = rows_of(replayed(before, tmp_path), clock=later)
    assert not any(isinstance(row, DeadLetter) for row in after)
    everything = [*before, *after]
    ann = people(everything)["hubspot:contact:1"]
    assert (ann["given_name"], ann["attempt"], ann["lane"]) == ("Ann", 2, "replay")
    assert "hubspot:contact:1" in {row.record_key for row in after if isinstance(row, Link)}
    assert [row for row in everything if isinstance(row, DeadLetter)] == [letter]
    [settled] = [row for row in everything if isinstance(row, Replay)]
    assert (settled.change_id, settled.attempt) == (letter.change_id, letter.attempt + 1)


def test_what_is_refused_again_is_another_dead_letter_and_the_first_stays(
    parser: Any, tmp_path: Path
) -> None:
    parser(refusing_ann)
    rows = rows_of([contact(ANN)])
    for _ in range(2):
        newest = max(
            (row for row in rows if isinstance(row, DeadLetter)), key=lambda row: row.attempt
        )
        rows += rows_of(replayed([newest], tmp_path), clock=later)
    letters = [row for row in rows if isinstance(row, DeadLetter)]
    assert [letter.attempt for letter in letters] == [1, 2, 3]
    assert len({letter.dead_letter_id for letter in letters}) == 3
    assert not any(isinstance(row, Replay) for row in rows), "nothing is settled"
    assert {letter.payload for letter in letters} == {contact(ANN).data}


def as_replayed(messages: Iterable[Received], tmp_path: Path) -> list[Received]:
    """The messages of accepted changes, once more as a replay has them."""
    letters = [
        dead_letter(
            Original(one.data, one.attributes, one.message_id, one.publish_time),
            "normalise",
            InvalidPayload("wrongly refused"),
            now=NOW,
            job_name="test",
        )
        for one in messages
        if "ce-id" in one.attributes
    ]
    return replayed(letters, tmp_path)


@pytest.mark.no_cover
@pytest.mark.slow
def test_a_replay_of_what_was_accepted_changes_no_view(
    company: CompanyMessages, tmp_path: Path
) -> None:
    messages, settings, _ = company
    alone = rows_of(messages, settings)
    both = [*messages, *as_replayed(messages, tmp_path)]
    rows = rows_of(both, settings)
    accepted = [row.attempt for row in rows if isinstance(row, RawChange)]
    assert accepted.count(2) == accepted.count(1), "a replay is not swallowed"
    assert_same_views(rows, alone, without=VOLATILE | {"attempt", "lane"})


def test_a_mended_parser_that_reads_another_row_wins_though_the_version_is_the_same(
    parser: Any, tmp_path: Path
) -> None:
    parser(misreading_names)
    before = rows_of([contact(ANN)])
    assert people(before)["hubspot:contact:1"]["given_name"] == "?"
    parser(normalise_hubspot)
    after = rows_of(as_replayed([contact(ANN)], tmp_path), clock=later)
    for rows in ([*before, *after], [*after, *before]):
        ann = people(rows)["hubspot:contact:1"]
        assert (ann["given_name"], ann["written_at"]) == ("Ann", LATER)
    assert sum(isinstance(row, Person) for row in [*before, *after]) == 2, "both rows are kept"
