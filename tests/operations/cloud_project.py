"""A project in the cloud as containers see it, on this machine: Pub/Sub, the warehouse, Cloud
Storage and Secret Manager, asked by their real clients, and the four vendors of a made-up company.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.pubsub_v1 import SubscriberClient
from small_stack import SmallStack
from typer.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "connectors"))

from gcs_stand_in import CloudStorage
from secret_manager import Manager, secret_manager

from operations import cli, config, place
from operations.place import Cloud
from sandbox.company import SMALL, generate
from sandbox.vendors.estate import Estate
from sandbox.vendors.gmail.tokens import SERVICE_ACCOUNT, WORKLOAD
from sandbox.vendors.server import served
from schemas.clock import wall_clock
from schemas.envelope import topic_of
from schemas.topology import PIPELINE_SUBSCRIPTIONS

WEBHOOKS = "https://hooks.own.example"
TABLES = ("raw.changes", "ops.runs", "ops.source_counts")


def secret(name: str) -> str:
    """What settings call a secret of the project."""
    return f"projects/p/secrets/{name}/versions/latest"


class Workload(AnonymousCredentials):  # type: ignore[misc]
    """The identity of a container: what IAM is asked with."""

    def __init__(self) -> None:
        super().__init__()
        self.token = WORKLOAD

    def refresh(self, request: Any) -> None:
        pass


class Project(NamedTuple):
    """The project, and the vendors that it reads."""

    stack: SmallStack
    storage: CloudStorage
    secrets: Manager
    estate: Estate
    settings: str
    """The settings of the deployment, which name secrets in Secret Manager."""

    def living(self, source: str, object_type: str) -> set[str]:
        """Ids of what the vendor has."""
        records = self.estate.expected()[source][object_type]
        return {name for name, record in records.items() if record.lives}

    def published(self, source: str = "hubspot") -> list[dict[str, Any]]:
        """What waits for the pipeline, taken."""
        name = next(one.name for one in PIPELINE_SUBSCRIPTIONS if one.topic == topic_of(source))
        path, found = f"projects/{self.stack.stack.project}/subscriptions/{name}", []
        with SubscriberClient() as client:
            while pulled := client.pull(
                subscription=path, max_messages=1_000, return_immediately=True, timeout=10
            ).received_messages:
                client.acknowledge(subscription=path, ack_ids=[one.ack_id for one in pulled])
                found += [json.loads(one.message.data or b"{}") for one in pulled]
        return found

    def keeps(self, folder: str) -> dict[str, Any]:
        """Objects of a folder of the bucket."""
        held = {name: blob.body for name, blob in self.storage.blobs.items()}
        return {name: json.loads(body) for name, body in held.items() if folder in name}

    def people(self, table: str) -> list[str]:
        """Addresses in a table of people."""
        with self.stack.warehouse() as client:
            found = client.query_and_wait(f"SELECT emails FROM `{client.project}.{table}`")
            return sorted(email for row in found for email in row.emails)

    def runs(self) -> list[dict[str, Any]]:
        """What commands have noted, the first first."""
        return self.stack.ask(
            "SELECT command, MAX(changes) AS changes, MAX_BY(status, noted_at) AS status, "
            "MAX_BY(TO_JSON_STRING(detail), noted_at) AS detail "
            "FROM `ops.runs` GROUP BY command, run_id ORDER BY MIN(started_at)"
        )


def typed(*arguments: str) -> Result:
    """As a container is started."""
    return CliRunner().invoke(cli.app, arguments, catch_exceptions=False)


def _deployed(settings: Path, secrets: Manager) -> str:
    """The settings of an estate as a deployment has them: its secrets in Secret Manager, and Gmail
    without a key."""

    def moved(found: re.Match[str]) -> str:
        path = Path(found[1])
        secrets.values[secret(path.name)] = path.read_bytes().strip()
        return f'"{secret(path.name)}"'

    text = re.sub(r'"file:([^"]+)"', moved, settings.read_text("utf-8"))
    keyless = f'service_account = "{SERVICE_ACCOUNT}"'
    return re.sub(r"^service_account_key = .*$", keyless, text, flags=re.MULTILINE)


class Services(NamedTuple):
    """What of Google's a project is made of."""

    stack: SmallStack
    storage: CloudStorage
    secrets: Manager


@contextmanager
def cloud_services(folder: Path) -> Iterator[Services]:
    """Started, and stopped; the environment stays as it was."""
    before = os.environ.copy()
    stack = SmallStack(folder / "data")
    storage = CloudStorage()
    try:
        stack.start()
        with (
            served(storage.app) as buckets,
            secret_manager() as (secrets, opened),
            pytest.MonkeyPatch.context() as patch,
        ):
            os.environ["STORAGE_EMULATOR_HOST"] = buckets
            opens = partial(Cloud, endpoint=stack.endpoint, opens_secrets=lambda: opened)
            # Neither the Storage Write API nor Secret Manager has a variable for its address.
            patch.setattr(place, "Cloud", opens)
            yield Services(stack, storage, secrets)
    finally:
        stack.stop()
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def cloud_project(folder: Path) -> Iterator[Project]:
    """The services, and the vendors."""
    company = generate(7, SMALL)
    with (
        cloud_services(folder) as services,
        Estate(company, folder, clock=wall_clock, webhooks=WEBHOOKS) as estate,
    ):
        settings = _deployed(estate.write_settings(), services.secrets)
        yield Project(*services, estate, settings)


@contextmanager
def container(made: Project, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A container of the project, as Terraform starts it: told by variables, without a disk. What
    it leaves behind goes."""
    settings = folder / "settings" / "salesintel.toml"
    settings.parent.mkdir()
    settings.write_text(made.settings, encoding="utf-8")
    empty = folder / "container"
    empty.mkdir()
    patch.chdir(empty)
    patch.setenv(config.PROJECT_VARIABLE, made.stack.stack.project)
    patch.setenv(config.SETTINGS_VARIABLE, str(settings))
    patch.setenv(config.OBJECTS_VARIABLE, "gs://prod-objects")
    patch.setenv(config.CURSORS_VARIABLE, "gs://prod-cursors")
    patch.setattr(google.auth, "default", lambda *given, **more: (Workload(), None))
    yield made
    assert not list(empty.iterdir()), "a container has no disk"
    for source in ("gmail", "salesforce", "hubspot", "dialpad"):
        made.published(source)
    made.storage.blobs.clear()
    made.stack.empty(*TABLES)
