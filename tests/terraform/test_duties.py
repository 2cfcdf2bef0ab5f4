"""Every duty is known, and what is said of its code is still so."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import yaml
from duties import DUTIES, ONE_MACHINE, WITHOUT_CODE
from google_calls import CLIENTS, WRAPPERS, calls, imports, modules, reached
from offline import ROOT
from policy import ACCOUNTS, ROLES

from operations import cli
from schemas import topology

WITHOUT_CALLS = frozenset(
    {
        *("pipelines.derive", "pipelines.proof", "pipelines.replay", "pipelines.seeds"),
        *("warehouse.access", "warehouse.clients", "warehouse.expiring", "warehouse.narrowing"),
        "warehouse.quality.checking",
    }
)
"""Modules that import a client and call nothing by it: they hand it on, or name its types."""


@pytest.mark.parametrize("account", sorted(DUTIES))
def test_no_reason_has_outlived_its_call(account: str) -> None:
    duty = DUTIES[account]
    modules = reached(duty.roots, duty.source, ONE_MACHINE)
    stale = {name for name in duty.never if name not in modules or not calls(name)}
    assert not stale


def test_every_account_has_a_duty_whose_code_is_looked_at() -> None:
    assert ACCOUNTS.keys() == DUTIES.keys() | WITHOUT_CODE


JOB = re.compile(r'account = "([\w-]+?)(?:-\$\{source\})?", +args = \["(\w+)"')
TOLD = re.compile(r"gcloud run jobs execute poll-SOURCE [^`]*--args (\w+),SOURCE")


def module_of(command: str) -> set[str]:
    """The module of operations/ in which a command is, by what its callback loads."""
    group: Any = typer.main.get_command(cli.app)
    body = ast.walk(ast.parse(inspect.getsource(group.commands[command].callback)))
    loaded = {one.module for one in body if isinstance(one, ast.ImportFrom) and one.module}
    return {name for name in loaded if name.startswith("operations.")}


def test_all_that_a_job_or_a_service_is_told_is_among_the_duties_of_its_account() -> None:
    """By Terraform, and by hand, where the page says what a job may be told."""
    text = (ROOT / "terraform" / "connectors.tf").read_text("utf-8")
    told = set(found := JOB.findall(text))
    assert len(found) == text.count("args = [")
    by_hand = TOLD.findall((ROOT / "docs" / "by-hand.md").read_text("utf-8"))
    assert {"doctor", "backfill"} == set(by_hand)
    told |= {("poller", command) for command in by_hand}
    assert {("quality", "verify"), ("fetcher", "fetch"), ("poller", "doctor")} <= told
    for account, command in told:
        mine = [duty for name, duty in DUTIES.items() if re.fullmatch(f"{account}(-\\w+)?", name)]
        assert mine, account
        for duty in mine:
            assert module_of(command) & set(duty.roots), f"{account} runs {command}"


def test_a_module_with_a_client_shows_what_it_calls() -> None:
    """A call whose name google_calls.py does not know would need a permission that nobody sees."""
    cloud = [
        name
        for name in modules()
        if not name.startswith("operations.")
        and any(one.startswith(CLIENTS) for one in imports(name))
        and not calls(name)
    ]
    assert set(cloud) <= WITHOUT_CALLS | WRAPPERS.keys()


def test_every_role_that_is_granted_has_its_permissions_written_down() -> None:
    used = {grant["role"] for one in ACCOUNTS.values() for grant in one["grants"]}
    custom = {f"custom/{name}" for name in ROLES["custom"]}
    assert used == custom | ROLES["predefined"].keys()


def test_no_role_of_ours_gives_more_than_it_lists() -> None:
    for name, one in ROLES["custom"].items():
        assert all("*" not in permission for permission in one["permissions"]), name
        assert not [p for p in one["permissions"] if p.endswith("setIamPolicy")], name


def test_the_deployer_reads_no_data() -> None:
    """Objects aside: settings and templates are Terraform's own. By itself bigquery.jobs.create, by
    which it asks for BigQuery's account, reads none."""
    path = ROOT / "terraform" / "bootstrap" / "deployer.yaml"
    may = {
        f"{service}.{kind}.{verb}"
        for service, kinds in yaml.safe_load(path.read_text("utf-8")).items()
        for kind, verbs in kinds.items()
        for verb in verbs
    }
    data = {
        "bigquery.tables.export",
        "bigquery.tables.getData",
        "bigquery.tables.updateData",
        "iam.serviceAccountKeys.create",
        "iam.serviceAccounts.getAccessToken",
        "iam.serviceAccounts.signJwt",
        "pubsub.subscriptions.consume",
        "pubsub.topics.publish",
        "secretmanager.versions.access",
    }
    assert not may & data


def test_every_subscription_of_the_code_is_made() -> None:
    found = {one for value in vars(topology).values() for one in _subscriptions(value)}
    made = json.loads((ROOT / "terraform" / "schemas" / "topology.json").read_text("utf-8"))
    assert {one.name for one in found} == made["subscriptions"].keys()


def _subscriptions(value: object) -> Iterator[topology.Subscription]:
    if isinstance(value, topology.Subscription):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _subscriptions(one)
    elif isinstance(value, dict):
        yield from _subscriptions(list(value.values()))
