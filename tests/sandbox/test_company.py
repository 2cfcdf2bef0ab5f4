"""The seeded company is the same every time, and its truth accounts for all that it writes."""

import csv
import json
from pathlib import Path

import pytest

from connectors.files import BadInput, ImportOptions, plan, read
from sandbox.company import SMALL, Company, Scale, export, generate
from sandbox.company.ids import salesforce_id
from sandbox.company.world import AS_OF_US
from sandbox.evaluate import Pairs, Rate, Sighting, match_rate, pairs


@pytest.fixture(scope="module")
def company() -> Company:
    return generate(seed=3, scale=SMALL)


def tree(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_a_seed_gives_the_same_bytes_every_time(tmp_path: Path) -> None:
    export(generate(seed=3, scale=SMALL), tmp_path / "one")
    export(generate(seed=3, scale=SMALL), tmp_path / "two")
    export(generate(seed=4, scale=SMALL), tmp_path / "three")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert tree(tmp_path / "one") != tree(tmp_path / "three")


def test_a_company_may_have_more_accounts_than_there_are_names() -> None:
    large = generate(seed=3, scale=Scale(accounts=3_000, people=20, reps=1, mails=5, calls=5))
    names = {account.name for account in large.accounts}
    domains = {domain for account in large.accounts for domain in account.domains}
    assert len(names) == len(large.accounts) == 3_000
    assert len(domains) >= 3_000


def test_the_truth_accounts_for_every_row_and_mail(company: Company, tmp_path: Path) -> None:
    manifest = export(company, tmp_path)
    rows = 0
    for path in tmp_path.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            rows += sum(1 for _ in csv.reader(lines)) - 1
    mails = sum(
        line.startswith(b"From ")
        for path in (tmp_path / "mail").glob("*.mbox")
        for line in path.read_bytes().splitlines()
    )
    assert rows + mails == manifest.inputs


@pytest.mark.parametrize(
    "scale", [Scale(1, 1, 1, 0, 0), Scale(1, 1, 1, 1, 1), Scale(2, 4, 1, 9, 2)]
)
def test_a_company_may_be_very_small(scale: Scale, tmp_path: Path) -> None:
    for seed in range(4):
        manifest = export(generate(seed, scale), tmp_path / str(seed))
        options = ImportOptions(as_of=AS_OF_US)
        found = list(read(plan(manifest.imports, options), options))
        assert len(found) == manifest.inputs
        assert sum(isinstance(one, BadInput) for one in found) == manifest.bad


def test_mails_that_arrive_later_are_in_no_mailbox(company: Company, tmp_path: Path) -> None:
    every = export(company, tmp_path / "every")
    some = export(company, tmp_path / "some", later=5)
    assert (len(every.later), len(some.later), some.inputs) == (0, 5, every.inputs)
    whole = b"".join(path.read_bytes() for path in (tmp_path / "every/mail").iterdir())
    rest = b"".join(path.read_bytes() for path in (tmp_path / "some/mail").iterdir())
    late = [path.read_bytes() for path in some.later]
    assert all(mail in whole and mail not in rest for mail in late)
    assert len(whole) == len(rest) + sum(map(len, late))


def test_the_truth_knows_every_record_that_it_names(company: Company, tmp_path: Path) -> None:
    export(company, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text("utf-8"))
    assert set(truth["in_crm"]) <= set(truth["records"].values())
    assert all(key in truth["records"] for keys in truth["mails"].values() for key in keys)
    assert all(key in truth["records"] for key in truth["calls"].values())


def test_salesforce_ids_carry_their_checksum() -> None:
    identifier = salesforce_id("Account", 12_345_678)
    assert len(identifier) == 18
    flags = [sum(1 << i for i in range(5) if identifier[s + i].isupper()) for s in (0, 5, 10)]
    assert identifier[15:] == "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[flag] for flag in flags)


def test_a_match_counts_only_when_it_is_the_true_person() -> None:
    truth = {
        "salesforce:contact:1": "person-1",
        "salesforce:contact:2": "person-2",
        "gmail:address:a": "person-1",
        "gmail:address:b": "person-2",
        "gmail:address:c": "person-3",
    }
    links = {
        "salesforce:contact:1": "e1",
        "salesforce:contact:2": "e2",
        "gmail:address:a": "e1",
        "gmail:address:b": "e1",
        "gmail:address:c": "e3",
    }
    seen = [Sighting(truth[key], key) for key in [*list(truth)[2:], "gmail:address:a"]]
    rate = match_rate(seen, links, truth, {"person-1", "person-2"})
    assert rate == Rate(matched=3, wrong=1, total=4)
    assert (rate.rate, rate.precision) == (0.75, 0.75)
    assert pairs(links, truth) == Pairs(right=1, wrong=2, missed=1)


def test_a_participant_that_the_system_does_not_show_is_not_matched() -> None:
    links = truth = {"salesforce:contact:1": "person-1", "gmail:address:a": "person-1"}
    seen = [Sighting("person-1", "gmail:address:a"), Sighting("person-1", "")]
    assert match_rate(seen, links, truth, {"person-1"}) == Rate(matched=1, wrong=0, total=2)


def test_a_switchboard_counts_for_its_account() -> None:
    truth = {"salesforce:account:1": "account-1", "dialpad:number:n": "account-1"}
    links = {"salesforce:account:1": "a1", "dialpad:number:n": "n1"}
    seen = [Sighting("account-1", "dialpad:number:n")]
    assert match_rate(seen, links, truth, (), {"n1": "a1"}).rate == 1.0
    assert match_rate(seen, links, truth, (), {}).rate == 0.0


def test_nothing_to_match_is_no_failure() -> None:
    assert match_rate([], {}, {}, ()).rate == 1.0
    assert match_rate([], {}, {}, ()).precision == 1.0
    assert pairs({}, {}).f1 == 1.0
