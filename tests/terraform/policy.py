"""Who may do what, read off a plan: whatever makes it so, and not from accounts.yaml alone."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import yaml
from offline import ROOT, Resource

PROJECT = "test-salesintel"
ROLES: Mapping[str, Any] = yaml.safe_load((ROOT / "terraform" / "roles.yaml").read_text("utf-8"))
ACCOUNTS: Mapping[str, Any] = yaml.safe_load(
    (ROOT / "terraform" / "accounts.yaml").read_text("utf-8")
)

OF = {
    "google_artifact_registry_repository_iam_member": ("repository", "repository"),
    "google_bigquery_dataset_access": ("dataset", "dataset_id"),
    "google_bigquery_table_iam_member": ("table", "table_id"),
    "google_cloud_run_v2_job_iam_member": ("job", "name"),
    "google_cloud_run_v2_service_iam_member": ("service", "name"),
    "google_data_catalog_policy_tag_iam_member": ("tag", "policy_tag"),
    "google_kms_crypto_key_iam_member": ("key", "crypto_key_id"),
    "google_project_iam_member": ("project", "project"),
    "google_pubsub_subscription_iam_member": ("subscription", "subscription"),
    "google_pubsub_topic_iam_member": ("topic", "topic"),
    "google_secret_manager_secret_iam_member": ("secret", "secret_id"),
    "google_service_account_iam_member": ("account", "service_account_id"),
    "google_storage_bucket_iam_member": ("bucket", "bucket"),
}
"""Types that grant: what they grant on, and the argument that names it."""

ROWS = "google_bigquery_row_access_policy"
"""It opens rows to who may read their table; who that is the others say."""
GRANTING = re.compile(r"_iam_|_acl$|_access$|_policy$|google_service_account_key")
HARMLESS = (
    "google_compute_security_policy",
    "google_compute_ssl_policy",
    "google_monitoring_alert_policy",
    "google_project_iam_audit_config",
    "google_project_iam_custom_role",
    ROWS,
)
_OURS = re.compile(rf"serviceAccount:([a-z0-9-]+)@{PROJECT}\.iam\.gserviceaccount\.com\Z")


class Grant(NamedTuple):
    """`account` is empty where the member is none of ours; `name` has no prefixes."""

    member: str
    account: str
    role: str
    kind: str
    name: str


def grants(plan: Iterable[Resource]) -> Iterator[Grant]:
    """Every grant of a plan; AssertionError for a type that may grant and is not known here."""
    for one in plan:
        if one.type in OF:
            member = one.values.get("member") or one.values.get("iam_member")
            if one.type == "google_bigquery_dataset_access" and member is None:
                assert one.values["view"], f"{one.name}[{one.key}] grants to nobody that is known"
                continue
            kind, argument = OF[one.type]
            name = str(one.values.get(argument, "")).rpartition("/")[2]
            if kind == "table":
                name = f"{one.values['dataset_id']}.{name}"
            if kind == "account":
                name = name.partition("@")[0]
            ours = _OURS.match(str(member))
            yield Grant(str(member), ours[1] if ours else "", one.values["role"], kind, name)
        else:
            assert one.type in HARMLESS or not GRANTING.search(one.type), (
                f"{one.type} may grant: say so in OF"
            )


def permissions(role: str) -> frozenset[str]:
    """Of a role: one of ours, or one of Google's as far as roles.yaml has it."""
    prefix = f"projects/{PROJECT}/roles/salesintel."
    known = (
        ROLES["custom"][role.removeprefix(prefix)]
        if role.startswith(prefix)
        else ROLES["predefined"][role]
    )
    return frozenset(known["permissions"])
