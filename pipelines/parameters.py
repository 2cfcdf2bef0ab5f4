"""The Flex Templates and their parameters: the one list that options, metadata and Terraform have.

`python -m pipelines.metadata` writes templates/*.json from it. Metadata is checked by Google before
a job is launched, and by pipelines/validation.py once more, for whoever starts a job by hand.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.change import SOURCES

DEFAULT_SHARDS = 64
"""Shards of keyed state. The number is part of a job's interface: a running job keeps its own."""

DEDUPE_HORIZON_S = 7 * 86_400
"""How long a change is remembered: as long as a subscription keeps messages for seek."""
LONGEST_HORIZON_S = 14 * 86_400
"""A first copy is remembered for twice as long at the most, and ops.accounting looks no further
back than that before the messages it accounts for."""

_PROJECT = r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_BUCKET = r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_PATH = r"[A-Za-z0-9._/=-]+"
_DAY = r"20[0-9]{2}-[01][0-9]-[0-3][0-9]"


class Parameter(NamedTuple):
    """A parameter of templates; `pattern` is what its value has to match as a whole."""

    name: str
    label: str
    help: str
    pattern: str
    example: str
    required: bool = False
    default: Any = None
    kind: Callable[[str], Any] = str
    param_type: str = "TEXT"
    """As the console shows it.
    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/ParameterType"""


class Template(NamedTuple):
    """A Flex Template: what it is for, and its parameters."""

    name: str
    description: str
    streaming: bool
    parameters: tuple[Parameter, ...]

    @property
    def by_name(self) -> dict[str, Parameter]:
        """Its parameters, the one that says which template it is among them."""
        return {one.name: one for one in (pipeline_parameter(self.name), *self.parameters)}


def pipeline_parameter(name: str) -> Parameter:
    """Which of the pipelines the one image runs: a template takes its own name alone."""
    return Parameter(
        "pipeline", "Pipeline", f"Always {name}.", name, name, required=True, default=None
    )


MESSAGES_PROJECT = Parameter(
    "messages_project",
    "Project of messages",
    "Project of topics and subscriptions; without one that of the job.",
    _PROJECT,
    "acme-salesintel",
)
WAREHOUSE_PROJECT = Parameter(
    "warehouse_project",
    "Project of the warehouse",
    "Project of the datasets; without one that of the job.",
    _PROJECT,
    "acme-salesintel",
)
SETTINGS = Parameter(
    "settings",
    "Settings",
    "Settings file (TOML): own domains, custom fields, field policy.",
    rf"{_BUCKET}/{_PATH}\.toml",
    "gs://acme-salesintel-config/salesintel.toml",
    required=True,
    param_type="GCS_READ_FILE",
)
REDACTION_KEY = Parameter(
    "redaction_key",
    "Redaction key",
    "Secret with the key of field policies and erasures; never another one, or they do not meet.",
    r"projects/[a-z0-9:.-]+/secrets/[A-Za-z0-9_-]+/versions/(?:latest|[0-9]+|[a-z][A-Za-z0-9_-]*)",
    "projects/acme-salesintel/secrets/redaction-key/versions/latest",
    required=True,
)
OBJECTS = Parameter(
    "objects",
    "Large payloads",
    "Where payloads above 7 MB lie: gs://bucket, or a prefix in one.",
    rf"{_BUCKET}(?:/{_PATH})?",
    "gs://acme-salesintel-objects",
    required=True,
)
SHARDS = Parameter(
    "shards",
    "Shards",
    "Shards of keyed state. A running job cannot be updated to another number.",
    r"[1-9][0-9]{0,3}",
    "128",
    default=DEFAULT_SHARDS,
    kind=int,
    param_type="NUMBER",
)
DEDUPE_HORIZON = Parameter(
    "dedupe_horizon_s",
    "Dedupe horizon",
    "Seconds for which a change is remembered: at least as long as messages are kept, and 14 days "
    "at the most.",
    r"[1-9][0-9]{0,7}(?:\.[0-9]+)?",
    "1209600",
    default=DEDUPE_HORIZON_S,
    kind=float,
    param_type="NUMBER",
)
SEEDS = Parameter(
    "seeds",
    "Seeds",
    "tables: the resolver starts from what the warehouse holds, silent until it has all of it; "
    "none: an empty warehouse. A running job cannot be updated to the other.",
    "tables|none",
    "none",
    default="tables",
)
ARCHIVE = Parameter(
    "archive",
    "Archive",
    "Avro files of messages, as a Cloud Storage subscription of Pub/Sub writes them with metadata; "
    "* stands for any part of a name.",
    rf"{_BUCKET}/[A-Za-z0-9._/=*-]+\.avro",
    "gs://acme-salesintel-archive/changes-gmail/2026-*.avro",
    required=True,
)
STAGE = Parameter(
    "stage", "Stage", "Only dead letters of this stage.", r"[a-z][a-z_]{0,39}", "normalise"
)
ERROR_TYPE = Parameter(
    "error_type",
    "Error",
    "Only dead letters of this class of error.",
    r"[A-Za-z_][A-Za-z0-9_]{0,99}",
    "InvalidPayload",
)
SOURCE = Parameter(
    "source", "Source", "Only dead letters of this source.", "|".join(SOURCES), "hubspot"
)
DEAD_LETTER = Parameter(
    "dead_letter", "Dead letter", "Only the one with this id.", r"[0-9a-f]{32}", "0" * 32
)
SINCE = Parameter("since", "Since", "First day (UTC), as 2026-01-31.", _DAY, "2026-01-31")
UNTIL = Parameter(
    "until", "Until", "The day after the last (UTC), as 2026-02-28.", _DAY, "2026-02-28"
)
LIMIT = Parameter(
    "limit",
    "Limit",
    "At most so many dead letters, the oldest first.",
    r"[1-9][0-9]{0,5}|1000000",
    "500",
    default=10_000,
    kind=int,
    param_type="NUMBER",
)

TEMPLATES = {
    one.name: one
    for one in (
        Template(
            "stream",
            "Changes from Pub/Sub to BigQuery, deduplicated and resolved to people and accounts.",
            True,
            (
                *(MESSAGES_PROJECT, WAREHOUSE_PROJECT, SETTINGS, REDACTION_KEY, OBJECTS),
                *(SHARDS, DEDUPE_HORIZON, SEEDS),
            ),
        ),
        Template(
            "backfill",
            "Archived messages of a bucket back onto their topics, where the stream takes them in.",
            False,
            (ARCHIVE, SINCE, UNTIL, MESSAGES_PROJECT, OBJECTS),
        ),
        Template(
            "replay",
            "Dead letters back onto their topics, exactly as they came, as the next attempt.",
            False,
            (
                *(STAGE, ERROR_TYPE, SOURCE, DEAD_LETTER, SINCE, UNTIL, LIMIT),
                *(MESSAGES_PROJECT, WAREHOUSE_PROJECT, OBJECTS),
            ),
        ),
        Template(
            "rebuild",
            "Derived tables anew from raw.changes, after a parser was mended.",
            False,
            (SINCE, UNTIL, WAREHOUSE_PROJECT, SETTINGS, REDACTION_KEY, OBJECTS, SHARDS),
        ),
    )
}
"""By name; the order of parameters is that of the console."""


def all_parameters() -> dict[str, Parameter]:
    """Every parameter that any template has, but for the one that names the template."""
    return {one.name: one for template in TEMPLATES.values() for one in template.parameters}
