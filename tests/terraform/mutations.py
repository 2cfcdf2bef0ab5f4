"""Mistakes that somebody could make in terraform/, each of which the tests have to notice.

`python tests/terraform/mutations.py` makes them one by one in a copy and says what noticed each.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from offline import MIRROR, ROOT, missing


class Mutation(NamedTuple):
    """`old` becomes `new` in a file, once."""

    name: str
    path: str
    old: str
    new: str


_FILE = "terraform/"
_PAGE = "docs/permissions.md"
_HINTS = "    - { resource: topic/hints-gmail, role: roles/pubsub.publisher, why: publishes hints }"
_BIGQUERY = "{ resource: project, role: roles/bigquery.jobUser, why: reads what the resolver is"

MUTATIONS = (
    Mutation(
        "a grant is dropped: the webhooks cannot publish hints",
        _FILE + "accounts.yaml",
        _HINTS + "\n",
        "",
    ),
    Mutation(
        "a grant is dropped: a fetcher cannot pull",
        _FILE + "accounts.yaml",
        "    - { resource: subscription/fetch-hubspot, role: roles/pubsub.subscriber, "
        "why: pulls hints }\n",
        "",
    ),
    Mutation(
        "a grant is widened: a poller reads and deletes payloads",
        _FILE + "accounts.yaml",
        "bucket/objects, role: custom/payloadWriter",
        "bucket/objects, role: roles/storage.objectUser",
    ),
    Mutation(
        "a role is widened: who writes rows reads them, too",
        _FILE + "roles.yaml",
        "permissions: [bigquery.tables.get, bigquery.tables.updateData]",
        "permissions: [bigquery.tables.get, bigquery.tables.getData, bigquery.tables.updateData]",
    ),
    Mutation(
        "a data role on the project",
        _FILE + "accounts.yaml",
        _BIGQUERY,
        _BIGQUERY.replace("jobUser", "dataViewer"),
    ),
    Mutation(
        "people are editors of the project",
        _FILE + "view_access.tf",
        'role    = "roles/bigquery.jobUser"',
        'role    = "roles/editor"',
    ),
    Mutation(
        "everybody may call a service",
        _FILE + "grants.tf",
        "  name     = google_cloud_run_v2_service.this[each.value.name].name\n"
        "  location = var.region\n  role     = each.value.role\n  member   = each.value.member",
        "  name     = google_cloud_run_v2_service.this[each.value.name].name\n"
        '  location = var.region\n  role     = each.value.role\n  member   = "allUsers"',
    ),
    Mutation(
        "a poller reads the secret of another source",
        _FILE + "accounts.yaml",
        "secret/hubspot-token, role",
        "secret/dialpad-token, role",
    ),
    Mutation(
        "a poller reads what webhooks are signed with",
        _FILE + "accounts.yaml",
        "secret/dialpad-token, role",
        "secret/dialpad-webhook, role",
    ),
    Mutation(
        "a poller moves the cursors of another source",
        _FILE + "accounts.yaml",
        "bucket/cursors-hubspot, role",
        "bucket/cursors-gmail, role",
    ),
    Mutation(
        "all pollers run as one account",
        _FILE + "connectors.tf",
        'account = "poller-${source}", args = ["poll", source]',
        'account = "poller-salesforce", args = ["poll", source]',
    ),
    Mutation(
        "a column is renamed",
        _FILE + "schemas/sales.people.json",
        '"name": "full_name"',
        '"name": "fullname"',
    ),
    Mutation(
        "a table is left out",
        _FILE + "warehouse.tf",
        "for_each = local.tables",
        'for_each = { for id, one in local.tables : id => one if id != "ops.dead_letters" }',
    ),
    Mutation(
        "rows are kept for hours in place of days",
        _FILE + "warehouse.tf",
        "each.value.expiry_days * 86400000",
        "each.value.expiry_days * 3600000",
    ),
    Mutation(
        "views name tables without their project",
        _FILE + "views.tf",
        '"`${var.project}.$1`"',
        '"`$1`"',
    ),
    Mutation(
        "a dead-letter policy on what the engine reads",
        _FILE + "pubsub.tf",
        "  ack_deadline_seconds       = 600\n",
        "  ack_deadline_seconds       = 600\n\n  dead_letter_policy {\n"
        '    dead_letter_topic = "projects/p/topics/dead-letters"\n  }\n\n',
    ),
    Mutation(
        "hints that fail are never given up",
        _FILE + "pubsub.tf",
        "for_each = each.value.given_up_to == null ? [] : [each.value.given_up_to]",
        "for_each = []",
    ),
    Mutation(
        "what the engine has acknowledged cannot be sought back to",
        _FILE + "pubsub.tf",
        "  retain_acked_messages      = true\n",
        "  retain_acked_messages      = false\n",
    ),
    Mutation(
        "a subscription that nobody reads for a month expires",
        _FILE + "pubsub.tf",
        '  expiration_policy {\n    ttl = ""\n  }\n',
        '  expiration_policy {\n    ttl = "2678400s"\n  }\n',
    ),
    Mutation(
        "pushes are signed for another address",
        _FILE + "pubsub.tf",
        "audience              = local.gmail_push",
        'audience              = "https://example.com"',
    ),
    Mutation("the stream is cancelled", _FILE + "dataflow.tf", '= "drain"', '= "cancel"'),
    Mutation(
        "workers have public addresses",
        _FILE + "dataflow.tf",
        '"WORKER_IP_PRIVATE"',
        '"WORKER_IP_PUBLIC"',
    ),
    Mutation(
        "the template has a parameter that the pipeline has not",
        _FILE + "dataflow.tf",
        "      shards            = ",
        "      shard_count       = ",
    ),
    Mutation(
        "webhooks are called past the load balancer",
        _FILE + "connectors.tf",
        '"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"',
        '"INGRESS_TRAFFIC_ALL"',
    ),
    Mutation(
        "a service is not asked whether it lives",
        _FILE + "connectors.tf",
        'path = "/health/live"',
        'path = "/healthz"',
    ),
    Mutation(
        "a container runs a command that there is not",
        _FILE + "connectors.tf",
        'args = ["nightly", source]',
        'args = ["nights", source]',
    ),
    Mutation(
        "the scheduler shows the wrong kind of token",
        _FILE + "schedule.tf",
        '    oauth_token {\n      service_account_email = local.emails["scheduler"]\n'
        '      scope                 = "https://www.googleapis.com/auth/cloud-platform"\n',
        '    oidc_token {\n      service_account_email = local.emails["scheduler"]\n',
    ),
    Mutation(
        "objects have rights of their own",
        _FILE + "storage.tf",
        "uniform_bucket_level_access = true",
        "uniform_bucket_level_access = false",
    ),
    Mutation(
        "secrets can be destroyed",
        _FILE + "secrets.tf",
        "= var.deletion_protection",
        "= false",
    ),
    Mutation(
        "who reads secrets is not logged",
        _FILE + "audit.tf",
        '["ADMIN_READ", "DATA_READ", "DATA_WRITE"]',
        '["ADMIN_READ"]',
    ),
    Mutation("an alert is removed", _FILE + "alerts.yaml", "\nerror-ratio:\n", "\nerrors:\n"),
    Mutation(
        "alerts do not say which runbook",
        _FILE + "alerts.tf",
        "Runbook: ${var.runbooks}/${each.key}.md",
        "",
    ),
    Mutation(
        "an alert looks at a counter that the graph has not",
        _FILE + "alerts.yaml",
        'metric_name="messages_received"',
        'metric_name="messages"',
    ),
    Mutation("the SLO promises less", _FILE + "slo.tf", "= 0.995", "= 0.95"),
    Mutation(
        "an argument is misspelt",
        _FILE + "network.tf",
        "private_ip_google_access = true",
        "private_google_access = true",
    ),
    Mutation(
        "the page of permissions leaves one out",
        _PAGE,
        "| topic `hints-gmail` | `roles/pubsub.publisher` | publishes hints |\n",
        "",
    ),
)

OPTIONS = (
    "-x",
    "-q",
    "--tb=no",
    "-rfE",
    "-p",
    "no:cacheprovider",
    "--ignore=tests/terraform/test_mutations.py",
    "tests/terraform",
)
QUICK = ("-m", "not slow", "tests/schemas/test_tables.py")
SLOW = ("-m", "slow")
TIMEOUT_S = 280


def copied(folder: Path) -> Path:
    """A copy of what git tracks, with the schemas of the providers beside it."""
    copy = folder / "project"
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    shared = MIRROR.parents[1].resolve()
    (folder / shared.name).symlink_to(shared)
    # One plan is enough to see a mistake by.
    tests = copy / "terraform" / "tests" / "everything.tftest.hcl"
    whole, _, _ = tests.read_text(encoding="utf-8").partition("\n\n# One source, a key of ours")
    tests.write_text(whole + "\n", encoding="utf-8")
    return copy


def make(mutation: Mutation, copy: Path) -> None:
    """Makes the mistake, and writes the page of permissions anew as who makes it would."""
    path = copy / mutation.path
    text = path.read_text(encoding="utf-8")
    assert mutation.old in text, f"{mutation.path} no longer holds {mutation.old!r}"
    path.write_text(text.replace(mutation.old, mutation.new, 1), encoding="utf-8")
    if mutation.path != _PAGE:
        folder = copy / "tests" / "terraform"
        subprocess.run([sys.executable, "permissions_page.py"], cwd=folder, check=True)


def noticed_by(copy: Path) -> str:
    """The first test that fails in a copy, those without Terraform first; empty where none does."""
    for selection in (QUICK, SLOW):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *OPTIONS, *selection],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        if done.returncode not in (0, 1) or " skipped" in done.stdout:
            raise RuntimeError(done.stdout[-2_000:] + done.stderr[-2_000:])
        for line in done.stdout.splitlines():
            if line.startswith(("FAILED ", "ERROR ")):
                return line.split()[1].rpartition("/")[2]
    return ""


def main() -> int:
    """Exit code 1 where a mistake went by unnoticed."""
    if reason := missing():
        sys.exit(reason)
    caught = 0
    for mutation in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder:
            copy = copied(Path(folder))
            make(mutation, copy)
            by = noticed_by(copy)
        caught += bool(by)
        print(f"{mutation.name}: {by or 'NOT NOTICED'}", flush=True)
    print(f"{caught} of {len(MUTATIONS)} noticed")
    return 0 if caught == len(MUTATIONS) else 1


if __name__ == "__main__":
    sys.exit(main())
