"""What Google's errors mean, and that none of their words are repeated."""

import json

import httplib2
import pytest
from google.auth.exceptions import RefreshError, TransportError
from googleapiclient.errors import HttpError

from connectors.calls import Verdict
from connectors.gmail.judge import (
    MailboxRefused,
    NotThere,
    PartsUnanswered,
    Rejected,
    Unreadable,
    judge_with,
)
from schemas.clock import parse_rfc3339
from schemas.errors import ConfigurationError, RetriableError, SalesIntelError, SkippableError

NOW = parse_rfc3339("2026-01-31T08:00:00Z")
SECRET = "ann@private.example"


def judged(error: Exception) -> Verdict:
    verdict = judge_with(lambda: NOW)(error)
    assert SECRET not in str(verdict.error)
    return verdict


def answer(status: int, reason: str = "", message: str = SECRET, **headers: str) -> HttpError:
    error = {"code": status, "message": message, "errors": [{"reason": reason}]}
    body = json.dumps({"error": error}).encode()
    return HttpError(httplib2.Response({"status": status, **headers}), body)


@pytest.mark.parametrize(
    ("status", "reason", "kind", "again"),
    [
        (429, "rateLimitExceeded", RetriableError, True),
        (403, "userRateLimitExceeded", RetriableError, True),
        (403, "rateLimitExceeded", RetriableError, True),
        (403, "dailyLimitExceeded", RetriableError, False),
        (403, "accessNotConfigured", ConfigurationError, False),
        (403, "insufficientPermissions", MailboxRefused, False),
        (403, SECRET, MailboxRefused, False),
        (400, "failedPrecondition", MailboxRefused, False),
        (400, "invalidArgument", Rejected, False),
        (404, "notFound", NotThere, False),
        (410, "", SkippableError, False),
        (500, "backendError", RetriableError, True),
        (503, "", RetriableError, True),
        (200, "", Unreadable, True),
    ],
)
def test_the_policy_of_an_answer(
    status: int, reason: str, kind: type[SalesIntelError], again: bool
) -> None:
    verdict = judged(answer(status, reason))
    assert isinstance(verdict.error, kind)
    assert (verdict.again, verdict.refresh) == (again, False)


def test_a_401_is_tried_with_a_new_token() -> None:
    assert judged(answer(401, "authError")).refresh


@pytest.mark.parametrize(
    ("message", "after_s"),
    [
        ("User-rate limit exceeded.  Retry after 2026-01-31T08:02:30.000Z", 150.0),
        ("Retry after 2026-01-31T07:00:00.000Z (Mail sending)", 1.0),
        ("Retry after 2030-01-31T08:00:00Z", 86_400.0),
        ("Retry after 2026-13-31T08:00:00Z", None),
        ("Too many concurrent requests for user", None),
    ],
)
def test_trap_8_the_time_is_read_from_the_words(message: str, after_s: float | None) -> None:
    assert judged(answer(429, "rateLimitExceeded", message)).after_s == after_s


def test_the_time_may_stand_in_a_header() -> None:
    assert judged(answer(429, "rateLimitExceeded", **{"retry-after": "7"})).after_s == 7.0


@pytest.mark.parametrize(
    ("told", "kind", "refresh"),
    [
        ({"error": "invalid_grant", "error_description": SECRET}, MailboxRefused, False),
        ({"error": "unauthorized_client"}, MailboxRefused, False),
        ({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, None, True),
        ({"error": "invalid_client", "error_description": SECRET}, None, True),
        ({"message": SECRET}, None, True),
    ],
)
def test_the_policy_of_a_token_refused(
    told: dict[str, str], kind: type[SalesIntelError] | None, refresh: bool
) -> None:
    verdict = judged(RefreshError(SECRET, told))
    assert isinstance(verdict.error, kind or ConfigurationError)
    assert verdict.refresh == refresh


def test_what_passes_and_what_nobody_knows() -> None:
    for passing in (
        TransportError(SECRET),
        RefreshError(SECRET, retryable=True),
        TimeoutError(SECRET),
        httplib2.ServerNotFoundError(SECRET),
        ValueError(SECRET),
        PartsUnanswered("parts"),
    ):
        assert judged(passing).again
    for body in (b"", b"<html>", b"[]", b"{}", b'{"error": "x"}'):
        html = HttpError(httplib2.Response({"status": 502}), body)
        assert isinstance(judged(html).error, RetriableError)
    unknown = RuntimeError("x")
    assert judged(unknown).error is unknown
