"""Alerts, their runbooks and the dashboard name what there is."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml
from offline import ROOT
from typer.main import get_command

from operations import figures
from operations.cli import app
from pipelines.parameters import TEMPLATES
from schemas.logs import ENVIRONMENT, JSON, Line
from transforms import metrics
from warehouse import storage_write
from warehouse.catalogue import views

TERRAFORM = ROOT / "terraform"
ALERTS = yaml.safe_load((TERRAFORM / "alerts.yaml").read_text("utf-8"))
CHARTS = yaml.safe_load((TERRAFORM / "dashboard.yaml").read_text("utf-8"))
RUNBOOKS = sorted((ROOT / "runbooks").glob("*.md"))
OTHERS = {"freshness-slo", "webhooks-slo", "budget"}
"""Runbooks of what Terraform makes outside alerts.yaml."""
METRICS = TERRAFORM / "metrics.tf"
SEVERITIES = {"CRITICAL", "ERROR", "WARNING"}
WANTED = {
    "a job that does not run": "pipeline-not-running",
    "a job that failed": "pipeline-failed",
    "a job by hand that failed": "job-by-hand-failed",
    "errors above 5 %": "error-ratio",
    "stuck work": "stuck-work",
    "a quota near its end": "source-quota",
    "failed writes": "warehouse-write-failures",
    "failed queries": "query-failures",
    "data quality": "data-quality",
    "deliveries answered 5xx": "webhook-errors",
    "deliveries that cannot come": "webhooks-unreachable",
    "deliveries not signed": "webhook-signatures",
    "the oldest message": "oldest-message",
}


def queries() -> Iterator[str]:
    """Every PromQL query."""
    yield from (one["query"] for one in ALERTS.values())
    for chart in CHARTS:
        yield from chart["queries"].values()


def test_what_has_to_wake_somebody_does() -> None:
    assert set(WANTED.values()) <= ALERTS.keys()
    assert {one["severity"] for one in ALERTS.values()} <= SEVERITIES


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS} == ALERTS.keys() | OTHERS


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_is_short_and_its_commands_and_links_exist(runbook: Path) -> None:
    text = runbook.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    for heading in ("# " + runbook.stem, "## First look", "## What to do", "## Escalate"):
        assert heading in text
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert set(re.findall(r"`salesintel ([a-z-]+)", text)) <= commands.keys()
    asked = set(re.findall(r"`salesintel query ([a-z_]+\.[a-z_]+)", text))
    # Tables are open to nobody in the cloud.
    assert asked <= views().keys()
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (runbook.parent / link).exists(), link


def test_every_job_that_is_started_by_hand_is_looked_at() -> None:
    """Its name is that of its template and the second at which it began."""
    text = (TERRAFORM / "jobs.tf").read_text("utf-8")
    assert "flex-template run ${name}-$(date +%s)" in text
    (pattern,) = re.findall(r'job_name=~"([^"]+)"', ALERTS["job-by-hand-failed"]["query"])
    looked_at = {name for name in TEMPLATES if re.fullmatch(pattern, f"{name}-1796000000")}
    assert looked_at == TEMPLATES.keys() - {"stream"} and not re.fullmatch(pattern, "stream")


def test_counters_that_are_looked_at_are_the_graphs() -> None:
    named = {name for query in queries() for name in re.findall(r'metric_name="(\w+)"', query)}
    known = {value for name, value in vars(metrics).items() if name.isupper()}
    assert named and named <= known


def test_metrics_of_logs_that_are_looked_at_are_made() -> None:
    looked_at = {
        name.removesuffix("_sum").removesuffix("_count")
        for query in queries()
        for name in re.findall(r"user_salesintel_(\w+?)[\{\[]", query)
    }
    made = set(re.findall(r'= "salesintel/(\w+)"', METRICS.read_text("utf-8")))
    assert looked_at == made


def test_figures_that_are_looked_at_are_printed() -> None:
    named = {name for query in queries() for name in re.findall(r'figure="(\w+)"', query)}
    source = Path(figures.__file__).read_text("utf-8")
    assert named and all(f'"{name}"' in source for name in named)


def filters() -> Iterator[tuple[str, set[str]]]:
    """Of each metric of logs its filter, and the keys of a line that it and its labels look at."""
    for block in METRICS.read_text("utf-8").split('resource "google_logging_metric"')[1:]:
        (found,) = re.findall(r'filter += "(.*)"$', block, re.MULTILINE)
        yield found, set(re.findall(r"jsonPayload\.(\w+)", block))


def keys(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def test_metrics_of_logs_look_at_keys_that_lines_have() -> None:
    """Jobs `figures` and `rates` print figures; workers' lines are Dataflow's, with a message."""
    seen = set()
    for found, looked_at in filters():
        kind = re.findall(r'resource\.type=\\"(\w+)', found)
        if kind == ["cloud_run_job"]:
            assert looked_at and looked_at <= keys(figures.Figure)
        elif kind == ["dataflow_step"]:
            assert looked_at == {"message"} and looked_at <= keys(Line)
        else:
            # Google's own audit log: jobs of BigQuery, and what has no kind of its own.
            assert kind in (["bigquery_project"], ["audited_resource"])
            assert not looked_at and "protoPayload." in found
        seen |= set(kind)
    assert seen == {"cloud_run_job", "dataflow_step", "bigquery_project", "audited_resource"}


def test_words_that_metrics_look_for_are_said_by_what_waits() -> None:
    (found,) = (found for found, _ in filters() if "dataflow_step" in found)
    words = re.findall(r'jsonPayload\.message:\\"([^"\\]+)', found)
    said = Path(storage_write.__file__).read_text("utf-8")
    assert words and all(one in said for one in words), words


def test_containers_write_their_logs_as_lines_of_json() -> None:
    told = (TERRAFORM / "connectors.tf").read_text("utf-8")
    assert re.search(rf'{ENVIRONMENT} += "{JSON}"', told)


def test_what_asks_from_outside_is_looked_at_by_an_alert() -> None:
    """No request reaches the service then, and nothing that counts requests says so."""
    resource = re.findall(r'type += "(uptime_\w+)"', (TERRAFORM / "slo.tf").read_text("utf-8"))
    query = ALERTS["webhooks-unreachable"]["query"]
    assert resource == re.findall(r'check_passed\{monitored_resource="(\w+)"\} == 0', query)


def test_every_query_names_its_resource() -> None:
    """A metric that several kinds of resource may have, as those of logs, is refused without."""
    without = [
        query
        for query in queries()
        for selector in re.findall(r"_googleapis_com:\w+(\{[^}]*\})?", query)
        if "monitored_resource" not in selector
    ]
    assert not without


def test_a_metric_of_logs_is_looked_at_where_its_lines_come_from() -> None:
    looked_at = {
        (re.sub("_(sum|count)$", "", name), resource)
        for query in queries()
        for name, resource in re.findall(
            r'user_salesintel_(\w+)\{monitored_resource="(\w+)"', query
        )
    }
    names = re.findall(r'= "salesintel/(\w+)"', METRICS.read_text("utf-8"))
    kinds = (re.findall(r'resource\.type=\\"(\w+)', found) for found, _ in filters())
    assert looked_at == {(name, kind) for name, (kind,) in zip(names, kinds, strict=True)}
