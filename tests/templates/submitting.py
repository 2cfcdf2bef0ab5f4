"""Templates submitted for real, to a Google of ours: what `make golden` and the tests share."""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from apache_beam.internal.gcp import auth
from dataflow_stand_in import Google, write_account_key
from google.auth.credentials import CredentialsWithRegionalAccessBoundary

from connectors.secrets import Secret, Secrets
from pipelines.interface import Interface
from pipelines.main import submit
from pipelines.parameters import DEFAULT_SHARDS, TEMPLATES
from sandbox.vendors.server import served
from schemas.errors import ConfigurationError

GOLDEN = Path(__file__).parent / "golden"
KEY = b"the key that must not lie in a bucket"
SETTINGS = """
own_domains = ["acme.com"]
region = "US"

[[field_policies]]
column = "sales.people.title"
treatment = "hash"
"""
NOW = 1_800_000_000_000_000
"""2027-01-15."""

PLACE = [
    "--runner=DataflowRunner",
    "--project=acme-salesintel",
    "--region=us-central1",
    "--temp_location=gs://acme-salesintel-staging/temp",
    "--staging_location=gs://acme-salesintel-staging/staging",
    "--sdk_container_image=us-central1-docker.pkg.dev/acme-salesintel/salesintel/salesintel:0123abc",
    "--service_account_email=worker@acme-salesintel.iam.gserviceaccount.com",
    "--subnetwork=regions/us-central1/subnetworks/workers",
    "--no_use_public_ips",
]
"""What Terraform, or who launches a job, says to Dataflow itself."""

REQUIRED = {
    name: {one.name: one.example for one in template.by_name.values() if one.required}
    for name, template in TEMPLATES.items()
}
USUAL: dict[str, dict[str, str]] = {
    **REQUIRED,
    "replay": {**REQUIRED["replay"], "stage": "normalise", "since": "2026-02-01"},
    "rebuild": {**REQUIRED["rebuild"], "until": "2027-01-14"},
}
"""Of each template the parameters that it is mostly launched with."""


class OneSecret(Secrets):
    """Secret Manager with the one secret that there is."""

    def get(self, reference: str) -> Secret:
        if not reference.startswith("projects/acme-salesintel/secrets/redaction-key/"):
            raise ConfigurationError(f"{reference}: there is no such secret")
        return Secret(KEY)

    def renew(self, reference: str) -> Secret:
        return self.get(reference)


class Submitted(NamedTuple):
    """A job as it was posted, and its graph as it was staged."""

    job: dict[str, Any]
    graph: bytes
    tokens: int

    def interface(self, shards: int = DEFAULT_SHARDS) -> str:
        """Labels, coders and state."""
        return Interface.of_staged(self.graph, shards).text()

    @property
    def options(self) -> dict[str, Any]:
        """All options that workers are told."""
        found: dict[str, Any] = self.job["environment"]["sdkPipelineOptions"]["options"]
        return found


@contextmanager
def google(
    settings: str = SETTINGS, beside: Mapping[str, bytes] | None = None
) -> Iterator[tuple[Google, str]]:
    """Such a Google and its address, with a deployment's settings and what lies beside them;
    clients of this process find it and no other."""
    made = Google()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # Beam takes no endpoint of Dataflow's by number.
        address = stack.enter_context(served(made.app)).replace("127.0.0.1", "localhost")
        write_account_key(folder / "key.json", f"{address}/token")
        environment = {
            "STORAGE_EMULATOR_HOST": address,
            "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "key.json"),
        }
        stack.enter_context(mock.patch.dict(os.environ, environment))
        # Beam looks for credentials once a process, and another test may have asked before.
        for name, value in {"_credentials_init": False, "_credentials": None}.items():
            stack.enter_context(mock.patch.object(auth._Credentials, name, value))
        # A thread would ask the real Google in which regions this account may be used.
        boundary = "_is_regional_access_boundary_lookup_required"
        bounded = CredentialsWithRegionalAccessBoundary
        stack.enter_context(mock.patch.object(bounded, boundary, lambda _: False))
        for name, body in {"salesintel.toml": settings.encode(), **(beside or {})}.items():
            made.storage.hold(name, body)
        yield made, address


def arguments(parameters: Mapping[str, str], *more: str) -> list[str]:
    """The command line that a launcher makes of parameters."""
    return [*PLACE, *more, *(f"--{name}={value}" for name, value in parameters.items())]


def submitted(
    parameters: Mapping[str, str],
    *more: str,
    settings: str = SETTINGS,
    beside: Mapping[str, bytes] | None = None,
    running: Mapping[str, str] | None = None,
) -> Submitted:
    """The job that these parameters make."""
    with google(settings, beside) as (made, address):
        made.running.update(running or {})
        name = f"--job_name={parameters['pipeline']}"
        endpoint = f"--dataflow_endpoint={address}"
        submit(arguments(parameters, name, endpoint, *more), OneSecret(), lambda: NOW)
        (job,) = made.jobs
        return Submitted(job, made.staged(), made.tokens)


UNSAID = ("beam_plugins", "dataflow_service_options", "experiments")
"""Options that Beam makes up by itself, in an order of the day, or that stand elsewhere too."""


def golden_job(job: Mapping[str, Any]) -> str:
    """A job as its golden file has it: no times, ports, versions or hashes, and of the options what
    differs from Beam's own defaults."""
    environment = dict(job["environment"])
    options = environment.pop("sdkPipelineOptions")["display_data"]
    environment.pop("userAgent")
    for pool in environment["workerPools"]:
        pool.pop("taskrunnerSettings", None)
        for image in pool["sdkHarnessContainerImages"]:
            image.pop("capabilities", None)
    environment["experiments"] = sorted(environment["experiments"])
    shown = {one["key"]: one["value"] for one in options if one["key"] not in UNSAID}
    kept = {name: value for name, value in job.items() if name not in ("clientRequestId",)}
    whole = {**kept, "environment": environment, "options": shown}
    text = json.dumps(whole, indent=2, sort_keys=True)
    text = re.sub(r"localhost:\d+", "localhost:PORT", text)
    return re.sub(r"(staging|temp)/([a-z]+)\.\d+\.\d+", r"\1/\2.TIME", text) + "\n"


def main() -> None:
    """Writes the golden files."""
    for name, parameters in USUAL.items():
        made = submitted(parameters)
        (GOLDEN / f"{name}.json").write_text(golden_job(made.job), encoding="utf-8")
        (GOLDEN / f"{name}.txt").write_text(made.interface(), encoding="utf-8")


if __name__ == "__main__":
    main()
