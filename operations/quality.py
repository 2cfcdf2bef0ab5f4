"""`salesintel quality`: the rules about our tables, asked now, and the two numbers they come to."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO, get_args

import msgspec
from google.cloud import bigquery

from connectors.sources import table_of
from operations.console import NO_ANSWER, console
from operations.place import Place, warehouse_at
from operations.runs import RunNotes, noted_run
from schemas.clock import DAY_US, from_us, wall_clock
from schemas.errors import ConfigurationError, FatalError, RetriableError
from schemas.quality import RuleResult, Severity
from warehouse.quality.checking import DAYS, NotAsked, check, window_of, with_bounds
from warehouse.quality.judging import Judgement, number_of
from warehouse.quality.rule import Rule
from warehouse.quality.rules import RULES, chosen
from warehouse.query import QueryResult
from warehouse.render import FORMATS, write_table

COLUMNS = ("rule_id", "severity", "passed", "value", "bound", "rows_failed", "message", "sample")
SEVERITIES: tuple[str, ...] = get_args(Severity)
ALL = "all"
"""Table of the two numbers, which are about none."""
LEAST: Mapping[str, float] = {"completeness": 0.9, "accuracy": 0.98}
"""The two numbers and what they have to reach (docs/quality.md)."""


class NotChecked(FatalError):
    """Rules could not be asked: nothing is known of them."""


class QualitySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a deployment: table [quality] of its settings file."""

    bounds: dict[str, float] = {}
    """Rule, or one of the two numbers, to the bound that it has here."""
    ignored: tuple[str, ...] = ()
    """Rules that are not asked here."""


def load_quality_settings(path: Path | None) -> QualitySettings:
    """Those in a TOML file, else the defaults; ConfigurationError names what to mend."""
    try:
        settings = msgspec.convert(table_of(path, "quality"), QualitySettings)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: [quality]: {error}") from None
    known = {rule.id for rule in RULES} | LEAST.keys()
    unknown = sorted({*settings.bounds, *settings.ignored} - known)
    if unknown:
        raise ConfigurationError(
            f"{path}: [quality]: there is no rule {', '.join(unknown)}: `salesintel quality` "
            "names those that there are"
        )
    return settings


def quality(
    place: Place,
    settings: Path | None,
    stream: TextIO,
    *,
    tables: Iterable[str] = (),
    severity: str | None = None,
    output: str = "table",
    days: int = DAYS,
) -> bool:
    """Checks, keeps and shows; as a table only what fails. False where an error is among it.

    NotChecked where rules could not be asked: those that could are kept and shown before.
    """
    write = FORMATS.get(output)
    if write is None:
        raise ConfigurationError(f"--format {output!r}: choose one of {', '.join(FORMATS)}")
    checking = Checking(place, load_quality_settings(settings), tables, severity, days)
    try:
        checking.run()
    finally:
        if checking.results:
            failing = [one for one in checking.results if not one.passed]
            if output == "table":
                write_table(_shown(failing), stream, first="rule_id")
                _say(checking.results)
            else:
                write(_shown(checking.results), stream)
    return not wrong(checking.results)


def wrong(results: Iterable[RuleResult]) -> list[RuleResult]:
    """What makes the command fail."""
    return [one for one in results if not one.passed and one.severity == "error"]


class Checking:
    """The rules that were chosen, and what they have said so far."""

    def __init__(
        self,
        place: Place,
        settings: QualitySettings,
        tables: Iterable[str],
        severity: str | None,
        days: int,
    ) -> None:
        self.results: list[RuleResult] = []
        self._place = place
        self._settings = settings
        self._days = days
        self._rules = _chosen(tables, severity, settings)
        # Of some rules the two numbers would be others under the same name.
        self._whole = len(self._rules) == len(_chosen((), None, settings))

    def run(self) -> None:
        """Asks, within a run of ops.runs; NotChecked where anything could not be asked."""
        try:
            endpoint = self._place.reached().endpoint
            with (
                warehouse_at(self._place) as client,
                noted_run(endpoint, "quality", {"rules": len(self._rules)}) as run,
            ):
                self._ask(client, run)
        except (RetriableError, *NO_ANSWER) as error:
            raise NotChecked(f"rules could not be checked: {error}") from error

    def _ask(self, client: bigquery.Client, run: RunNotes) -> None:
        judged: list[Judgement] = []
        unasked: list[NotAsked] = []
        for one in check(client, self._rules, window_of(from_us(wall_clock()), self._days)):
            if isinstance(one, NotAsked):
                unasked.append(one)
            else:
                judged.append(one)
                self.results.append(_result(run, one))
        if self._whole and not unasked:
            self.results += _numbers(run, judged, self._settings)
        _keep(run, self.results)
        if unasked:
            run.detail["not_asked"] = [one.rule.id for one in unasked]
            reasons = {one.reason for one in unasked}
            raise NotChecked(
                f"{len(unasked):,} of {len(self._rules):,} rules could not be asked, "
                f"{unasked[0].rule.id} among them: {min(reasons)}"
            )


def _chosen(
    tables: Iterable[str], severity: str | None, settings: QualitySettings
) -> tuple[Rule, ...]:
    if severity is not None and severity not in SEVERITIES:
        raise ConfigurationError(f"--severity {severity!r}: choose one of {', '.join(SEVERITIES)}")
    kept = (rule for rule in chosen(tables, severity) if rule.id not in settings.ignored)
    return with_bounds(tuple(kept), settings.bounds)


def _keep(run: RunNotes, results: Sequence[RuleResult]) -> None:
    run.write(results)
    run.detail["kept"] = len(results)
    run.detail["failing"] = sum(not one.passed for one in results)
    run.detail |= {one.rule_id: one.value for one in results if one.table_id == ALL}


def _result(run: RunNotes, judged: Judgement) -> RuleResult:
    now = wall_clock()
    return RuleResult(
        run_id=run.run_id,
        rule_id=judged.rule.id,
        table_id=judged.rule.table,
        checked_at=now,
        checked_date=now // DAY_US,
        measure=judged.rule.measure,
        severity=judged.rule.severity,
        passed=judged.passed,
        value=judged.value,
        bound=judged.rule.bound,
        rows_checked=judged.checked,
        rows_failed=judged.failed,
        sample=judged.sample,
        message=judged.message,
    )


def _numbers(
    run: RunNotes, judged: Sequence[Judgement], settings: QualitySettings
) -> list[RuleResult]:
    """Completeness and accuracy: of each of their rules the share that holds, and the mean."""
    rows = []
    for measure, least in LEAST.items():
        bound = settings.bounds.get(measure, least)
        found = number_of([one for one in judged if one.rule.measure == measure])
        now = wall_clock()
        rows.append(
            RuleResult(
                run_id=run.run_id,
                rule_id=measure,
                table_id=ALL,
                checked_at=now,
                checked_date=now // DAY_US,
                measure=measure,
                severity="warning",
                passed=found.value is None or found.value >= bound,
                value=found.value,
                bound=bound,
                rows_checked=found.checked,
                rows_failed=found.failed,
                message=found.message,
            )
        )
    return rows


def _shown(results: Sequence[RuleResult]) -> QueryResult:
    """What fails first, errors before warnings."""
    ordered = sorted(results, key=lambda one: (one.passed, one.severity, one.rule_id))
    rows = [
        {name: getattr(one, name) for name in COLUMNS} | {"sample": list(one.sample)}
        for one in ordered
    ]
    return QueryResult(columns=COLUMNS, rows=rows, truncated=False)


def _say(results: Sequence[RuleResult]) -> None:
    for one in results:
        if one.table_id == ALL and one.value is not None:
            console.print(f"{one.rule_id} {one.value:.2%}", highlight=False)
    errors = len(wrong(results))
    warnings = sum(not one.passed for one in results) - errors
    colour = "red" if errors else "yellow" if warnings else "green"
    console.print(
        f"[{colour}]{errors:,} errors, {warnings:,} warnings[/{colour}] of {len(results):,} rules; "
        "all of them: salesintel query ops.quality_latest",
        highlight=False,
        soft_wrap=True,
    )
