"""Every template is submitted for real, by Dataflow's own client, and the job is as we have it.

Google is a stand-in on this machine (dataflow_stand_in.py): what is posted and staged is what the
real one would get.
"""

import json
import pickle
from itertools import combinations
from pathlib import Path

import pytest
from gcs_server import client_of
from google.cloud.dataflow import JobType, WorkerIPAddressConfiguration
from submitting import (
    GOLDEN,
    KEY,
    NOW,
    USUAL,
    OneSecret,
    Submitted,
    arguments,
    golden_job,
    google,
    submitted,
)

from pipelines.compatibility import NAMES, incompatibilities
from pipelines.main import submit
from pipelines.parameters import TEMPLATES
from pipelines.secret_key import key_from
from schemas.errors import ConfigurationError
from transforms.identity.weighed.weights import SHIPPED, write_model

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("templates")]

ON_PURPOSE = """
The job of template {name} has changed. If that is what you want, run `make golden` and say in the
commit why. {stream}
{reasons}"""
LISTED = "submission_environment_dependencies.txt"
OF_THE_STREAM = "A running stream cannot be updated to it in place:"


@pytest.fixture(scope="module")
def jobs() -> dict[str, Submitted]:
    """Of each template the job that it is mostly launched as."""
    return {name: submitted(parameters) for name, parameters in USUAL.items()}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_job_is_posted_and_staged_as_its_golden_files_have_it(
    name: str, jobs: dict[str, Submitted]
) -> None:
    posted, staged = golden_job(jobs[name].job), jobs[name].interface()
    golden = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    names = json.loads(NAMES.read_text(encoding="utf-8"))
    reasons = sorted(map(str, incompatibilities(golden, staged, names)))
    stream = OF_THE_STREAM if name == "stream" and reasons else ""
    said = ON_PURPOSE.format(name=name, stream=stream, reasons="\n".join(reasons))
    assert staged == golden, said
    assert posted == (GOLDEN / f"{name}.json").read_text(encoding="utf-8"), said


@pytest.mark.parametrize("name", TEMPLATES)
def test_workers_run_the_image_that_the_template_names_and_fetch_nothing(
    name: str, jobs: dict[str, Submitted]
) -> None:
    (pool,) = jobs[name].job["environment"]["workerPools"]
    image = "us-central1-docker.pkg.dev/acme-salesintel/salesintel/salesintel:0123abc"
    assert pool["workerHarnessContainerImage"] == image
    assert [one["containerImage"] for one in pool["sdkHarnessContainerImages"]] == [image]
    # A list that workers compare with what they have: it installs nothing.
    assert [one["name"] for one in pool["packages"]] == [LISTED]
    assert pool["ipConfiguration"] == WorkerIPAddressConfiguration.WORKER_IP_PRIVATE
    assert jobs[name].tokens, "a token of the service account was asked for"
    streams = jobs[name].job["type"] == JobType.JOB_TYPE_STREAMING
    assert streams is TEMPLATES[name].streaming


def test_the_key_lies_in_no_bucket(jobs: dict[str, Submitted]) -> None:
    for name in ("stream", "rebuild"):
        assert KEY not in jobs[name].graph
        assert KEY.decode() not in json.dumps(jobs[name].job)
    key = key_from(OneSecret(), USUAL["stream"]["redaction_key"])
    assert key == KEY and KEY not in pickle.dumps(key) and KEY.decode() not in repr(key)


@pytest.mark.exhaustive
def test_an_update_names_the_job_that_it_replaces_and_what_has_another_name(
    jobs: dict[str, Submitted],
) -> None:
    mapping = '--transform_name_mapping={"Reading":"Read"}'
    made = submitted(USUAL["stream"], "--update", mapping, running={"stream": "2026-job"})
    assert made.job["replaceJobId"] == "2026-job"
    assert made.job["transformNameMapping"] == {"Reading": "Read"}
    assert made.interface() == jobs["stream"].interface()


def test_a_launcher_writes_the_job_down_where_it_is_told_to() -> None:
    """How the launcher of a Flex Template calls it: Google submits what it finds there."""
    place = "gs://acme-salesintel-staging/staging/template_launches/1/job_object"
    with google() as (made, address):
        written = (f"--dataflow_endpoint={address}", f"--template_location={place}")
        submit(arguments(USUAL["replay"], *written), OneSecret(), lambda: NOW)
        job = json.loads(made.storage.blobs["staging/template_launches/1/job_object"].body)
    assert not made.jobs
    assert job["environment"]["sdkPipelineOptions"]["options"]["pipeline"] == "replay"


@pytest.mark.exhaustive
def test_a_stream_without_seeds_or_with_other_shards_is_another_job(
    jobs: dict[str, Submitted],
) -> None:
    running = jobs["stream"].interface()
    unseeded = submitted({**USUAL["stream"], "seeds": "none"})
    steps = {one.step for one in incompatibilities(running, unseeded.interface(), {})}
    assert {"Seeds", "Overrides"} <= steps
    resharded = submitted({**USUAL["stream"], "shards": "128"})
    (reason,) = incompatibilities(running, resharded.interface(128), {})
    assert reason.what == "64 became 128"


@pytest.mark.exhaustive
def test_a_model_of_identity_lies_beside_the_settings_that_name_it(
    jobs: dict[str, Submitted], tmp_path: Path
) -> None:
    write_model(SHIPPED, tmp_path / "model.json")
    model = (tmp_path / "model.json").read_bytes()
    settings = 'identity_model = "models/model.json"'
    beside = {"models/model.json": model}
    made = submitted(USUAL["stream"], settings=settings, beside=beside)
    assert made.interface() == jobs["stream"].interface()
    torn = {"models/model.json": model[:-2]}
    with pytest.raises(ConfigurationError, match=r"^gs://.*/models/model.json is no model file"):
        submitted(USUAL["stream"], settings=settings, beside=torn)


def test_settings_that_are_missing_or_wrong_stop_before_anything_is_posted() -> None:
    elsewhere = {**USUAL["stream"], "settings": "gs://acme-salesintel-config/other.toml"}
    for settings, parameters, words in (
        ("", elsewhere, "gs://acme-salesintel-config/other.toml does not exist"),
        ("own_domain = 1", USUAL["stream"], "gs://acme-salesintel-config/salesintel.toml: "),
        (
            'identity_model = "model.json"',
            USUAL["stream"],
            "gs://acme-salesintel-config/model.json does not exist",
        ),
        (
            'identity_model = "../model.json"',
            USUAL["stream"],
            "name a file that lies beside the settings",
        ),
    ):
        with google(settings) as (made, address), pytest.raises(ConfigurationError) as refused:
            endpoint = f"--dataflow_endpoint={address}"
            submit(arguments(parameters, endpoint), OneSecret(), lambda: 0)
        assert words in str(refused.value)
        assert not made.jobs


def test_a_key_that_there_is_not_stops_before_anything_is_posted() -> None:
    other = "projects/acme-salesintel/secrets/other/versions/latest"
    with google() as (made, address), pytest.raises(ConfigurationError, match="no such secret"):
        endpoint = f"--dataflow_endpoint={address}"
        parameters = {**USUAL["stream"], "redaction_key": other}
        submit(arguments(parameters, endpoint), OneSecret(), lambda: 0)
    assert not made.jobs


def optional_combinations() -> list[tuple[str, frozenset[str]]]:
    """Every template with none, each, each two and all of its optional parameters."""
    found = []
    for name, template in TEMPLATES.items():
        free = [one.name for one in template.parameters if one.name not in USUAL[name]]
        sizes = sorted({0, 1, 2, len(free)} & set(range(len(free) + 1)))
        found += [
            (name, frozenset(chosen)) for size in sizes for chosen in combinations(free, size)
        ]
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        pytest.param(name, chosen, id=f"{name}-{'-'.join(sorted(chosen)) or 'required'}")
        for name, chosen in optional_combinations()
    ],
)
def test_every_combination_of_parameters_makes_a_job_that_is_told_of_them(
    name: str, chosen: frozenset[str]
) -> None:
    own = TEMPLATES[name].by_name
    parameters = {**USUAL[name], **{one: own[one].example for one in chosen}}
    made = submitted(parameters)
    told = made.options
    for one, value in parameters.items():
        assert told[one] == own[one].kind(value)
    assert made.graph


def test_the_stand_in_takes_a_file_in_parts() -> None:
    with google() as (made, address):
        blob = client_of(address).bucket("any").blob("large", chunk_size=262_144)
        blob.upload_from_string(bytes(600_000))
        assert len(made.storage.blobs["large"].body) == 600_000
