"""Who may read what: each reader the texts of his mailboxes, and facts and subjects of all."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import bigquery
from msgspec.structs import replace
from view_warehouse import fill, moment, served_warehouse

from schemas.errors import ConfigurationError
from warehouse.access import (
    MOST_POLICIES,
    RESTRICTED,
    Authorisation,
    authorisations,
    granted,
    policies,
    reader_row,
)
from warehouse.catalogue import qualified, views
from warehouse.clients import Endpoint, bigquery_client

ADMIN = "serviceAccount:pipeline@p.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bigquery.Client, Endpoint]]:
    with served_warehouse(tmp_path_factory.mktemp("access")) as (client, endpoint):
        written(client)
        yield client, endpoint


def written(client: bigquery.Client) -> None:
    def version(key: str, change: str, **fields: Any) -> dict[str, Any]:
        return {"record_key": key, "change_id": change, "part": "message", **fields}

    def begins(subject: str) -> dict[str, Any]:
        return {"snippet": f"Begins: {subject}", "interaction_id": subject}

    ada, bo = {"mailbox": "ada@own.example"}, {"mailbox": "bo@own.example"}
    later = {"version_stamp": moment("now - 5s"), "written_at": moment("now - 5s")}
    fill(
        client,
        "sales.interactions",
        [
            version("gmail:message:a", "a1", subject="Of Ada", **begins("Of Ada"), **ada),
            version("gmail:message:b", "b1", subject="Of Bo", **begins("Of Bo"), **bo),
            version("gmail:message:d", "d1", subject="Not sent", is_draft=True, **bo),
            version("hubspot:note:n", "n1", subject="Note", **begins("Note")),
            version("dialpad:transcript:t", "t1", subject="Call"),
            version("gmail:message:old", "o1", subject="With text", **ada),
            version("gmail:message:old", "o2", subject="Without", **ada, **later),
        ],
    )
    body = version("gmail:message:a", "a1", body="text of Ada", **ada)
    fill(
        client,
        "sales.bodies",
        [
            body,
            body,
            version("gmail:message:b", "b1", body="text of Bo", **bo),
            version("gmail:message:d", "d1", body="not sent", **bo),
            version("hubspot:note:n", "n1", body="text of the note"),
            version("gmail:message:old", "o1", body="no longer there", **ada),
        ],
    )
    said = version("dialpad:transcript:t", "t1", transcript="text of the call")
    fill(client, "sales.transcripts", [said])
    fill(
        client,
        "ops.readers",
        [
            {"reader": "ada@own.example", "mailbox": "ada@own.example"},
            {"reader": "bo@own.example", "mailbox": "bo@own.example"},
            {"reader": "bo@own.example", "mailbox": "ada@own.example"},
            {
                "reader": "bo@own.example",
                "mailbox": "ada@own.example",
                "revoked": True,
                "granted_at": moment("now - 5s"),
            },
            {"reader": "boss@own.example", "mailbox": "*"},
        ],
    )


def asked(endpoint: Endpoint, reader: str | None, sql: str) -> list[dict[str, Any]]:
    client = bigquery_client(replace(endpoint, reader=reader))
    rows = client.query(qualified(sql, client.project), retry=None, job_retry=None).result()
    found = [dict(row) for row in rows]
    client.close()
    return found


TEXTS = {
    "ada@own.example": {"Of Ada": "text of Ada"},
    "Bo@Own.example": {"Of Bo": "text of Bo"},
    "boss@own.example": {
        "Of Ada": "text of Ada",
        "Of Bo": "text of Bo",
        "Note": "text of the note",
        "Call": "text of the call",
    },
    "stranger@own.example": {},
    None: {},
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", TEXTS, ids=str)
def test_a_reader_sees_every_subject_and_the_texts_that_were_granted(
    world: tuple[bigquery.Client, Endpoint], reader: str | None
) -> None:
    rows = asked(world[1], reader, "SELECT subject, body FROM `sales.messages`")
    assert sorted(row["subject"] for row in rows) == ["Call", "Note", "Of Ada", "Of Bo", "Without"]
    assert {row["subject"]: row["body"] for row in rows if row["body"]} == TEXTS[reader]


@pytest.mark.slow
@pytest.mark.parametrize("reader", TEXTS, ids=str)
def test_the_beginning_of_a_text_is_shown_and_found_where_the_text_is(
    world: tuple[bigquery.Client, Endpoint], reader: str | None
) -> None:
    rows = asked(
        world[1], reader, "SELECT subject, snippet, search_text FROM `sales.communications`"
    )
    mails = {row["subject"]: row for row in rows if row["subject"] in ("Of Ada", "Of Bo", "Note")}
    assert mails.keys() == {"Of Ada", "Of Bo", "Note"}
    for subject, row in mails.items():
        may = subject in TEXTS[reader]
        assert row["snippet"] == (f"Begins: {subject}" if may else None)
        assert ("begins:" in row["search_text"]) == may


@pytest.mark.slow
def test_an_empty_copy_of_ones_own_shows_nothing_of_anothers(
    world: tuple[bigquery.Client, Endpoint],
) -> None:
    mine = {"record_key": "gmail:message:mine", "change_id": "m1", "part": "message"}
    mine |= {"interaction_id": "Of Bo", "mailbox": "ada@own.example"}
    mine |= {"version_stamp": moment("now - 1s"), "written_at": moment("now - 1s")}
    fill(world[0], "sales.interactions", [mine])
    words = "SELECT text AS snippet FROM `sales.interaction_texts` WHERE text LIKE '%begins%bo%'"
    shown = "SELECT snippet FROM `sales.communications` WHERE interaction_id = 'Of Bo'"
    assert asked(world[1], "ada@own.example", words) == []
    assert asked(world[1], "ada@own.example", shown) == [{"snippet": None}]
    assert asked(world[1], "bo@own.example", shown) == [{"snippet": "Begins: Of Bo"}]


@pytest.mark.slow
def test_the_policies_let_each_reader_see_the_rows_of_his_mailboxes(
    world: tuple[bigquery.Client, Endpoint],
) -> None:
    client, endpoint = world
    grants = granted(client)
    assert grants == {
        "ada@own.example": ("ada@own.example",),
        "bo@own.example": ("bo@own.example",),
        "boss@own.example": ("*",),
    }
    made = policies(grants, client.project, [ADMIN])
    assert len(made) == 4 + 2 + 2
    # The embedded warehouse does not know IF EXISTS here.
    made = [statement for statement in made if statement.startswith("CREATE")]
    for statement in made:
        client.query(statement, retry=None, job_retry=None).result()
    try:
        sql = "SELECT DISTINCT body FROM `sales.bodies` ORDER BY body"
        of = {who: [row["body"] for row in asked(endpoint, who, sql)] for who in TEXTS}
    finally:
        for statement in made:
            drop = statement.replace("CREATE OR REPLACE", "DROP").partition(" GRANT")[0]
            client.query(drop, retry=None, job_retry=None).result()
    assert of["ada@own.example"] == ["no longer there", "text of Ada"]
    assert len(of["boss@own.example"]) == 5
    assert of["stranger@own.example"] == []


def test_every_view_for_reps_and_managers_is_authorised_on_all_that_stands_behind_it() -> None:
    made = authorisations()
    assert {one.view_id for one in made} == {
        view.id for view in views().values() if set(view.metadata.readers) - {"operator"}
    }
    assert Authorisation("sales.messages", "ops") in made
    assert Authorisation("sales.account_timeline", "identity") in made


def test_a_policy_takes_members_and_addresses_alone() -> None:
    for wrong in ([], ["pipeline"], ["user:a'b"], ["user:"]):
        with pytest.raises(ConfigurationError):
            policies({}, "p", wrong)
    with pytest.raises(ConfigurationError, match="quote"):
        policies({"a": ["x' OR TRUE --"]}, "p", [ADMIN])
    with pytest.raises(ConfigurationError, match="fewer"):
        policies({f"r{n}": ["m"] for n in range(MOST_POLICIES)}, "p", [ADMIN])
    assert len(policies({}, "p", [ADMIN])) == len(RESTRICTED)


def test_whoever_lost_a_grant_loses_the_policy_that_it_had_made() -> None:
    reader = "rep@own.example"

    def names(grants: dict[str, tuple[str, ...]], verb: str) -> set[str]:
        made = policies(grants, "p", [ADMIN])
        found = (one.partition(" GRANT")[0] for one in made if one.startswith(verb))
        return {one.partition("POLICY ")[2] for one in found if "reader_" in one}

    had = names({reader: ("*",)}, "CREATE OR REPLACE")
    assert len(had) == len(RESTRICTED)
    dropped = {one.removeprefix("IF EXISTS ") for one in names({reader: ()}, "DROP")}
    assert dropped == had
    # Of every mailbox one is left: calls are in none.
    left = {reader: (reader,)}
    assert (
        names(left, "CREATE OR REPLACE")
        | {one.removeprefix("IF EXISTS ") for one in names(left, "DROP")}
        == had
    )


def test_a_grant_names_addresses_in_one_form() -> None:
    row = reader_row("Ada@Own.example", "*", by="root", now=5)
    assert (row.reader, row.mailbox, row.revoked) == ("ada@own.example", "*", False)
    assert reader_row("a@x.example", "B@x.example", by="", now=5).mailbox == "b@x.example"
    for reader, mailbox in (("ada", "*"), ("a@x.example", "all")):
        with pytest.raises(ConfigurationError, match="no e-mail address"):
            reader_row(reader, mailbox, by="root", now=5)
