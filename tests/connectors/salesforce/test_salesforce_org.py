"""Fetching, counting and checking; and the simulated org itself takes nothing that is no SOQL."""

from pathlib import Path

import pytest
from conformance import Run
from salesforce_harness import SECRET, salesforce

from connectors.exclusions import Exclusions
from connectors.salesforce.soql import Bounds, Key, quoted_id, select, where
from sandbox.vendors.faults import Fault
from sandbox.vendors.salesforce.schema import entities
from sandbox.vendors.salesforce.soql import SoqlError, parse
from schemas.change import Change
from schemas.errors import ConfigurationError, SkippableError
from transforms.normalise.context import context_of
from transforms.normalise.salesforce import normalise_salesforce
from transforms.settings import Settings


def test_records_are_fetched_whole_by_their_ids_and_what_is_nowhere_is_counted() -> None:
    with salesforce() as harness:
        ids = list(harness.org.newest("Contact"))[:3]
        harness.org.delete("Contact", ids[2])
        pages = list(harness.connector().fetch("contact", [*ids, "0035w00000ZZZZZAAA"]))
        (page,) = pages
        assert {one.object_id for one in page.changes} == set(ids)
        assert sorted(one.operation for one in page.changes) == ["delete", "upsert", "upsert"]
        assert page.notes == {"missing": 1}
        harness.settings["uri_bytes"] = 4_200
        (again,) = harness.connector().fetch("Contact", ids)
        assert {one.change_id for one in again.changes} == {one.change_id for one in page.changes}
        with pytest.raises(SkippableError):
            list(harness.connector().fetch("contact", ["' OR Id != '"]))
        with pytest.raises(ConfigurationError, match="there are account"):
            list(harness.connector().fetch("invoice", []))


def test_counts_are_of_what_lives_archived_or_not() -> None:
    with salesforce() as harness:
        tasks = len(harness.org.newest("Task"))
        harness.org.create("Task", Subject="Old", IsArchived=True)
        harness.org.delete("Contact", next(iter(harness.org.newest("Contact"))))
        found = harness.connector().counts(("task", "Contact", "User"))
        assert found == {
            "task": tasks + 1,
            "contact": len(harness.org.newest("Contact")) - 1,
            "user": len(harness.org.newest("User")),
        }


def test_a_check_says_what_is_well_and_what_to_grant() -> None:
    with salesforce() as harness:
        findings = list(harness.connector().check())
        assert all(one.ok for one in findings), findings
        assert findings[0].what == "salesforce login"
        assert not harness.server.seen.queries
        harness.org.remove_field("Contact", "Email")
        harness.faults.switch_on(Fault(name="forbidden", route="sobjects/Lead"))
        wrong = {one.what: one for one in harness.connector().check() if not one.ok}
        assert set(wrong) == {"salesforce Contact", "salesforce Lead"}
        assert "Email" in wrong["salesforce Contact"].found
        assert "View All on Lead" in wrong["salesforce Lead"].fix


def test_a_check_of_a_refused_login_stops_there() -> None:
    with salesforce() as harness:
        harness.vault.values[SECRET] = "wrong"
        (finding,) = harness.connector().check()
        assert (finding.ok, "invalid_client" in finding.found) == (False, True)


def test_every_change_of_the_org_becomes_rows(tmp_path: Path) -> None:
    """What the connector publishes is what the normaliser reads."""
    with salesforce() as harness:
        run = Run(harness, tmp_path)
        run.round()
        context = context_of(Settings())
        for change in run.collector.changes:
            assert isinstance(change, Change)
            assert normalise_salesforce(change, context, change.fetched)


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id FROM Contact WHERE Id = 'a' AND Id = 'b' OR Id = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id, Id FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact LIMIT x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact; DROP", "MALFORMED_QUERY"),
        ("SELECT * FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Nope__c FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > 2026-01-01", "INVALID_FIELD"),
        ("SELECT Id FROM Invoice", "INVALID_TYPE"),
    ],
)
def test_the_simulated_org_takes_only_soql(soql: str, code: str) -> None:
    with pytest.raises(SoqlError) as refused:
        parse(soql, entities())
    assert refused.value.code == code


def test_a_key_parts_rows_as_it_should() -> None:
    rows = [
        {"Id": f"0035w000000000{n}AAA", "SystemModstamp": f"2026-01-01T00:00:0{s}.000+0000"}
        for s in (1, 2)
        for n in (1, 2, 3)
    ]
    second = 1_767_225_601_000_000
    for after in range(6):
        stamp = second + after // 3 * 1_000_000
        bounds = Bounds(Key(stamp, rows[after]["Id"]))
        soql = select(("Id",), "Contact", where("SystemModstamp", bounds))
        query = parse(soql + " ORDER BY SystemModstamp, Id", entities())
        assert query.run(list(reversed(rows))) == rows[after + 1 :]
        upto = Bounds(Key(second), Key(stamp, rows[after]["Id"]), stamp + 5_000_000)
        query = parse(select(("Id",), "Contact", where("SystemModstamp", upto)), entities())
        assert query.run(rows) == rows[: after + 1]


def test_nothing_but_an_id_is_put_into_a_query() -> None:
    assert quoted_id("0035w0000000001") == "'0035w0000000001AAA'"
    for text in ("", "x", "0035w000000000'", "0035w0000000001AAA' OR Id != '"):
        with pytest.raises(SkippableError):
            quoted_id(text)
    with pytest.raises(SkippableError):
        select(("Id FROM User",), "Contact", "")


def test_exclusions_keep_records_and_mails_out_and_everything_is_accounted_for(
    tmp_path: Path,
) -> None:
    with salesforce(empty=True) as harness:
        kept = harness.org.create("Contact", LastName="Kept")
        secret = harness.org.create("Contact", LastName="Secret")
        harness.org.create(
            "EmailMessage", FromAddress="a@own.example", ToAddress="x@y.example; b@law.example"
        )
        harness.org.create("EmailMessage", FromAddress="hr@own.example", ToAddress="a@own.example")
        harness.org.create("EmailMessage", FromAddress="a@own.example", ToAddress="c@c.example")
        harness.exclusions = Exclusions(
            records=(f"salesforce:contact:{secret}",),
            domains=("law.example",),
            senders=("hr@own.example",),
        )
        harness.objects = ("Contact", "EmailMessage")
        run = Run(harness, tmp_path)
        outcome = run.round()
        assert (outcome.changes, outcome.excluded, outcome.bad) == (2, 3, 0)
        assert f"salesforce:contact:{kept}" in run.collector.newest()
        assert run.round().changes == 0
