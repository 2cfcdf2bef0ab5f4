"""`salesintel release`: plan, deploy, drain and roll back an environment in the cloud."""

import subprocess
from typing import Any

from google.auth.credentials import Credentials
from google.cloud import pubsub_v1
from googleapiclient.discovery import build

from operations.console import console
from operations.release.acting import acting
from operations.release.carrying_out import carry_out, facts_of
from operations.release.checkout import Checkout, program
from operations.release.cloud import CloudStream
from operations.release.dataflow import StreamingJob
from operations.release.environment import Environment, checked_release, environment_of
from operations.release.positions import Positions
from operations.release.steps import Step, decided
from operations.verification.check import WINDOWS, window_of
from schemas.errors import ConfigurationError, RetriableError

ACTIONS = ("plan", "deploy", "drain", "rollback")
SAID: dict[Step, str] = {
    "snapshot": "keeping where the subscriptions stand",
    "drain": "draining the stream: what it has read is written",
    "seek": "going back to where the subscriptions stood",
    "forget": "dropping the snapshots that nobody goes back to any more",
    "apply": "terraform apply",
}


def release(
    action: str,
    environment: str,
    tag: str,
    *,
    replace: bool,
    this_checkout: bool,
    dry_run: bool,
) -> None:
    """Decides, says what and why, and does it unless it is a dry run.

    Nothing is done from a checkout of another release, unless `this_checkout` is what is meant.
    """
    if action not in ACTIONS:
        raise ConfigurationError(f"{action!r}: choose one of verify, {', '.join(ACTIONS)}")
    place = environment_of(environment)
    looks = dry_run or action == "plan"
    credentials = acting(place.project, looks=looks)
    job = StreamingJob(dataflow_service(credentials), place.project, place.region)
    stream = CloudStream(place, job)
    if action == "drain":
        _drain(stream, environment, dry_run=dry_run)
        return
    wanted = checked_release(tag)
    _check_checkout(place, wanted, refuses=not looks and not this_checkout)
    stream.prepare()
    with pubsub_v1.SubscriberClient(credentials=credentials) as subscriber:
        positions = Positions(subscriber, place.project)
        facts = facts_of(stream, positions, wanted, back=action == "rollback", replace=replace)
        decision = decided(facts)
        shown = ", ".join(decision.steps)
        console.print(
            f"{facts.running or 'nothing'} → {wanted}: {shown} ({decision.why})",
            highlight=False,
            markup=False,
        )
        if looks:
            stream.plan(wanted)
            return
        # What cannot even be planned would be found out when nothing streams any more.
        stream.plan(wanted)
        missed = carry_out(
            decision, wanted, stream, positions, lambda step: console.print(SAID[step])
        )
    if missed:
        console.print(
            f"  not sought back, for nothing was kept of it: {', '.join(missed)}",
            highlight=False,
            soft_wrap=True,
        )
    now = " ".join(_verification(place, next(iter(WINDOWS))))
    console.print(f"  now: {now}", highlight=False, soft_wrap=True)


def verify_there(environment: str, within: str) -> None:
    """Starts `verify` as a job of the environment, and waits for it; RetriableError where something
    is amiss, or it cannot tell, which the job's log says."""
    # Each window has a job of its own (terraform/connectors.tf).
    place, window = environment_of(environment), window_of(within)
    gcloud, *arguments = _verification(place, window.name)
    if subprocess.run([program(gcloud), *arguments], check=False).returncode:
        raise RetriableError(
            f"verify-{within} of {environment} has not ended well: the job's log says what is "
            "amiss, or could not be told (docs/deployment.md)"
        )


def _verification(place: Environment, within: str) -> tuple[str, ...]:
    return (
        *("gcloud", "run", "jobs", "execute", f"verify-{within}", "--wait"),
        f"--project={place.project}",
        f"--region={place.region}",
        f"--impersonate-service-account=launcher@{place.project}.iam.gserviceaccount.com",
    )


def _check_checkout(place: Environment, wanted: str, *, refuses: bool) -> None:
    """Terraform's files and the names of transforms are those of this tree, the image is not."""
    if Checkout(place.folder).is_at(wanted):
        return
    what = f"this checkout is not at {wanted}, and its Terraform would be applied to that image"
    if refuses:
        raise ConfigurationError(
            f"{what}: `git checkout {wanted}` first; --this-checkout (THIS_CHECKOUT=1) where it is "
            "meant so, or where no commit has that name"
        )
    console.print(what, highlight=False, markup=False, soft_wrap=True)


def dataflow_service(credentials: Credentials) -> Any:
    """The API's client."""
    return build("dataflow", "v1b3", credentials=credentials)


def _drain(stream: CloudStream, environment: str, *, dry_run: bool) -> None:
    if dry_run:
        console.print(f"this drains the stream of {environment}: with --yes it is done")
        return
    stream.drain()
    console.print("drained: messages wait in Pub/Sub for up to seven days, until the next deploy")
