"""What each duty's command is, and where its code says more, or less, than it needs."""

from collections.abc import Mapping
from typing import NamedTuple

from google_calls import VENDORS

ONE_MACHINE = ("embedded", "sandbox")
"""Rooms that a duty in the cloud does not enter."""


class Duty(NamedTuple):
    """`never`: calls in modules that it reaches, and does not make, with the reason; `besides`:
    permissions that no call of ours shows, with the reason."""

    roots: tuple[str, ...]
    source: str | None = None
    never: Mapping[str, str] = {}
    besides: Mapping[str, str] = {}


_VIEWS = "tables and views are made by Terraform; only the catalogue of views is read"
_LIMITS = "reached for its limits, which are constants"
_HELD = "only Salesforce is compared with what we hold"
_CLOUD = {
    "bigquery.tables.get": "the Storage Write API looks at the table that rows go to",
}
_NEVER = {
    "warehouse.catalogue": _VIEWS,
    "warehouse.query": _LIMITS,
}
_BY_SOURCES = "reached by connectors.sources, of which only the names of sources are used"
_BY_QUESTIONS = "reached for the list of tables that a record may be in"
_SETTINGS = "its settings file is mounted from a bucket"
_MOUNTED = {"storage.objects.get": _SETTINGS, "storage.objects.list": _SETTINGS}
_FETCHED = "reads the settings of the stream"
_OBJECTS = "connectors.bucket"
_KEEPS_NONE = "no payload is kept by it: what it does with them is below"
_ON_DATAFLOW = {
    "artifactregistry.repositories.downloadArtifacts": "pulls its image",
    "artifactregistry.repositories.get": "pulls its image",
    "dataflow.workItems.lease": "is a worker of Dataflow's",
    "dataflow.workItems.sendMessage": "is a worker of Dataflow's",
    "dataflow.workItems.update": "is a worker of Dataflow's",
    "storage.objects.create": "Dataflow stages files; what is too large goes by claim check",
    "storage.objects.delete": "Dataflow clears its temporary files",
    "storage.objects.get": "fetches claim checks, its settings and what is staged",
    "storage.objects.list": "Dataflow looks for its temporary files",
    "storage.objects.update": "Dataflow composes its temporary files",
}
_MADE_WITH = "what all jobs are made of; this one keeps to messages"
_MESSAGES_ALONE = {
    "connectors.secrets": _MADE_WITH,
    "warehouse.catalogue": _VIEWS,
    "warehouse.compaction": _LIMITS,
    "warehouse.erasures": _MADE_WITH,
}


def _poller(source: str) -> Duty:
    never = dict(_NEVER)
    if source != "salesforce":
        never["warehouse.held"] = _HELD
    if source == "gmail":
        never["connectors.secrets"] = "keyless: IAM signs, and there is no secret"
    return Duty(
        ("operations.poll", "operations.nightly", "operations.doctor"), source, never, _CLOUD
    )


def _fetcher(source: str) -> Duty:
    return Duty(
        ("operations.fetch",),
        source,
        {name: why for name, why in _poller(source).never.items() if name != "warehouse.query"}
        | {"warehouse.held": _HELD},
        _CLOUD,
    )


DUTIES: Mapping[str, Duty] = {
    **{f"poller-{source}": _poller(source) for source in VENDORS},
    **{f"fetcher-{source}": _fetcher(source) for source in ("gmail", "hubspot")},
    "subscriber": Duty(
        ("operations.subscribe",),
        "dialpad",
        never={
            "connectors.publisher": "reached by connectors.sources; it reads and publishes nothing"
        },
        besides=_MOUNTED,
    ),
    "webhooks": Duty(
        ("operations.webhooks",),
        never={_OBJECTS: "what is named by its content is neither read nor written over"},
        besides=_MOUNTED | {"storage.objects.create": "payloads above 7 MB go by claim check"},
    ),
    "worker": Duty(
        ("pipelines.jobs.stream",),
        besides=_CLOUD
        | _ON_DATAFLOW
        | {"secretmanager.versions.access": "the key of field policies is read when it starts"},
    ),
    "backfiller": Duty(
        ("pipelines.jobs.backfill",),
        never=_MESSAGES_ALONE
        | {
            "warehouse.latest": _MADE_WITH,
            "warehouse.other_runs": "beside an erasure it may begin",
        },
        besides=_CLOUD | _ON_DATAFLOW,
    ),
    "replayer": Duty(
        ("pipelines.jobs.replay",),
        never=_MESSAGES_ALONE,
        besides=_CLOUD | _ON_DATAFLOW,
    ),
    "rebuilder": Duty(
        ("pipelines.jobs.rebuild",),
        never={
            "connectors.publisher": "reached by the steps of other jobs; it publishes nothing",
        },
        besides=_CLOUD
        | _ON_DATAFLOW
        | {
            "bigquery.tables.create": "CREATE OR REPLACE VIEW, which is a query",
            "secretmanager.versions.access": "the key of field policies is read when it starts",
        },
    ),
    "releaser": Duty(
        ("operations.releasing",),
        besides={
            "dataflow.jobs.get": "waits for the drain",
            "dataflow.jobs.list": "looks for the job that runs",
            "dataflow.jobs.updateContents": "drains it; by hand, sets its most workers",
            "pubsub.snapshots.seek": "goes back to where a subscription stood",
        },
    ),
    "notifier": Duty(
        ("operations.notify",),
        never={"warehouse.catalogue": _VIEWS},
        besides={
            "bigquery.tables.get": "part of the role that reads a dataset",
            "bigquery.tables.list": "part of the role that reads a dataset",
        }
        | _MOUNTED,
    ),
    "quality": Duty(
        ("operations.figures", "operations.quality", "operations.verify", "operations.runs"),
        never={
            "connectors.publisher": _BY_SOURCES,
            "connectors.secrets": _BY_SOURCES,
            "warehouse.catalogue": _VIEWS,
            "warehouse.held": _BY_QUESTIONS,
        },
        besides=_CLOUD
        | {"bigquery.tables.list": "part of the role that reads a dataset"}
        | _MOUNTED,
    ),
    "compactor": Duty(
        ("operations.compact", "warehouse.compaction", "operations.runs"),
        besides=_MOUNTED | {"bigquery.tables.create": "CREATE OR REPLACE VIEW, which is a query"},
    ),
    "retention": Duty(
        ("operations.retention",),
        never={"warehouse.catalogue": _VIEWS},
        besides=_MOUNTED | _CLOUD,
    ),
    "steward": Duty(
        (
            "operations.identity.candidates",
            "operations.identity.decide",
            "operations.identity.explain",
            "operations.identity.match_report",
            "operations.identity.train",
        ),
        never={
            "warehouse.catalogue": _VIEWS,
            _OBJECTS: "reached for the settings; nothing is kept",
        },
        besides=_CLOUD | {"storage.objects.get": _FETCHED, "storage.objects.list": _FETCHED},
    ),
    "eraser": Duty(
        ("operations.privacy.erase",),
        never={_OBJECTS: _KEEPS_NONE},
        besides={
            "bigquery.tables.create": "CREATE OR REPLACE VIEW, which is a query",
            "storage.objects.get": "searches payloads; reads the settings",
        },
    ),
    "exporter": Duty(
        ("operations.privacy.export_person",),
        never={_OBJECTS: _KEEPS_NONE, "warehouse.catalogue": _VIEWS},
        besides=_CLOUD
        | {
            "storage.objects.get": "gives payloads; reads the settings",
            "storage.objects.list": "tells what is gone from what is not for it",
        },
    ),
    "granter": Duty(
        ("operations.privacy.access",), never={"warehouse.catalogue": _VIEWS}, besides=_CLOUD
    ),
}
"""By the name of the account. Those that run no code of ours are not here."""

WITHOUT_CODE = frozenset(
    {"launcher", "dispatcher", "rotator", "scheduler", "gmail-delegate", "gmail-push"}
)
