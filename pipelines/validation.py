"""Parameters of a job, held against its template before anything is submitted.

Google checks the metadata of a template only where a job is launched from it; whoever starts one by
hand, and what no pattern can say, is checked here.
"""

import re
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import NamedTuple

from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
    WorkerOptions,
)

from pipelines.options import SalesIntelOptions
from pipelines.parameters import LONGEST_HORIZON_S, TEMPLATES, Parameter, Template, all_parameters
from schemas.clock import Clock, from_us
from schemas.errors import ConfigurationError
from schemas.topology import RETENTION_S

SETTLED_AFTER = timedelta(hours=6)
"""A day is rebuilt no sooner than so long after its end: whatever was published in it has been
written by then, or the alert on the stream's watermark has long gone off."""

NEAR = 0.7
"""How like ours a name is that is taken for misspelt: of difflib, 1 is the same."""


class Days(NamedTuple):
    """Days of UTC from `since` on, up to but without `until`; None: no end on that side."""

    since: date | None
    until: date | None


def checked_template(options: PipelineOptions, clock: Clock) -> Template:
    """The template that the options are for; ConfigurationError lists all that is wrong."""
    given = options.view_as(SalesIntelOptions)
    if given.pipeline not in TEMPLATES:
        raise ConfigurationError(
            f"pipeline is {given.pipeline!r}: name one of {', '.join(TEMPLATES)}"
        )
    template = TEMPLATES[given.pipeline]
    wrong = [
        *_of_parameters(given, template),
        *_of_misspelt(options, template),
        *_of_days(given, template, from_us(clock())),
        *_of_dataflow(options),
    ]
    if wrong:
        raise ConfigurationError(f"template {template.name}: {'; '.join(wrong)}")
    return template


def days_of(options: SalesIntelOptions) -> Days:
    """The days that are meant."""
    return Days(_day(options.since), _day(options.until))


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None


def _of_parameters(given: SalesIntelOptions, template: Template) -> list[str]:
    wrong, own = [], template.by_name
    for name, one in all_parameters().items():
        value = getattr(given, name)
        if name not in own:
            if value != one.default:
                wrong.append(f"{name} is no parameter of it")
        elif value is None or value == "":
            if one.required:
                wrong.append(f"{name} is missing ({one.help} As in {one.example})")
        elif not matches(one, value):
            wrong.append(f"{name} is {value!r}: write it as in {one.example}")
    if "dedupe_horizon_s" in own:
        wrong += _of_horizon(given.dedupe_horizon_s)
    return wrong


def _of_horizon(seconds: float) -> list[str]:
    if seconds < RETENTION_S:
        return [
            f"dedupe_horizon_s is below {RETENTION_S}: messages are kept as long, and come again"
        ]
    if seconds > LONGEST_HORIZON_S:
        return [
            f"dedupe_horizon_s is above {LONGEST_HORIZON_S}: ops.accounting would take duplicates "
            "of what came so long ago for lost"
        ]
    return []


def _of_misspelt(options: PipelineOptions, template: Template) -> list[str]:
    """Names that nobody knows and that are nearly one of ours: Beam would leave them out, and a
    replay of some letters become one of all. Others are left to it: a launcher may add its own."""
    named = options.get_all_options(retain_unknown_options=True)
    found = []
    for name in sorted(named.keys() - options.get_all_options().keys()):
        near = get_close_matches(name, template.by_name, n=1, cutoff=NEAR)
        found += [f"{name} is no parameter: {one} is meant" for one in near]
    return found


def matches(parameter: Parameter, value: object) -> bool:
    """Whether a value is what the parameter's pattern asks for."""
    return re.fullmatch(parameter.pattern, str(value)) is not None


def _of_days(given: SalesIntelOptions, template: Template, now: datetime) -> list[str]:
    if "since" not in template.by_name:
        return []
    try:
        since, until = days_of(given)
    except ValueError:
        # A day such as 2026-02-30: no pattern knows the calendar.
        return [f"since {given.since} or until {given.until} is no day of the calendar"]
    if since and until and since >= until:
        return [f"since {since} is not before until {until}"]
    if template.name != "rebuild":
        return []
    if until is None:
        return ["until is missing: name the day up to which is rebuilt, yesterday at the latest"]
    if datetime(until.year, until.month, until.day, tzinfo=UTC) + SETTLED_AFTER > now:
        return [
            f"until {until} is too late: what was published before may still be on its way; name "
            f"{(now - SETTLED_AFTER).date()} or a day before it"
        ]
    return []


def _of_dataflow(options: PipelineOptions) -> list[str]:
    """What Dataflow would find out after it has started machines, or never."""
    if "DataflowRunner" not in str(options.view_as(StandardOptions).runner):
        return []
    cloud = options.view_as(GoogleCloudOptions)
    places = {name: getattr(cloud, name) for name in ("project", "region", "temp_location")}
    wrong = [f"{name} is missing" for name, value in places.items() if not value]
    if not options.view_as(WorkerOptions).sdk_container_image:
        wrong.append(
            "sdk_container_image is missing: workers need the image that the template names, which "
            "holds this code"
        )
    return wrong
