"""What Google's errors mean. No words of theirs are repeated: they may hold addresses.

https://developers.google.com/workspace/gmail/api/guides/handle-errors
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

import httplib2
from google.auth.exceptions import GoogleAuthError, TransportError
from googleapiclient.errors import HttpError

from connectors.calls import Verdict
from connectors.calls.http import MOST_S, judge_status, retry_after_s
from schemas.clock import parse_rfc3339
from schemas.errors import ConfigurationError, RetriableError, SalesIntelError, SkippableError

RATE_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "backendError"})
DAY_REASONS = frozenset({"dailyLimitExceeded", "quotaExceeded"})
LATER_S = 3_600.0
"""When a day's quota is spent."""

_REASON = re.compile(r"[A-Za-z]{1,40}\Z")
_RETRY_AFTER = re.compile(r"Retry after (\d{4}-\d\d-\d\dT[\d:.]+Z)")


class MailboxRefused(SkippableError):
    """This mailbox cannot be read: suspended, without a licence, or not delegated to us."""


class WatchRefused(SkippableError):
    """No pushes for this mailbox; it can be polled all the same, or says itself that it cannot."""


class NotThere(SkippableError):
    """404: a message that is gone or not yet to be seen, or a history that is forgotten."""


class Rejected(SkippableError):
    """400: Gmail does not take the request, as with a page token that has grown old."""


class Unreadable(RetriableError):
    """An answer that is none: half a document, or a batch without its parts."""


def told(answer: Any) -> dict[str, Any]:
    """An answer that is an object; the library hands on as text what it cannot read."""
    if not isinstance(answer, dict):
        raise Unreadable("gmail: an answer that cannot be read")
    return answer


@contextmanager
def legible() -> Iterator[None]:
    """Around what picks an answer to pieces: Unreadable where one is not as Google writes it."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError):
        raise Unreadable("gmail: an answer that cannot be read") from None


class PartsUnanswered(SkippableError):
    """Gmail answers a batch and not for the messages that are left of it. No matter of the
    mailbox: its breaker does not count this."""


class BatchUnreadable(PartsUnanswered):
    """The answer to a batch is none, and nobody can tell which message is at fault."""


def judge_with(now_us: Callable[[], int]) -> Callable[[Exception], Verdict]:
    """The judge of a mailbox's calls; `now_us` is the server's clock, against which it names the
    time to come again."""

    def judge(error: Exception) -> Verdict:
        if isinstance(error, SalesIntelError):
            return Verdict(error, again=isinstance(error, RetriableError | PartsUnanswered))
        if isinstance(error, HttpError):
            return _of_answer(error, now_us)
        if isinstance(error, GoogleAuthError):
            return _of_token(error)
        if isinstance(error, OSError | HTTPException | httplib2.HttpLib2Error):
            words = f"gmail does not answer: {type(error).__name__}"
            return Verdict(RetriableError(words), again=True)
        if isinstance(error, ValueError | TypeError | LookupError | AttributeError):
            return Verdict(Unreadable("gmail: an answer that cannot be read"), again=True)
        return Verdict(error)

    return judge


def _of_answer(error: HttpError, now_us: Callable[[], int]) -> Verdict:
    status, (reason, message) = int(error.resp.status), _told(error.content)
    if status < 300:
        # The library's own complaint, of a batch that is none.
        return Verdict(Unreadable("gmail: an answer that cannot be read"), again=True)
    words = f"gmail: status {status}" + (f" {reason}" if reason else "")
    if status == 429 or (status == 403 and reason in RATE_REASONS):
        after = _after_s(message, now_us()) or retry_after_s(error.resp, now_us() / 1e6)
        return Verdict(RetriableError(words), again=True, after_s=after)
    if status == 403 and reason in DAY_REASONS:
        return Verdict(RetriableError(words), after_s=LATER_S)
    if status == 403 and reason == "accessNotConfigured":
        return Verdict(ConfigurationError(f"{words}: enable the API in the project that calls"))
    if status == 401:
        return Verdict(MailboxRefused(f"{words}: the token is refused"), refresh=True)
    if status == 403 or (status == 400 and reason == "failedPrecondition"):
        return Verdict(MailboxRefused(f"{words}: no mail service, or scopes that were not granted"))
    if status == 404:
        return Verdict(NotThere(words))
    if status == 400:
        return Verdict(Rejected(words))
    return judge_status(status, "gmail", error.resp)


def _of_token(error: GoogleAuthError) -> Verdict:
    if isinstance(error, TransportError) or error.retryable:
        words = f"no token to be had: {type(error).__name__}"
        return Verdict(RetriableError(words), again=True)
    # Any other words than these are about the key that all mailboxes share.
    told = next((one for one in error.args if isinstance(one, dict)), {})
    code, words = str(told.get("error", "")), str(told.get("error_description", ""))
    of_mailbox = code in ("unauthorized_client", "access_denied", "invalid_scope")
    if of_mailbox or (code == "invalid_grant" and "JWT" not in words):
        return Verdict(MailboxRefused(f"gmail: no token for this mailbox: {code}"))
    wrong = (
        "gmail: the service account is refused a token: was its key deleted or rotated, or is this "
        "machine's clock off?"
    )
    return Verdict(ConfigurationError(wrong), refresh=True)


def _told(content: bytes) -> tuple[str, str]:
    """Reason and message of Google's error body, where there is one."""
    try:
        error: Any = json.loads(content)["error"]
        reason = str(error["errors"][0]["reason"])
        return reason if _REASON.match(reason) else "", str(error.get("message", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", ""


def _after_s(message: str, now_us: int) -> float | None:
    found = _RETRY_AFTER.search(message)
    if found is None:
        return None
    try:
        left = (parse_rfc3339(found[1]) - now_us) / 1e6
    except ValueError:
        return None
    return min(max(left, 1.0), MOST_S)
