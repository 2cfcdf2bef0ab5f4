"""Writes docs/permissions.md from what Terraform grants by (`make permissions`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from offline import ROOT
from policy import ACCOUNTS, ROLES
from reach import OF_ACCOUNTS, OF_PEOPLE

PAGE = ROOT / "docs" / "permissions.md"

INTRODUCTION = """\
# Who may do what in the cloud

Made by `make permissions` from terraform/accounts.yaml and roles.yaml; do not edit.

One service account a duty, each grant on the one resource that it needs; `tests/terraform` holds
the permissions against the calls in the code. No account has a key. `*` stands for all whose names
begin so.
"""
BESIDES = """\
## Besides

* Google's Pub/Sub account forwards hints that are given up, and signs Gmail's pushes as
  `gmail-push`; Gmail's own publishes to topic `gmail`; Secret Manager's to `secret-rotation`.
* People ask the views whose `metadata.yaml` names their role, and no table, and write into
  `ops.audit` that they did; columns of personal data open to reps and managers alone
  (`column_security`).
* Operators see the logs and charts of the project (`roles/logging.viewer`,
  `roles/monitoring.viewer`): they name ids and figures. Logs of who read which data are not among
  them.
* Members of `releasers` act as `releaser`, `launcher` and `rotator`, those of `dispatchers` as
  `dispatcher`, of `stewards` as `steward`, of `data_protection` as `eraser`, `exporter` and
  `granter`. As `releaser` one could also pull what waits for the stream, which its seeks and
  snapshots take the right to. A token lasts an hour; the file that
  `gcloud auth application-default login` leaves on a disk makes new ones until
  `gcloud auth application-default revoke`, or until the variable no longer names its owner.
* Dataflow takes any template and any image. So whoever acts as `dispatcher` can run any code with
  the rights of `backfiller`, `replayer` and `rebuilder`: read every change and dead letter with
  its tagged columns, delete rows of `sales`, read `redaction-key`, publish changes and decisions.
  Whether it can replace the stream by a job of its own is Dataflow's to say. It is nobody unless
  `dispatchers` names somebody.
* `jobTeller` gives one run of a job other arguments and variables. Its image, its entry
  `salesintel` and its account stay: so whoever has it may do, with the account of that job, what
  any command of ours does, and by variables more (they say where messages, files and calls go, and
  the interpreter heeds some, too): take it for the whole of that account. `launcher` has it on the
  pollers alone, whose accounts read a source and its secret, publish its changes and move its
  cursors; that of Salesforce also sees `raw.changes` and four tables of `sales`: columns that carry
  no tag, and all of them without `column_security`. Of the jobs that see or delete rows `launcher`
  starts what Terraform has written down.
* `roles/dataflow.worker` exists on projects only, and gives the four accounts that have it more
  than their jobs need: they read the objects of every bucket whose names they know, add new ones,
  and end machines of the project; so `worker`, `backfiller`, `replayer` and `rebuilder` are apart
  from each other in tables, topics and secrets, not in what they read of buckets. None replaces
  what another has staged: each stages in a bucket of its own. Whether a worker of one job may take
  work of another's, which the role does not tell apart, is Dataflow's to say.
* Whoever makes the row access policies (`row_policies_by`) may read the tables with texts, for
  BigQuery asks for it, and is in no policy: of their rows it sees none.
* The deployer (terraform/bootstrap) makes all of this under a role of its own that reads no row,
  message or secret; with `repository_id`, tags of that repository act as it. Whoever may set
  policies, or run a job as any account, could come to more: the audit log shows it, and few may act
  as the deployer.
"""


def markdown() -> str:
    """The page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    for name, one in ACCOUNTS.items():
        yield from _account(name, one)
    yield from _roles()
    yield from _ends()
    yield "## On the project"
    yield ""
    yield "A role on a project holds for everything in it, so these alone are granted there:"
    yield ""
    yield "| role | why |"
    yield "|---|---|"
    for name, role in (ROLES["predefined"] | ROLES["custom"]).items():
        if "project" in role:
            yield f"| `{name}` | {role['project']} |"
    yield ""
    yield BESIDES


def _account(name: str, one: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield one["duty"]
    yield ""
    if not one["grants"]:
        return
    yield "| on | role | why |"
    yield "|---|---|---|"
    for grant in one["grants"]:
        kind, _, resource = grant["resource"].partition("/")
        on = f"{kind} `{resource}`" if resource else "the project"
        yield f"| {on} | `{grant['role'].removeprefix('custom/')}` | {grant['why']} |"
    yield ""


def _ends() -> Iterator[str]:
    yield "## In the end"
    yield ""
    yield "Grants add up: who acts as another has its rights. What secrets and tables somebody"
    yield "comes to in this way, and has no grant for. Nobody else comes to any: `backfiller`,"
    yield "`replayer` and `rebuilder` come to nothing of each other's, for each stages in a bucket"
    yield "of its own. Nobody acts as `worker`, but the deployer, who starts the stream:"
    yield ""
    yield "| who | acts as | reads secrets | reads tables | changes tables | because |"
    yield "|---|---|---|---|---|---|"
    named = {f"members of `{name}`": end for name, end in OF_PEOPLE.items()}
    for who, end in ({f"`{name}`": end for name, end in OF_ACCOUNTS.items()} | named).items():
        listed = (end.accounts, end.secrets, end.reads, end.changes)
        cells = (", ".join(f"`{name}`" for name in sorted(one)) or "–" for one in listed)
        yield f"| {who} | {' | '.join(cells)} | {end.why} |"
    yield ""


def _roles() -> Iterator[str]:
    yield "## Roles of our own"
    yield ""
    yield "| role | permissions | because |"
    yield "|---|---|---|"
    for name, role in ROLES["custom"].items():
        listed = ", ".join(f"`{permission}`" for permission in role["permissions"])
        yield f"| `{name}` | {listed} | {role['why']} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(markdown(), encoding="utf-8")
