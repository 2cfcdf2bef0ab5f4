"""What containers are told: commands that there are, and settings that can be read."""

import json
import re
from pathlib import Path

import pytest
from offline import ROOT, Resource
from policy import ROLES
from typer.main import get_command

from connectors.sources import load_sources, set_up
from connectors.webhooks.receivers import receivers_of
from connectors.webhooks.settings import load_webhook_settings
from operations.cli import app
from pipelines.checks import checked_settings
from pipelines.metadata import metadata
from pipelines.parameters import TEMPLATES
from pipelines.validation import matches

TERRAFORM = ROOT / "terraform"
SETTINGS = sorted((TERRAFORM / "environments").glob("*.toml"))


class NoSecrets:
    """Nobody asks for one while settings are read."""


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_every_container_runs_a_command_that_there_is(plan: tuple[Resource, ...]) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    told = []
    for one in plan:
        if one.type == "google_cloud_run_v2_job":
            told.append(one.values["template"][0]["template"][0]["containers"][0]["args"])
        elif one.type == "google_cloud_run_v2_service":
            told.append(one.values["template"][0]["containers"][0]["args"])
    assert len(told) == 22
    for name, *arguments in told:
        context = commands[name].make_context(name, list(arguments))
        assert not context.args


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda path: path.stem)
def test_the_settings_of_an_environment_can_be_read(settings: Path) -> None:
    checked_settings(settings, b"key")
    sources = load_sources(settings)
    assert set_up(sources) == ("gmail", "salesforce", "hubspot", "dialpad")
    assert receivers_of(sources, NoSecrets()).keys() == {"gmail", "hubspot", "dialpad"}
    assert load_webhook_settings(settings).public_url.startswith("https://")


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda path: path.stem)
def test_secrets_that_settings_name_are_made(settings: Path) -> None:
    named = set(re.findall(r"secrets/([a-z-]+)/versions", settings.read_text("utf-8")))
    made = set(
        re.findall(r"^    ([a-z-]+) +=", (TERRAFORM / "secrets.tf").read_text("utf-8"), re.M)
    )
    assert named and named <= made


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_the_stream_is_told_what_its_template_takes(plan: tuple[Resource, ...]) -> None:
    """As tests/templates asks of the source, but with the values that a plan has."""
    (job,) = (one for one in plan if one.type == "google_dataflow_flex_template_job")
    told, own = job.values["parameters"], TEMPLATES["stream"].by_name
    assert told.keys() <= own.keys()
    assert {name for name, one in own.items() if one.required} <= told.keys()
    assert {name: value for name, value in told.items() if not matches(own[name], value)} == {}
    told_of = {
        one.key: json.loads(one.values["content"])["metadata"]
        for one in plan
        if one.type == "google_storage_bucket_object" and one.name == "template"
    }
    assert told_of == {name: metadata(template) for name, template in TEMPLATES.items()}


def test_no_stream_is_replaced_for_the_number_of_its_workers() -> None:
    """The provider would, by a drain; Dataflow changes the number of a job that runs."""
    text = (TERRAFORM / "dataflow.tf").read_text("utf-8")
    (ignored,) = re.findall(r"ignore_changes = \[([^]]*)\]", text)
    assert set(ignored.split(", ")) == {"max_workers", "num_workers"}
    runbook = (ROOT / "runbooks" / "workers-at-limit.md").read_text("utf-8")
    assert "`gcloud dataflow jobs update-options " in runbook
    assert {"dataflow.jobs.updateContents", "dataflow.jobs.get"} <= set(
        ROLES["custom"]["streamDrainer"]["permissions"]
    )
