"""The commands on who is who, over a warehouse that holds a small company and a file of records."""

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import msgspec
import pytest
from held_company import Held, running_on, small_company, write
from msgspec.structs import replace
from provisioned import provisioned
from typer.testing import CliRunner

from embedded.directory import DataDirectory
from embedded.warehouse import WarehouseServer
from operations import cli
from sandbox.company.world import AS_OF_US
from schemas.identity import Override
from transforms.identity.weighed.weights import SHIPPED, read_model, write_model
from warehouse.clients import bigquery_client
from warehouse.query import run_sql

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("identity_commands")]

MOMENTS = count(AS_OF_US)
"""One after the other: the newest decision counts."""
ASKING = (("explain", "x"), ("candidates",), ("match-report",), ("train", "--out", "m.json"))
INJECTIONS = (
    "x' OR '1'='1",
    "x') OR TRUE --",
    "'; DROP TABLE `identity.links`; --",
    'x" UNION ALL SELECT * FROM `raw.changes` --',
    "\x1b[2J[/red]name",
)
INJECTION_IDS = ("or", "comment", "drop", "union", "terminal")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    with small_company(tmp_path_factory.mktemp("identity")) as held:
        yield held


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text))


def several(held: Held) -> tuple[str, list[str]]:
    """A published person with a CRM record and others, and its records."""
    entities: dict[str, list[str]] = {}
    for key, entity_id in sorted(held.links().items()):
        entities.setdefault(entity_id, []).append(key)
    return min(
        (entity_id, keys)
        for entity_id, keys in entities.items()
        if len(keys) > 2 and entity_id.startswith("p-") and any("contact" in key for key in keys)
    )


def test_explain_says_why_of_a_record_and_shows_what_is_published_beside_it(held: Held) -> None:
    entity_id, keys = several(held)
    [key, *_] = [key for key in keys if "contact" in key]
    result = held.call("explain", key)
    assert result.exit_code == 0, result.output
    said = plain(result.stdout)
    assert f"weighed with model {SHIPPED.version}" in said
    assert f"{key} belongs to p-" in said
    assert "before" in said
    assert "level 5/5" in said
    assert "next candidate" in said
    assert f"published: {entity_id} by " in said
    assert f"{len(keys)} records, decided " in said
    assert all(key in said for key in keys)


def test_explain_takes_the_id_of_a_published_entity_too(held: Held) -> None:
    entity_id, keys = several(held)
    said = plain(held.call("explain", entity_id).stdout)
    assert f"{entity_id} is an entity; of its records" in said
    assert any(f"{key} belongs to" in said for key in keys)


def test_explain_says_by_which_pairs_a_published_entity_is_held_together(held: Held) -> None:
    entity_id, keys = several(held)
    client = bigquery_client(held.server.endpoint)
    sql = "SELECT * FROM `identity.evidence_latest` WHERE entity_id = @entity"
    evidence = run_sql(client, sql, {"entity": entity_id}).rows
    client.close()
    assert len(evidence) == len(keys) - 1
    said = plain(held.call("explain", keys[0]).stdout)
    for row in evidence:
        assert f"{row['left_key']} – {row['right_key']} by {row['method']}, p " in said


def test_whoever_looks_is_noted_and_of_whom_he_looked_at_the_entity_alone(held: Held) -> None:
    entity_id, keys = several(held)
    for name in (keys[0], entity_id):
        assert held.call("explain", name).exit_code == 0
        row = held.noted()
        assert (row.command, row.outcome) == ("explain", "succeeded")
        assert row.rows_given
        said = json.loads(row.parameters)
        assert said.keys() == {"model", "records", "entities"}
        assert said["records"] > len(held.links()) / 2
        assert entity_id in said["entities"]
        assert not [key for key in held.links() if key in row.parameters]
    listed = json.loads(held.call("candidates", "--limit", 3, "--format", "json").stdout)
    row = held.noted()
    assert (row.command, row.outcome, row.rows_given) == ("candidates", "succeeded", len(listed))
    assert json.loads(row.parameters) == {"limit": 3}
    assert held.call("explain", "nobody").exit_code == 2
    assert held.noted() == row, "nothing was shown"


def test_candidates_are_those_that_the_pipeline_has_written(held: Held) -> None:
    links = held.links()
    asked = json.loads(held.call("candidates", "--format", "json").stdout)
    assert asked
    assert [row["p"] for row in asked] == sorted((row["p"] for row in asked), reverse=True)
    for row in asked:
        assert links[row["record"]] != links[row["other"]]
        assert row["why"] in ("near", "ambiguous", "rule", "outvoted")
        assert row["name"]
        assert row["other_name"]
        assert row["pairs"] >= 1
    between = [frozenset((links[row["record"]], links[row["other"]])) for row in asked]
    assert len(set(between)) == len(between), "of every two entities one pair"
    first = asked[0]
    said = plain(held.call("explain", first["record"]).stdout)
    assert f"it may be {first['other']}, p {first['p']:.4f} ({first['why']})" in said
    table = held.call("candidates", "--limit", 2).stdout
    assert "decide: salesintel link RECORD OTHER" in plain(table)


def test_candidates_of_a_model_come_as_table_csv_and_json_the_likeliest_first(held: Held) -> None:
    as_json = json.loads(
        held.call("candidates", "--model", "shipped", "--limit", 7, "--format", "json").stdout
    )
    as_csv = list(
        csv.DictReader(
            io.StringIO(
                held.call(
                    "candidates", "--model", "shipped", "--limit", 7, "--format", "csv"
                ).stdout
            )
        )
    )
    assert 0 < len(as_json) <= 7
    assert [row["record"] for row in as_csv] == [row["record"] for row in as_json]
    assert [row["bits"] for row in as_json] == sorted((r["bits"] for r in as_json), reverse=True)
    assert all(row["bits"] > 0 and 0.5 <= row["p"] <= 1 and row["keys"] for row in as_json)
    table = held.call("candidates", "--model", "shipped", "--limit", 7).stdout
    assert "decide: salesintel link RECORD OTHER" in plain(table)
    assert max(map(len, table.splitlines())) <= 100


def test_a_pair_that_somebody_told_apart_is_not_asked_about_again(held: Held) -> None:
    first = json.loads(held.call("candidates", "--model", "shipped", "--format", "json").stdout)[0]
    left, right = sorted((first["record"], first["other"]))
    with decided(held, left, right, "different"):
        rest = json.loads(
            held.call(
                "candidates", "--model", "shipped", "--limit", 1000, "--format", "json"
            ).stdout
        )
        assert {left, right} not in [{row["record"], row["other"]} for row in rest]
        said = plain(held.call("explain", left).stdout)
        assert "(a person decided: different)" in said
        report = json.loads(held.call("match-report", "--format", "json").stdout)
        [review] = [row for row in report["rates"] if row["known_by"] == "review"]
        assert review["of_known"] == 0, "the engine had not put them together by itself"
        assert sum(row["known"] for row in report["calibration"]) == 1
    again = json.loads(held.call("candidates", "--model", "shipped", "--format", "json").stdout)[0]
    assert again == first


def test_what_somebody_decided_holds_under_every_model(held: Held, tmp_path: Path) -> None:
    links = sorted(held.links().items())
    contacts = [(key, entity_id) for key, entity_id in links if ":contact:" in key]
    (left, one), *others = contacts
    right = next(key for key, other in others if other != one)
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert held.call("train", "--out", first).exit_code == 0
    with decided(held, left, right, "same"):
        said = plain(held.call("explain", left).stdout)
        assert f"{left} – {right}" in said
        assert "(decided)" in said
        assert "(a person decided: same)" in said
        trained = plain(held.call("train", "--out", second, "--model", first).stdout)
        assert "0 would split, 0 would merge" in trained
        report = json.loads(held.call("match-report", "--format", "json").stdout)
        [review] = [row for row in report["rates"] if row["known_by"] == "review"]
        assert (review["matched"], review["of"], review["precision"]) == (0, 1, None)


@contextmanager
def decided(held: Held, left: str, right: str, verdict: str) -> Iterator[None]:
    """Within, a decision stands; after it, it is taken back."""
    newest = next(MOMENTS)
    row = Override(
        left_key=left,
        right_key=right,
        verdict=verdict,
        decided_at=newest,
        decided_by="ana",
        asked_left=left,
        asked_right=right,
        decision_id=f"d{newest}",
        message_id="m",
        publish_time=newest,
        written_at=newest,
    )
    write(held, row)
    try:
        yield
    finally:
        write(held, replace(row, verdict="withdrawn", decided_at=next(MOMENTS), decision_id="w"))


def test_the_report_never_gives_a_rate_without_its_precision(held: Held, tmp_path: Path) -> None:
    report = json.loads(held.call("match-report", "--format", "json").stdout)
    rates = {row["what"]: row for row in report["rates"]}
    assert {row["known_by"] for row in report["rates"]} == {"promise"}
    for what in ("participants of mails", "numbers of calls"):
        assert 0 < rates[what]["matched"] <= rates[what]["of"]
        assert 0.5 < rates[what]["precision"] <= 1
    assert report["largest components"][0]["records"] > 2
    assert all(row["held"] is None for row in report["calibration"])

    truth = tmp_path / "truth.csv"
    with truth.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "truth"))
        writer.writerows(sorted(held.company.truth.records.items()))
    told = json.loads(held.call("match-report", "--truth", truth, "--format", "json").stdout)
    by_truth = {row["what"]: row for row in told["rates"]}
    mails = by_truth["participants of mails"]
    assert (mails["known_by"], mails["matched"]) == (
        "truth",
        rates["participants of mails"]["matched"],
    )
    assert mails["precision"] > 0.95
    assert by_truth["pairs of records"]["precision"] > 0.9
    assert sum(row["known"] for row in told["calibration"]) > 50
    wrong = tmp_path / "wrong.csv"
    keys = enumerate(sorted(held.company.truth.records))
    wrong.write_text("id,truth\n" + "".join(f"{key},{number}\n" for number, key in keys))
    denied = json.loads(held.call("match-report", "--truth", wrong, "--format", "json").stdout)
    assert [row["precision"] for row in denied["rates"] if row["known_by"] == "truth"] == [0, 0, 0]

    table = held.call("match-report", "--truth", truth).stdout
    assert max(map(len, table.splitlines())) <= 100
    for heading in ("rates", "calibration", "largest components", "hot keys"):
        assert heading in table


def test_mails_and_calls_are_counted_as_the_warehouse_has_them(held: Held) -> None:
    report = json.loads(held.call("match-report", "--format", "json").stdout)
    of = {row["what"]: row["of"] for row in report["rates"]}
    sql = """
      SELECT COUNT(DISTINCT CONCAT(party.interaction_id, party.party_key)) AS n
      FROM `sales.interaction_parties` AS party
      JOIN `sales.communications` AS one ON one.interaction_id = party.interaction_id
      WHERE one.kind = 'call' AND party.phone IS NOT NULL AND NOT party.is_internal
    """
    client = bigquery_client(held.server.endpoint)
    assert of["numbers of calls"] == run_sql(client, sql).rows[0]["n"]
    client.close()


@pytest.mark.parametrize(("named", "used"), [("two.json", "two"), ("exact", SHIPPED.version)])
def test_what_is_asked_is_weighed_with_the_model_of_the_stack(
    held: Held, tmp_path: Path, named: str, used: str
) -> None:
    write_model(msgspec.structs.replace(SHIPPED, version="two"), tmp_path / "two.json")
    settings = tmp_path / "salesintel.toml"
    settings.write_text(f'identity_model = "{named}"\n')
    _, [key, *_] = several(held)
    with running_on(DataDirectory(tmp_path / "data"), held.server, str(settings)) as path:
        result = held._replace(path=path).call("explain", key)
    assert f"weighed with model {used}" in plain(result.stdout)


def test_training_keeps_a_model_and_says_what_it_would_change(held: Held, tmp_path: Path) -> None:
    out = tmp_path / "model.json"
    result = held.call("train", "--out", out)
    assert result.exit_code == 0, result.output
    said = plain(result.stdout)
    assert "people: fitted to about" in said
    assert re.search(r"[\d,]+ records: [\d,]+ entities under shipped-\d, [\d,]+ under fit-", said)
    assert "nothing uses it yet" in said
    fitted = read_model(out)
    assert fitted.version.startswith("fit-")
    again = held.call("train", "--out", out)
    assert again.exit_code == 2
    assert "a model is never changed" in plain(again.stderr)
    same = plain(held.call("train", "--out", tmp_path / "b.json", "--model", out).stdout)
    assert "0 would split, 0 would merge, 0 records be with others" in same
    assert (tmp_path / "b.json").read_bytes() == out.read_bytes()
    assert "weighed with model fit-" in plain(
        held.call("explain", several(held)[1][0], "--model", out).stdout
    )


@pytest.mark.parametrize("name", INJECTIONS, ids=INJECTION_IDS)
def test_sql_and_markup_in_a_name_are_a_name(held: Held, name: str) -> None:
    before = held.links()
    for command in (("explain", name), ("link", name, name), ("unlink", "p-00", name)):
        result = held.call(*command)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert "no such record" in plain(result.stderr) or "no record" in plain(result.stderr)
    undo = held.call("link", name, name, "--undo")
    assert undo.exit_code == 2
    assert "stands" in plain(undo.stderr)
    for option in ("--format", "--model"):
        for command in ("candidates", "match-report"):
            refused = held.call(command, option, name)
            assert refused.exit_code == 2, refused.output
    assert held.call("train", "--out", "m.json", "--model", name).exit_code == 2
    assert not Path("m.json").exists()
    assert held.links() == before


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("nobody:contact:1", "p-0"), "no such record or entity"),
        (("p-", "p-1"), "too short"),
        (("salesforce:contact", "p-1"), "may be any of"),
    ],
    ids=["unknown", "short", "ambiguous"],
)
def test_names_that_do_not_say_who_is_meant_are_refused(
    held: Held, names: tuple[str, str], words: str
) -> None:
    for command in ("link", "unlink"):
        result = held.call(command, *names)
        assert (result.exit_code, result.stdout) == (2, "")
        assert words in plain(result.stderr)


def test_a_person_and_an_account_are_never_one(held: Held) -> None:
    links = held.links()
    person = next(key for key, entity_id in sorted(links.items()) if entity_id.startswith("p-"))
    account = next(key for key, entity_id in sorted(links.items()) if entity_id.startswith("a-"))
    result = held.call("link", account, person)
    assert result.exit_code == 2
    assert f"{person} is a person, {account} an account" in plain(result.stderr)
    assert "named twice" in plain(held.call("link", person, person).stderr)


def test_an_empty_warehouse_is_told_as_that(tmp_path: Path) -> None:
    server = WarehouseServer(provisioned(tmp_path / "warehouse"), log=tmp_path / "warehouse.log")
    server.start()
    directory = DataDirectory(tmp_path / "data")
    try:
        with running_on(directory, server) as path:
            for command in ASKING:
                line = [*command, "--data", str(path)]
                result = CliRunner().invoke(cli.app, line, catch_exceptions=False)
                assert result.exit_code == 2
                assert "no records yet" in plain(result.stderr)
    finally:
        server.stop()
