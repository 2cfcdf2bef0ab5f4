"""Parameters have one home, and whoever names them names the same: metadata, options, Terraform."""

import json
import re
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.main import BUILDERS
from pipelines.metadata import text
from pipelines.options import SalesIntelOptions
from pipelines.parameters import TEMPLATES, Parameter, all_parameters
from pipelines.validation import matches

ROOT = Path(__file__).resolve().parents[2]
EVERY = [
    pytest.param(template.name, one, id=f"{template.name}-{one.name}")
    for template in TEMPLATES.values()
    for one in template.by_name.values()
]
BAD = {
    "pipeline": ("", "batch", "stream replay"),
    "messages_project": ("", "Acme", "a", "acme_salesintel", "acme salesintel", "-acme-", "x" * 64),
    "warehouse_project": ("", "ACME", "acme/"),
    "settings": (
        "",
        "salesintel.toml",
        "gs://bucket",
        "gs://b/salesintel.yaml",
        "s3://bucket/a.toml",
    ),
    "redaction_key": ("", "the key itself", "env:KEY", "file:/key", "projects/p/secrets/s"),
    "objects": ("", "/tmp/objects", "gs://", "gs://Bucket", "gs://bucket/a b"),
    "shards": ("", "0", "-1", "64.0", "many", "10000"),
    "dedupe_horizon_s": ("", "0", "a week", "1e6", "-604800"),
    "seeds": ("", "yes", "TABLES", "tables|none"),
    "archive": ("", "gs://bucket/a.json", "/tmp/a.avro", "gs://bucket/*.avro.gz"),
    "stage": ("", "Normalise", "a b", "normalise'--"),
    "error_type": ("", "1Error", "Invalid Payload", "x" * 101),
    "source": ("", "outlook", "gmail,hubspot"),
    "dead_letter": ("", "0123", "G" * 32),
    "since": ("", "yesterday", "2026-1-1", "31.01.2026", "2026-01-31T00:00:00Z"),
    "until": ("", "today", "26-01-31"),
    "limit": ("", "0", "all", "1000001"),
}


def metadata(name: str) -> dict[str, dict[str, object]]:
    read = json.loads((ROOT / "templates" / f"{name}.json").read_text(encoding="utf-8"))
    assert (read["name"], read["streaming"]) == (name, TEMPLATES[name].streaming)
    return {one["name"]: one for one in read["parameters"]}


def given_by_terraform() -> dict[str, str]:
    """What dataflow.tf passes, with what Terraform would put in for every reference."""
    source = (ROOT / "terraform" / "dataflow.tf").read_text(encoding="utf-8")
    block = source.partition("parameters = {\n")[2].partition("    }\n")[0]
    found = re.findall(r"^ +(\w+) += (.+)$", block, re.MULTILINE)
    values = {
        r"tostring\(var\.shards\)": '"64"',
        r"var\.project": '"acme-salesintel"',
        r'\$\{google_storage_bucket\.this\["(\w+)"\]\.name\}': r"acme-salesintel-\1",
        r"\$\{google_storage_bucket_object\.settings\.name\}": "salesintel.toml",
        r'\$\{google_secret_manager_secret\.this\["([\w-]+)"\]\.secret_id\}': r"\1",
        r'\$\{"acme-salesintel"\}': "acme-salesintel",
    }
    given = {}
    for name, expression in found:
        for reference, value in values.items():
            expression = re.sub(reference, value, expression)
        assert re.fullmatch(r'"[^"$]*"', expression), f"{name} = {expression}: unknown reference"
        given[name] = expression.strip('"')
    return given


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_metadata_of_a_template_is_what_the_code_has(name: str) -> None:
    written = (ROOT / "templates" / f"{name}.json").read_text(encoding="utf-8")
    assert written == text(TEMPLATES[name]), "run `make templates`"
    assert metadata(name).keys() == TEMPLATES[name].by_name.keys()


def test_every_template_has_a_builder_and_a_file_and_there_are_no_others() -> None:
    files = {path.stem for path in (ROOT / "templates").glob("*.json")} - {"transform-names"}
    assert BUILDERS.keys() == TEMPLATES.keys() == files


def test_the_options_are_the_parameters_with_their_types_and_defaults() -> None:
    options = PipelineOptions([]).view_as(SalesIntelOptions)
    ours = set(options._visible_option_list())
    assert ours == {"pipeline", *all_parameters()}
    for name, one in all_parameters().items():
        assert getattr(options, name) == one.default
        given = PipelineOptions([f"--{name}={one.example}"]).view_as(SalesIntelOptions)
        assert getattr(given, name) == one.kind(one.example) != one.default


@pytest.mark.parametrize(("name", "parameter"), EVERY)
def test_a_pattern_takes_default_and_example_and_refuses_what_is_wrong(
    name: str, parameter: Parameter
) -> None:
    (pattern,) = metadata(name)[parameter.name]["regexes"]  # type: ignore[misc]
    good = {parameter.example, *([str(parameter.default)] if parameter.default is not None else [])}
    for value in good:
        assert re.fullmatch(pattern, value) and matches(parameter, value), value
    assert set(BAD) == {"pipeline", *all_parameters()}
    for value in BAD[parameter.name]:
        assert not re.search(pattern, value), value
        assert not matches(parameter, value), value


@settings(max_examples=40)
@given(value=st.text(max_size=20) | st.from_regex(r"[a-z0-9:/.=-]{1,12}[ ;'\"$\\][a-z]*"))
def test_no_pattern_takes_what_would_be_another_argument(value: str) -> None:
    for one in all_parameters().values():
        if matches(one, value):
            assert not re.search(r"[\s'\"`;$\\]", value.rstrip("\n")) and not value.startswith("-")


def test_terraform_passes_parameters_of_the_stream_and_every_one_that_it_needs() -> None:
    given, own = given_by_terraform(), TEMPLATES["stream"].by_name
    assert given.keys() <= own.keys()
    assert {name for name, one in own.items() if one.required} <= given.keys()
    for name, value in given.items():
        assert matches(own[name], value), name
    source = (ROOT / "terraform" / "dataflow.tf").read_text(encoding="utf-8")
    assert "templates/${name}.json" in source and "templates/transform-names.json" in source
