"""What a month of the system uses, in the units that are billed: plain functions of its load.

Each line is either there whatever comes in, or in proportion to the events; only the workers of the
stream do not cost less than one.
"""

from collections.abc import Iterator, Mapping

import msgspec

from schemas.errors import ConfigurationError
from schemas.retention import DAYS, RetentionClass

GIB, TIB, GB = 2**30, 2**40, 10**9
HOURS = 730
"""Of a month; Google's price lists count so."""
MONTH_DAYS = 365 / 12
ACTIVE_MONTHS = 3
"""Partitions that were not written to for 90 days are billed as long-term storage."""

RETAINED_DAYS = 7
"""Messages stay for seek (schemas/topology.py): by the topic and by the subscription."""

KINDS = ("mail", "call", "record")
EXPIRING: tuple[RetentionClass, ...] = ("raw", "bodies", "facts")
KEPT = "kept"
"""For good (docs/retention.md)."""

# An event is handed from worker to worker before Dedupe, Records, Blocks, Components and Write.
SHUFFLES = 5
CHANGES_A_VCPU_S = 250.0
"""Assumed, not measured on Dataflow: a quarter of what one core here does with the whole graph and
no sink (README.md, Figures), for the service's own work and for peaks."""
PEAK = 3.0
"""How much more comes in at the busiest hour than on the average: workers are there for it."""
WORKER_VCPUS, WORKER_GB, WORKER_DISK_GB = 2, 8, 30
"""n2-standard-2 with Streaming Engine (terraform/variables.tf)."""

EVERY_MINUTES: Mapping[str, float] = {
    "poll-gmail": 10,
    "poll-salesforce": 2,
    "poll-hubspot": 5,
    "poll-dialpad": 5,
    "figures": 5,
    "rates": 60,
    "quality": 1_440,
    "compact": 60,
    "retention": 1_440,
    "nightly-gmail": 1_440,
    "nightly-salesforce": 1_440,
    "nightly-hubspot": 1_440,
    "nightly-dialpad": 1_440,
}
"""Jobs and how often they start (terraform/connectors.tf)."""
WATCHED_DAYS, FIRST_COPY_DAYS = 15, 43
"""Partitions of raw.changes: those that ops.freshness and ops.accounting read, today among them,
and those in which the second looks for the first copy of a duplicate."""
JOB_SECONDS = 60
"""A job's start is billed as a minute at least; most end within it."""
READY_CHECKS = 3
"""Schedules that ask a service whether it is ready: notify and two fetchers."""
ALWAYS_ON = 3
"""Services that never rest, one vCPU and 1 GiB each: notify and two fetchers."""
SECRETS = 9
"""Versions, one a secret (terraform/secrets.tf)."""
SECRETS_A_START = 2
LOG_BYTES_A_START = 5_000
LOG_BYTES_A_CALL = 1_000
"""Of a webhook: the balancer's line and the service's."""
CALLS_AN_EVENT = 1.0
"""Webhooks an event: some sources send none, others several; at the most."""
ARMOR_RULES = 2

Measured = Mapping[str, float]
"""Bytes an event (operations/costs/measured.toml)."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What comes in, and what is asked."""

    events: float
    """Changes a month that are not duplicates."""
    mail_share: float
    call_share: float
    """Of the events; the rest are changes of CRM records."""
    duplicates: float = 0.17
    """Messages a month that are repetitions, per event."""
    months: float = 12.0
    """For how long it has run: what is stored grows until it expires."""
    questions: float = 2_000.0
    """People ask so often a month; each reads all interactions at the most."""
    workers: float = 1.0
    """Least streaming workers."""

    def __post_init__(self) -> None:
        """ConfigurationError for what no month could have."""
        for name in self.__struct_fields__:
            if not getattr(self, name) >= 0:
                raise ConfigurationError(f"{name} is below 0: name what comes in")
        if self.mail_share + self.call_share > 1:
            raise ConfigurationError("mail-share and call-share are more than 1 together")

    @property
    def messages(self) -> float:
        """Everything that is published."""
        return self.events * (1 + self.duplicates)

    def share(self, kind: str) -> float:
        """Of the events, those of a kind."""
        shares = {"mail": self.mail_share, "call": self.call_share}
        return shares.get(kind, 1 - self.mail_share - self.call_share)


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """So much of what one price is for."""

    service: str
    what: str
    price: str
    """Table of operations/costs/prices.toml."""
    quantity: float


def used(load: Load, measured: Measured) -> list[Use]:
    """Everything that a month is billed for."""
    return [
        *_messages(load, measured),
        *_stream(load, measured),
        *_warehouse(load, measured),
        *_containers(load),
        *_rest(load),
    ]


def an_event(load: Load, measured: Measured, what: str) -> float:
    """Bytes of `what` (message, raw, bodies, facts, kept) of the load's average event."""
    return sum(load.share(kind) * measured.get(f"{kind}_{what}_bytes", 0.0) for kind in KINDS)


def stored(load: Load, measured: Measured) -> tuple[float, float]:
    """Bytes that are billed as active and as long-term storage, after so many months."""
    active = aged = 0.0
    for kept in EXPIRING:
        a_month = load.events * an_event(load, measured, kept)
        months = min(load.months, DAYS[kept] / MONTH_DAYS)
        young = min(months, ACTIVE_MONTHS)
        active, aged = active + young * a_month, aged + (months - young) * a_month
    # With the compaction's copy of the latest rows; what is written to every day stays active.
    for_good = an_event(load, measured, KEPT) + measured["identity_bytes"]
    return active + 2 * load.months * load.events * for_good, aged


def _messages(load: Load, measured: Measured) -> Iterator[Use]:
    published = load.messages * an_event(load, measured, "message")
    yield Use(
        service="Pub/Sub",
        what="published, and delivered to the stream",
        price="pubsub_throughput",
        quantity=2 * published / TIB,
    )
    yield Use(
        service="Pub/Sub",
        what="kept a week for seek, by topic and subscription",
        price="pubsub_retention",
        quantity=2 * published * RETAINED_DAYS / MONTH_DAYS / GIB,
    )


def workers(load: Load) -> float:
    """Streaming workers, on the average of a month."""
    a_second = load.messages / (HOURS * 3_600)
    return max(load.workers, a_second * PEAK / (CHANGES_A_VCPU_S * WORKER_VCPUS))


def _stream(load: Load, measured: Measured) -> Iterator[Use]:
    hours = workers(load) * HOURS
    for what, price, quantity in (
        ("processors of workers", "dataflow_vcpu", hours * WORKER_VCPUS),
        ("memory of workers", "dataflow_memory", hours * WORKER_GB),
        ("disks of workers", "dataflow_disk", hours * WORKER_DISK_GB),
    ):
        yield Use(service="Dataflow", what=what, price=price, quantity=quantity)
    yield Use(
        service="Dataflow",
        what="data through Streaming Engine",
        price="dataflow_engine",
        quantity=load.messages * an_event(load, measured, "message") * SHUFFLES / GB,
    )


def _warehouse(load: Load, measured: Measured) -> Iterator[Use]:
    rows = (
        sum(an_event(load, measured, kept) for kept in (*EXPIRING, KEPT))
        + measured["identity_bytes"]
    )
    active, aged = stored(load, measured)
    for what, price, quantity in (
        ("rows written", "bigquery_write", load.events * rows / GIB),
        ("stored, written to within 90 days", "bigquery_active", active / GIB),
        ("stored, older", "bigquery_long_term", aged / GIB),
        ("figures, rates and rules asked", "bigquery_query", own_scans(load, measured) / TIB),
        ("compaction of the latest rows", "bigquery_query", compacted(load, measured) / TIB),
        (
            "people's questions",
            "bigquery_query",
            load.questions * held(load, measured, "facts") / TIB,
        ),
    ):
        yield Use(service="BigQuery", what=what, price=price, quantity=quantity)


def held(load: Load, measured: Measured, kept: RetentionClass) -> float:
    """Bytes of a class that are there after so many months."""
    months = min(load.months, DAYS[kept] / MONTH_DAYS)
    return months * load.events * an_event(load, measured, kept)


def own_scans(load: Load, measured: Measured) -> float:
    """Bytes a month that the system reads to know how it is: `figures` asks ops.health and
    ops.freshness, which read columns of the newest rows of raw.changes; the rates and the rules
    read all interactions."""
    held_days = load.months * MONTH_DAYS
    watched = min(held_days, WATCHED_DAYS)
    before = min(held_days, FIRST_COPY_DAYS) - watched
    a_change = 2 * watched * measured["watched_bytes"] + before * measured["first_copy_bytes"]
    watching = starts("figures") * load.events / MONTH_DAYS * a_change
    return watching + (starts("rates") + starts("quality")) * held(load, measured, "facts")


def compacted(load: Load, measured: Measured) -> float:
    """Bytes a month that compactions read: no partition says when a row was written, so tables and
    their copies are read whole, at the most, where anything has come."""
    latest = held(load, measured, "facts") + load.months * load.events * (
        an_event(load, measured, KEPT) + measured["identity_bytes"]
    )
    return 2 * starts("compact") * latest


def starts(job: str) -> float:
    """Of a job, a month."""
    return HOURS * 60 / EVERY_MINUTES[job]


def _containers(load: Load) -> Iterator[Use]:
    jobs = sum(map(starts, EVERY_MINUTES)) * JOB_SECONDS
    always = ALWAYS_ON * HOURS * 3_600
    for what, price, quantity in (
        ("jobs: pollers, nights, figures", "run_cpu", jobs),
        ("their memory", "run_memory", jobs),
        ("notify and fetchers", "run_cpu", always),
        ("their memory", "run_memory", always),
        ("webhooks, waiting", "run_idle_cpu", HOURS * 3_600),
        ("their memory", "run_idle_memory", HOURS * 3_600),
        ("webhooks answered", "run_requests", load.events * CALLS_AN_EVENT / 1e6),
    ):
        yield Use(service="Cloud Run", what=what, price=price, quantity=quantity)


def _rest(load: Load) -> Iterator[Use]:
    begun = sum(map(starts, EVERY_MINUTES))
    logged = begun * LOG_BYTES_A_START + load.events * CALLS_AN_EVENT * LOG_BYTES_A_CALL
    for service, what, price, quantity in (
        ("Load balancing", "one forwarding rule", "balancer", HOURS),
        ("Load balancing", "its policy", "armor_policy", 1.0),
        ("Load balancing", "rules of the policy", "armor_rule", float(ARMOR_RULES)),
        ("Secret Manager", "active versions", "secret_version", float(SECRETS)),
        ("Secret Manager", "read", "secret_access", begun * SECRETS_A_START / 10_000),
        ("Scheduler", "schedules", "scheduler", float(len(EVERY_MINUTES) + READY_CHECKS)),
        ("Logging", "log lines", "logging", logged / GIB),
    ):
        yield Use(service=service, what=what, price=price, quantity=quantity)
