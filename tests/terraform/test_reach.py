"""What everybody reaches in the end, by acting as others: each grant is small, and they add up."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import pytest
from offline import Resource
from policy import ACCOUNTS, PROJECT, Grant, grants, permissions
from reach import OF_ACCOUNTS, OF_PEOPLE, ON_DEMAND
from test_grants import DATA_PROTECTION, DISPATCHERS, RELEASERS, STEWARDS

from schemas.tables import BY_ID

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("terraform")]

Plan = tuple[Resource, ...]
Edges = dict[str, set[str]]

GROUPS = {
    "releasers": RELEASERS,
    "dispatchers": DISPATCHERS,
    "stewards": STEWARDS,
    "data_protection": DATA_PROTECTION,
}
IN_THE_END = {**OF_ACCOUNTS, **{GROUPS[name]: end for name, end in OF_PEOPLE.items()}}


@pytest.fixture(scope="module")
def granted(plan: Plan) -> list[Grant]:
    return list(grants(plan))


@pytest.fixture(scope="module")
def edges(granted: list[Grant], plan: Plan) -> Edges:
    return {who: set(_edges(who, granted, plan)) for who in _everybody(granted)}


def _everybody(granted: Iterable[Grant]) -> set[str]:
    return ACCOUNTS.keys() | {one.account or one.member for one in granted}


def _edges(who: str, granted: list[Grant], plan: Plan) -> Iterator[str]:
    """As which accounts somebody can run or ask whatever they like."""
    runs_as = {
        one.key: one.values["template"][0]["template"][0]["service_account"].partition("@")[0]
        for one in plan
        if one.type == "google_cloud_run_v2_job"
    }
    for one in granted:
        if (one.account or one.member) != who:
            continue
        # Tokens, signatures, jobs that run as it: any right on an account is taken for all of them.
        if one.kind == "account":
            yield one.name
        if one.kind == "job" and "run.jobs.runWithOverrides" in permissions(one.role):
            yield runs_as[one.name]
        if _stages(one):
            yield from {
                other.account for other in granted if other.name == one.name and _stages(other)
            } - {who}


def _stages(one: Grant) -> bool:
    """Whether it is the right to replace what workers of Dataflow run."""
    staging = one.kind == "bucket" and one.name.startswith(f"{PROJECT}-staging")
    return staging and "storage.objects.delete" in permissions(one.role)


def closure(who: str, edges: Edges) -> set[str]:
    """As which accounts somebody acts in the end."""
    found, left = set[str](), [who]
    while left:
        new = edges.get(left.pop(), set()) - found
        found |= new
        left += new
    return found - {who}


def held(granted: Iterable[Grant], who: set[str], kind: str, permission: str) -> set[str]:
    """Secrets, or tables, on which one of these accounts has the permission."""
    names = {
        one.name
        for one in granted
        if one.account in who and one.kind == kind and permission in permissions(one.role)
    }
    if kind == "table":
        names |= {
            name
            for name in BY_ID
            if name.partition(".")[0] in held(granted, who, "dataset", permission)
        }
        names &= BY_ID.keys()
    return names


HELD = {
    "secrets": ("secret", "secretmanager.versions.access"),
    "reads": ("table", "bigquery.tables.getData"),
    "changes": ("table", "bigquery.tables.updateData"),
}


@pytest.mark.parametrize("what", HELD)
def test_nobody_reaches_more_in_the_end_than_is_written_down(
    what: str, granted: list[Grant], edges: Edges
) -> None:
    """Secrets and tables, of every account and of every group of people."""
    kind, permission = HELD[what]
    for who in sorted(_everybody(granted)):
        mine = held(granted, {who}, kind, permission)
        found = held(granted, closure(who, edges), kind, permission) - mine
        said = getattr(IN_THE_END[who], what) if who in IN_THE_END else set()
        assert not {name for name in found if not any(fnmatchcase(name, one) for one in said)}, who
        assert all(any(fnmatchcase(name, one) for name in found | mine) for one in said), who


def test_nobody_acts_in_the_end_as_more_accounts_than_is_written_down(edges: Edges) -> None:
    found = {who: ends for who in edges if (ends := closure(who, edges))}
    pushes = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    assert found.pop(pushes) == {"gmail-push"}
    assert found == {who: end.accounts for who, end in IN_THE_END.items()}


def test_nobody_acts_as_the_stream(edges: Edges) -> None:
    """Terraform starts it, as the deployer."""
    assert not [who for who in edges if "worker" in closure(who, edges)]


def test_what_a_job_runs_is_replaced_by_its_own_account_alone(granted: list[Grant]) -> None:
    replaced = {(one.name, one.account or one.member) for one in granted if _stages(one)}
    mine = {(f"{PROJECT}-staging-{job}", account) for job, account in ON_DEMAND.items()}
    assert replaced == mine | {(f"{PROJECT}-staging", "worker")}


@pytest.mark.parametrize("account", ON_DEMAND.values())
def test_no_job_that_is_started_by_hand_reaches_another(account: str, edges: Edges) -> None:
    assert not closure(account, edges)


def test_what_is_run_and_by_which_settings_is_written_by_the_deployer_alone(
    granted: list[Grant],
) -> None:
    writing = {"storage.objects.create", "storage.objects.delete", "storage.objects.update"}
    for one in granted:
        if one.kind == "bucket" and one.name.endswith(("-config", "-templates")):
            assert not writing & permissions(one.role), one
        if one.kind == "repository":
            assert one.role == "roles/artifactregistry.reader", one
