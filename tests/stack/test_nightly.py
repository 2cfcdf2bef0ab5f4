"""All four sources polled into a stack that runs, and looked after for a night."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from running import RunningStack, plain
from test_commands import call
from vendors import (
    DialpadHarness,
    GmailHarness,
    HubSpotHarness,
    SalesforceHarness,
    dialpad,
    dialpad_table,
    gmail,
    gmail_table,
    hubspot,
    hubspot_table,
    salesforce,
    salesforce_table,
)

from connectors.sources import NAMES
from operations.waiting import until_accounted
from sandbox.company import Manifest
from sandbox.company.world import AS_OF_US
from sandbox.vendors.faults import Fault
from sandbox.vendors.gmail.state import ADMIN
from schemas.clock import DAY_US, from_us
from warehouse.held import living_ids
from warehouse.query import run_sql

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

MOST = 100_000
UNTIL = "2026-01-04"
HOOK = "https://hooks.example/webhooks/dialpad"
Key = tuple[str, str, date | None]


class Night(NamedTuple):
    """A stack, its sandboxes, and the settings that lead to them."""

    stack: RunningStack
    gmail: GmailHarness
    salesforce: SalesforceHarness
    hubspot: HubSpotHarness
    dialpad: DialpadHarness
    settings: Path

    def call(self, *arguments: object, settings: Path | None = None) -> Any:
        return call(self.stack, *arguments, "--settings", settings or self.settings)

    def nightly(self, *sources: str, settings: Path | None = None) -> Any:
        return self.call("nightly", *sources, "--until", UNTIL, settings=settings)

    def polled(self) -> None:
        for source in NAMES:
            result = self.call("poll", source)
            assert result.exit_code == 0, result.stderr
        self.written()

    def written(self) -> None:
        with self.stack.warehouse() as client:
            until_accounted(client, sum(run["changes"] + run["failed"] for run in self.runs()))

    def ask(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        with self.stack.warehouse() as client:
            return run_sql(client, sql, values, limit=MOST, whole=True).rows

    def runs(self) -> list[dict[str, Any]]:
        return self.ask("""
          SELECT run_id, MIN(command) AS command, MAX(changes) AS changes, MAX(failed) AS failed,
            MAX_BY(status, noted_at) AS status, MAX_BY(TO_JSON_STRING(detail), noted_at) AS detail
          FROM `ops.runs` GROUP BY run_id ORDER BY MIN(started_at)
        """)

    def told(self, run_id: str) -> dict[Key, int]:
        """What a run was told, by source, object and day."""
        sql = "SELECT * FROM `ops.source_counts` WHERE run_id = @run"
        rows = self.ask(sql, run=run_id)
        found = {
            (row["source"], row["object_type"], row["created_date"]): row["records"] for row in rows
        }
        assert len(found) == len(rows)
        assert not [row for row in rows if row["uncounted"] or "@" in str(row)]
        return found

    def living(self, source: str) -> Counter[str]:
        """Object to the latest living rows in the warehouse."""
        sql = """
          SELECT object_type, COUNT(*) AS n FROM (
            SELECT object_type, operation, record_key FROM `raw.changes` WHERE source = @source
            QUALIFY ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY
              version_stamp DESC, version_fetched DESC, version_digest DESC) = 1)
          -- A user of Dialpad's is listed as deleted, and a tombstone with us.
          WHERE operation = 'upsert'
            AND record_key NOT IN (SELECT record_key FROM `sales.people` WHERE is_deleted)
          GROUP BY object_type
        """
        return Counter({row["object_type"]: row["n"] for row in self.ask(sql, source=source)})

    def has(self) -> dict[Key, int]:
        """What the sandboxes have, by the same keys."""
        found: dict[Key, int] = {}
        days = [from_us(AS_OF_US + n * DAY_US).date() for n in range(3)]
        for name in self.salesforce.org.entities:
            rows = self.salesforce.org.newest(name).values()
            living = [row for row in rows if not row.get("IsDeleted")]
            found["salesforce", name.lower(), None] = len(living)
            for day in days:
                made = [row for row in living if row["CreatedDate"].startswith(f"{day}T")]
                found["salesforce", name.lower(), day] = len(made)
        kinds = {kind.path: kind.name for kind in _kinds()}
        for path, kind in kinds.items():
            records = list(self.hubspot.account.live(path))
            found["hubspot", kind, None] = len(records)
            for day in days:
                made = [one for one in records if from_us(one.created * 1_000).date() == day]
                found["hubspot", kind, day] = len(made)
        found["hubspot", "owner", None] = len(self.hubspot.account.owners)
        users = self.dialpad.state.users.values()
        found["dialpad", "user", None] = sum(user["state"] != "deleted" for user in users)
        found["dialpad", "contact", None] = len(self.dialpad.state.contacts)
        starts = [int(one["date_started"]) * 1_000 for one in self.dialpad.state.listed()]
        for day in days:
            begun = [one for one in starts if from_us(one).date() == day]
            found["dialpad", "call", day] = len(begun)
        found["gmail", "message", None] = len(self.gmail.expected())
        return found


def _kinds() -> Any:
    from connectors.hubspot.kinds import KINDS

    return KINDS.values()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, company: Manifest) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    with gmail() as mail, salesforce() as org, hubspot(check=False) as crm, dialpad() as phones:
        phones.breaks_its_word = True
        mail.mailboxes = (*mail.mailboxes, ADMIN)
        settings = settings_file(folder, company, mail, org, crm, phones)
        stack = RunningStack(folder / "data", settings)
        stack.start()
        try:
            made = Night(stack, mail, org, crm, phones, settings)
            org.org.create("Lead", LastName="Today", Company="New")
            phones.state.new_call(length_s=60)
            phones.pass_time(5)
            crm.change()
            made.polled()
            yield made
        finally:
            code = stack.stop()
    assert code == 0


def settings_file(
    folder: Path,
    company: Manifest,
    mail: GmailHarness,
    org: SalesforceHarness,
    crm: HubSpotHarness,
    phones: DialpadHarness,
) -> Path:
    """The company's settings, and the sandboxes as sources."""
    path = folder / "salesintel.toml"
    tables = (
        gmail_table(folder, mail),
        salesforce_table(folder, org),
        hubspot_table(folder, crm),
        dialpad_table(folder, phones),
    )
    path.write_text("\n".join((company.settings.read_text("utf-8"), *tables)))
    return path


def test_what_each_source_says_it_has_is_what_it_has_and_what_we_hold(night: Night) -> None:
    result = night.nightly()
    assert result.exit_code == 0, result.stderr + result.stdout
    *runs, rules = night.runs()[-5:]
    assert (rules["command"], rules["status"]) == ("quality", "succeeded")
    assert [(run["command"], run["status"]) for run in runs] == [("nightly", "succeeded")] * 4
    assert [json.loads(run["detail"])["source"] for run in runs] == list(NAMES)
    told: dict[Key, int] = {}
    for run in runs:
        told |= night.told(run["run_id"])
    assert told == night.has()
    assert sum(count for (_, _, day), count in told.items() if day) > 0
    for source in NAMES:
        in_all = {name: n for (one, name, day), n in told.items() if one == source and not day}
        held = night.living(source)
        assert in_all == {name: held[name] for name in in_all}
    (rule,) = night.ask(
        "SELECT * FROM `ops.quality_latest` WHERE rule_id = 'ops.source_counts.records.held'"
    )
    assert (rule["rows_checked"], rule["rows_failed"]) == (
        sum(count for (_, _, day), count in told.items() if not day),
        0,
    )
    assert "salesintel query ops.source_counts" in result.stdout
    assert call(night.stack, "query", "ops.source_counts").exit_code == 0


def test_a_record_that_vanished_beyond_the_log_is_a_deletion_of_the_night(night: Night) -> None:
    gone = next(iter(night.salesforce.org.newest("Contact")))
    night.salesforce.org.purge("Contact", gone)
    night.salesforce.org.forget_deletions("Contact")
    night.salesforce.pass_time(1)
    before = night.living("salesforce")
    assert night.call("poll", "salesforce").stdout.startswith("0 changes")
    result = night.nightly("salesforce")
    assert result.exit_code == 0, result.stderr
    assert "1 changes that nobody had told" in plain(result.stdout)
    night.written()
    assert before - night.living("salesforce") == Counter({"contact": 1})
    (row,) = night.ask(
        "SELECT operation FROM `raw.changes` WHERE record_key = @key ORDER BY version_stamp DESC"
        " LIMIT 1",
        key=f"salesforce:contact:{gone}",
    )
    assert row["operation"] == "delete"
    (told,) = [
        n
        for (_, name, day), n in night.told(night.runs()[-1]["run_id"]).items()
        if name == "contact" and day is None
    ]
    assert told == night.living("salesforce")["contact"]
    with night.stack.warehouse() as client:
        held = list(living_ids(client, "salesforce", "contact"))
    assert (gone in held, len(held)) == (False, told)
    assert "0 changes that nobody had told" in plain(night.nightly("salesforce").stdout)


def test_polling_compares_by_itself_once_a_day(night: Night) -> None:
    gone = next(iter(night.salesforce.org.newest("Lead")))
    night.salesforce.org.purge("Lead", gone)
    night.salesforce.org.forget_deletions("Lead")
    night.salesforce.pass_time(25 * 60)
    result = night.call("poll", "salesforce", "--objects", "lead")
    assert (result.exit_code, result.stdout.split(" published")[0]) == (0, "1 changes")
    night.written()
    with night.stack.warehouse() as client:
        assert gone not in set(living_ids(client, "salesforce", "lead"))


def test_a_source_that_fails_is_no_success_and_the_others_are_looked_after(night: Night) -> None:
    secret = night.settings.parent / "hubspot"
    night.salesforce.faults.switch_on(Fault(name="forbidden", route="sobjects/Lead"))
    secret.write_text("refused")
    try:
        result = night.nightly()
    finally:
        secret.write_text("token-1")
        night.salesforce.faults.switch_off()
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert any(line.startswith("failed: salesforce: count of lead: ") for line in lines)
    assert any("hubspot" in line and "token" in line for line in lines)
    runs = {json.loads(run["detail"])["source"]: run for run in night.runs()[-5:-1]}
    statuses = {source: run["status"] for source, run in runs.items()}
    assert statuses == dict.fromkeys(NAMES, "succeeded") | {
        "hubspot": "failed",
        "salesforce": "failed",
    }
    told = night.told(runs["salesforce"]["run_id"])
    assert {name for _, name, day in told if day is None} == {
        name.lower() for name in night.salesforce.org.entities
    } - {"lead"}
    assert night.told(runs["hubspot"]["run_id"]) == {}
    assert night.told(runs["dialpad"]["run_id"])


def test_trap_51_subscriptions_that_have_drifted_fail_the_night_with_their_fix(
    night: Night, tmp_path: Path
) -> None:
    hook = night.settings.parent / "hook"
    hook.write_text("a secret of thirty-two bytes, at least")
    settings = tmp_path / "salesintel.toml"
    said = f'webhook_url = "{HOOK}"\nwebhook_secrets = ["file:{hook}"]\n'
    text = night.settings.read_text()
    settings.write_text(text.replace("[sources.dialpad]\n", f"[sources.dialpad]\n{said}"))
    result = night.nightly("dialpad", settings=settings)
    assert result.exit_code == 1
    assert "salesintel subscribe dialpad" in plain(result.stdout.replace("│", " "))
    run = night.runs()[-1]
    assert run["status"] == "failed"
    assert json.loads(run["detail"])["findings"]["dialpad call events"] == "there is none"
    assert night.told(run["run_id"])

    made = night.call("subscribe", "dialpad", settings=settings)
    assert (made.exit_code, made.stdout) == (0, "made: call, sms, contact\n")
    assert night.nightly("dialpad", settings=settings).exit_code == 0
    listed = night.dialpad.state.subscriptions["call"]
    listed[0] = {**listed[0], "enabled": False}
    result = night.nightly("dialpad", settings=settings)
    assert result.exit_code == 1
    assert "switched off" in result.stdout
    again = night.call("subscribe", "dialpad", settings=settings)
    assert again.exit_code == 1
    assert again.stdout.startswith("nothing was missing")
    assert "switched off" in again.stdout


def test_trap_9_watches_that_nobody_renews_fail_the_night(night: Night, tmp_path: Path) -> None:
    settings = tmp_path / "salesintel.toml"
    topic = 'topic = "projects/sandbox/topics/gmail"\n'
    text = night.settings.read_text()
    settings.write_text(text.replace("[sources.gmail]\n", f"[sources.gmail]\n{topic}"))
    result = night.nightly("gmail", settings=settings)
    assert result.exit_code == 1
    detail = night.runs()[-1]["detail"]
    mailboxes = len(night.gmail.mailboxes)
    assert json.loads(detail)["findings"] == {
        "gmail pushes": f"{mailboxes} mailboxes: no watch was ever set up"
    }
    assert "@" not in result.stdout + detail
