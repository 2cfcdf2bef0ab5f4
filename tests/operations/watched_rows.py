"""Rows as few words make them: what a watch sees, and a person of whom a rule is asked."""

from schemas.clock import DAY_US, wall_clock
from schemas.operations import DeadLetter, Run
from schemas.quality import RuleResult
from schemas.records import Person, RawChange

SECOND = 1_000_000


def versioned(key: str, at: int) -> dict[str, object]:
    source, object_type, object_id = key.split(":")
    return {
        "change_id": key,
        "source": source,
        "object_type": object_type,
        "object_id": object_id,
        "record_key": key,
        "is_deleted": False,
        "successor_key": None,
        "version_stamp": at,
        "version_fetched": at,
        "version_digest": "d",
        "attempt": 1,
        "lane": "live",
        "pipeline_version": 1,
        "written_at": at,
    }


def a_change(key: str, ago_s: int = 0) -> RawChange:
    at = wall_clock() - ago_s * SECOND
    return RawChange(
        **versioned(key, at),  # type: ignore[arg-type]
        operation="upsert",
        message_id=f"m-{key}-{at}",
        publish_time=at,
        publish_date=at // DAY_US,
        content_type="application/json",
        payload=b"{}",
    )


def a_letter(number: int) -> DeadLetter:
    now = wall_clock()
    return DeadLetter(
        dead_letter_id=f"l{number}",
        failed_at=now,
        failed_date=now // DAY_US,
        stage="normalise",
        error_type="InvalidPayload",
        error_message="no id",
        source="hubspot",
        message_id=f"dead{number}",
        attempt=1,
        retriable=True,
        pipeline_version=1,
        job_name="test",
        payload=b"x",
    )


def a_run(command: str, status: str, ago_s: int, error: str | None = None) -> Run:
    at = wall_clock() - ago_s * SECOND
    return Run(
        run_id=f"{command}-{ago_s}",
        command=command,
        status=status,
        started_at=at,
        noted_at=at,
        noted_date=at // DAY_US,
        changes=0,
        skipped=0,
        failed=0,
        error_message=error,
    )


def a_result(*, passed: bool) -> RuleResult:
    now = wall_clock()
    return RuleResult(
        run_id="q",
        rule_id="sales.people.emails.format",
        table_id="sales.people",
        checked_at=now,
        checked_date=now // DAY_US,
        measure="accuracy",
        severity="error",
        passed=passed,
        value=0.5,
        message="1 of 2 fail",
    )


def a_person(email: str) -> Person:
    now = wall_clock()
    return Person(
        **versioned(f"hubspot:contact:{len(email)}", now),  # type: ignore[arg-type]
        full_name="A B",
        emails=(email,),
    )
