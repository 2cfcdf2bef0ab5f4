"""Least privilege, as a plan shows it."""

import json
import re

import pytest
from duties import DUTIES, ONE_MACHINE
from google_calls import VENDORS, calls, reached
from offline import Resource
from policy import ACCOUNTS, PROJECT, ROLES, Grant, grants, permissions
from reach import ON_DEMAND

from pipelines.derive import LEFT_OUT
from schemas.change import SOURCES
from schemas.envelope import topic_of
from schemas.tables import BY_ID, TABLES
from schemas.topology import (
    DEAD_LETTERS_TOPIC,
    DECISIONS_SUBSCRIPTION,
    DECISIONS_TOPIC,
    FETCH_SUBSCRIPTIONS,
    HINT_SOURCES,
    IDENTITY_CHANGES_TOPIC,
    NOTIFICATIONS_TOPIC,
    NOTIFY_SUBSCRIPTION,
    PIPELINE_SUBSCRIPTIONS,
    hints_topic,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("terraform")]

Plan = tuple[Resource, ...]

ON_PROJECTS_ONLY = {name for name, one in ROLES["predefined"].items() if one.get("project")} | {
    f"projects/{PROJECT}/roles/salesintel.{name}"
    for name, one in ROLES["custom"].items()
    if one.get("project")
}
RELEASERS = "group:engineers@example.com"
DISPATCHERS = "group:dispatchers@example.com"
OPERATORS = "group:operators@example.com"
READERS = {"group:reps@example.com", "group:managers@example.com", OPERATORS}
STEWARDS = "group:stewards@example.com"
DATA_PROTECTION = "group:privacy@example.com"
PEOPLE = {RELEASERS, DISPATCHERS, STEWARDS, DATA_PROTECTION}
DEPLOYER = "serviceAccount:salesintel-deployer@test-state.iam.gserviceaccount.com"
GOOGLES = {
    "serviceAccount:gmail-api-push@system.gserviceaccount.com",
    "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com",
    "serviceAccount:service-123456789012@gcp-sa-secretmanager.iam.gserviceaccount.com",
}
TOLD = ("gmail", "hubspot", "dialpad")
"""Sources that send webhooks; what cannot be read of them becomes a dead letter by their topic."""
ACTS_FOR = {
    ("poller-gmail", "gmail-delegate"),
    ("fetcher-gmail", "gmail-delegate"),
    *(("dispatcher", name) for name in ON_DEMAND.values()),
}
"""Who may act for, or sign as, which account."""


@pytest.fixture(scope="module")
def granted(plan: Plan) -> list[Grant]:
    return list(grants(plan))


def test_nothing_is_granted_on_the_project_but_what_exists_there_only(granted: list[Grant]) -> None:
    found = {(one.account or one.member, one.role) for one in granted if one.kind == "project"}
    people = {(who, role) for who, role in found if who in READERS}
    assert {role for _, role in found - people} <= ON_PROJECTS_ONLY
    asks = {(who, "roles/bigquery.jobUser") for who in READERS}
    sees = {(OPERATORS, "roles/logging.viewer"), (OPERATORS, "roles/monitoring.viewer")}
    assert people == asks | sees


def test_no_basic_role_is_granted_anywhere(granted: list[Grant], plan: Plan) -> None:
    basic = {"roles/owner", "roles/editor", "roles/viewer"}
    assert not [one for one in granted if one.role in basic]
    assert not [one for one in granted if one.role.endswith((".admin", "Admin"))]


def test_nobody_is_everybody(plan: Plan) -> None:
    for one in plan:
        text = json.dumps(one.values)
        assert "allUsers" not in text and "allAuthenticatedUsers" not in text, one.name


def test_every_member_is_known(granted: list[Grant]) -> None:
    others = {one.member for one in granted if not one.account}
    assert others <= READERS | GOOGLES | {DEPLOYER, *PEOPLE}
    assert {one.account for one in granted if one.account} <= ACCOUNTS.keys()


def test_every_written_grant_is_made_and_no_other(granted: list[Grant]) -> None:
    """A pattern gives at least one."""
    made = {(one.account, one.role.rpartition(".")[2], one.kind) for one in granted if one.account}
    kinds = {"current": "table", "view": "table"}
    written = set()
    for account, one in ACCOUNTS.items():
        for grant in one["grants"]:
            kind = grant["resource"].partition("/")[0]
            written.add((account, re.split(r"[/.]", grant["role"])[-1], kinds.get(kind, kind)))
    assert made == written


def test_nobody_reads_the_secret_of_another(granted: list[Grant], plan: Plan) -> None:
    of = {
        one.key: one.values["labels"]["component"]
        for one in plan
        if one.type == "google_secret_manager_secret"
    }
    keeper = f"projects/{PROJECT}/roles/salesintel.versionKeeper"
    kept = {(one.account, one.name) for one in granted if one.role == keeper}
    # Hashes under another key do not meet: it is never rotated.
    assert kept == {("rotator", name) for name in of.keys() - {"redaction-key"}}
    assert permissions(keeper).isdisjoint(permissions("roles/secretmanager.secretAccessor"))
    read = [one for one in granted if one.kind == "secret" and one.role != keeper]
    assert {one.name for one in read} == of.keys(), "a secret that nobody reads"
    for one in read:
        assert one.role == "roles/secretmanager.secretAccessor"
        if one.account == "subscriber":
            assert of[one.name] == "dialpad"
        elif one.name.endswith("-webhook"):
            assert one.account == "webhooks"
        elif of[one.name] in VENDORS:
            assert one.account in {f"poller-{of[one.name]}", f"fetcher-{of[one.name]}"}
        elif one.name == "redaction-key":
            assert one.account in {"worker", "rebuilder", "eraser", "exporter"}
        else:
            assert one.account == of[one.name]


def test_subscriptions_are_made_with_the_key_and_with_what_events_are_to_be_signed_with(
    granted: list[Grant],
) -> None:
    read = {one.name for one in granted if one.kind == "secret" and one.account == "subscriber"}
    assert read == {"dialpad-token", "dialpad-webhook"}


def test_the_scheduler_starts_what_is_scheduled_and_nothing_else(
    granted: list[Grant], plan: Plan
) -> None:
    scheduled = {
        one.key for one in plan if one.type == "google_cloud_scheduler_job" and one.name == "job"
    }
    assert jobs_of(granted, "scheduler", "roles/run.invoker") == scheduled


def test_whoever_starts_jobs_by_hand_starts_all_and_tells_pollers_alone_what_to_do(
    granted: list[Grant], plan: Plan
) -> None:
    """With other arguments a job does, as its account, whatever any command does."""
    made = {one.key for one in plan if one.type == "google_cloud_run_v2_job"}
    ours = f"projects/{PROJECT}/roles/salesintel."
    assert jobs_of(granted, "launcher", f"{ours}jobStarter") == made
    told = jobs_of(granted, "launcher", f"{ours}jobTeller")
    assert told == {f"poll-{source}" for source in VENDORS}
    assert {one.account for one in granted if one.kind == "job"} == {"launcher", "scheduler"}


def jobs_of(granted: list[Grant], account: str, role: str) -> set[str]:
    """Jobs of Cloud Run on which it has the role."""
    return {
        one.name for one in granted if (one.kind, one.account, one.role) == ("job", account, role)
    }


def test_a_duty_of_one_source_touches_nothing_of_another(granted: list[Grant]) -> None:
    for one in granted:
        source = ACCOUNTS.get(one.account, {}).get("source")
        if source and one.kind in ("topic", "subscription", "secret", "bucket", "account"):
            assert not [other for other in VENDORS if other != source and other in one.name], one


def test_nobody_acts_for_another_but_who_has_to(granted: list[Grant]) -> None:
    on_accounts = {(one.account, one.name) for one in granted if one.kind == "account"}
    pushes = {("", "gmail-push")}  # Pub/Sub signs Gmail's pushes.
    by_people = {
        RELEASERS: ("launcher", "releaser", "rotator"),
        DISPATCHERS: ("dispatcher",),
        STEWARDS: ("steward",),
        DATA_PROTECTION: ("eraser", "exporter", "granter"),
    }
    people = {(one.member, one.name) for one in granted if one.member in by_people}
    assert people == {(who, name) for who, names in by_people.items() for name in names}
    assert on_accounts == ACTS_FOR | pushes | {("", name) for _, name in people}
    signers = {one.role for one in granted if one.name == "gmail-delegate"}
    assert {permission for role in signers for permission in permissions(role)} == {
        "iam.serviceAccounts.signJwt"
    }


def test_messages_go_the_way_that_the_topology_says(granted: list[Grant]) -> None:
    publishers, readers = (
        {(one.account, one.name) for one in granted if one.role == role and one.account}
        for role in ("roles/pubsub.publisher", "roles/pubsub.subscriber")
    )
    of_sources = {(f"poller-{source}", topic_of(source)) for source in VENDORS}
    of_hints = {(f"fetcher-{source}", topic_of(source)) for source in HINT_SOURCES}
    at_the_edge = {topic_of(source) for source in TOLD} | {hints_topic(one) for one in HINT_SOURCES}
    notices = {("worker", DEAD_LETTERS_TOPIC), ("worker", IDENTITY_CHANGES_TOPIC)}
    notices |= {("notifier", NOTIFICATIONS_TOPIC)}
    changes = {topic_of(source) for source in SOURCES}
    again = {("backfiller", topic) for topic in changes}
    again |= {("replayer", topic) for topic in (*changes, *map(hints_topic, HINT_SOURCES))}
    again |= {("replayer", DECISIONS_TOPIC)}
    decided = {(account, DECISIONS_TOPIC) for account in ("eraser", "steward")}
    assert publishers == of_sources | of_hints | notices | again | decided | {
        ("webhooks", topic) for topic in at_the_edge
    }
    assert readers == {
        *(("worker", one.name) for one in (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION)),
        *((f"fetcher-{source}", one.name) for source, one in FETCH_SUBSCRIPTIONS.items()),
        ("notifier", NOTIFY_SUBSCRIPTION.name),
        # Of Secret Manager's reminders, which no code of ours reads.
        ("rotator", "secret-due"),
    }


def test_a_release_can_move_what_the_stream_reads_and_nothing_else(granted: list[Grant]) -> None:
    moved = {one.name for one in granted if one.role.endswith(".positionSeeker")}
    assert moved == {one.name for one in (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION)}
    held = {one.name for one in granted if one.role.endswith(".topicAttacher")}
    assert held == {one.topic for one in (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION)}


def test_every_table_has_somebody_who_writes_it(granted: list[Grant]) -> None:
    written = {one.name for one in granted if one.role.endswith(".rowWriter")}
    assert written == BY_ID.keys()


def test_rows_are_written_by_the_pipeline_and_by_who_notes_runs(granted: list[Grant]) -> None:
    writers = {
        (one.account, one.name)
        for one in granted
        if one.kind == "table" and one.role.endswith("rowWriter")
    }
    besides = {"ops.runs", "ops.source_counts", "ops.quality", "ops.audit", "ops.readers"}
    people = {name for account, name in writers if not account}
    assert people == {"ops.audit"}
    again = {name for account, name in writers if account == "rebuilder"}
    passed = {table.id for table in TABLES if not issubclass(table.row, LEFT_OUT)}
    assert again - besides == {"identity.records", "ops.dead_letters", "ops.replays"} <= passed
    known = ("", "worker", "rebuilder")
    assert {name for account, name in writers if account not in known} <= besides
    assert not {name for account, name in writers if account == "worker"} & besides


def test_no_account_has_a_key(plan: Plan) -> None:
    assert not [one for one in plan if one.type == "google_service_account_key"]


@pytest.mark.parametrize("account", sorted(DUTIES))
def test_an_account_may_do_what_its_code_does_and_no_more(
    account: str, granted: list[Grant]
) -> None:
    duty = DUTIES[account]
    found = {
        call
        for module in reached(duty.roots, duty.source, ONE_MACHINE)
        for call in calls(module)
        if module not in duty.never
    }
    needed = {permission for call in found for permission in call.permissions}
    mine = [one for one in granted if one.account == account and one.kind != "tag"]
    may = {permission for one in mine for permission in permissions(one.role)}
    assert needed <= may, {call for call in found if not call.permissions <= may}
    assert may - needed <= duty.besides.keys(), "granted, and called by nobody"
    assert not duty.besides.keys() - may, "a reason for what is not granted"
