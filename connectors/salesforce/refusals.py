"""What Salesforce's errors mean.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.calls import Verdict
from connectors.calls.http import judge_status
from schemas.clock import to_us
from schemas.errors import ConfigurationError, RetriableError, SkippableError

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,63}\Z")
_EDGE = frozenset({406, 420})
"""Answers of the edge in front of the org, gone a moment later."""
_PASSING = frozenset(
    {
        "SERVER_UNAVAILABLE",
        "UNABLE_TO_LOCK_ROW",
        "TXN_SECURITY_METERING_ERROR",
        "UNKNOWN_EXCEPTION",
        "REQUEST_RUNNING_TOO_LONG",
    }
)
_HOUR_S = 3_600


class LimitReached(RetriableError):
    """The day's calls are spent, or as many of them as we may: nothing is asked for a while."""


class FieldGone(SkippableError):
    """A query names a field that is no more, or no longer ours to see."""


class TooLarge(RetriableError):
    """The query takes the server too long, or finds too much: ask for less at once."""


class LocatorGone(RetriableError):
    """The server has dropped its cursor: go on by key."""


class OutOfRange(SkippableError):
    """The time asked for lies before what the server still knows."""


class Refused(Exception):
    """An answer that was none, without its body: the library's own errors print it.

    `status` is 0 where no answer came; `code` is the vendor's word, or the kind of failure.
    """

    def __init__(self, kind: str, status: int, code: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"salesforce {kind}: {status} {code}".rstrip())
        self.kind = kind
        self.status = status
        self.code = code
        self.headers = headers


def code_of(content: Any) -> str:
    """The vendor's word for an error, in any of the forms it comes in; empty for none."""
    if isinstance(content, list) and content:
        content = content[0]
    if not isinstance(content, Mapping):
        return ""
    code = content.get("errorCode") or content.get("error") or ""
    return code if isinstance(code, str) and _CODE.match(code) else ""


def server_us(headers: Mapping[str, str]) -> int | None:
    """When the server answered, microseconds since the epoch, by its own clock."""
    try:
        moment = parsedate_to_datetime(headers["Date"])
        return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def _until_next_hour(headers: Mapping[str, str]) -> float:
    now = server_us(headers)
    if now is None:
        return _HOUR_S
    moment = datetime.fromtimestamp(now / 1e6, UTC)
    return _HOUR_S - moment.minute * 60 - moment.second


def judge(error: Exception) -> Verdict:
    """The policy of an error of a call."""
    if not isinstance(error, Refused):
        return Verdict(error)
    words, code, status = str(error), error.code, error.status
    if status == 0 or status in _EDGE or code in _PASSING:
        return Verdict(RetriableError(words), again=True)
    if code == "REQUEST_LIMIT_EXCEEDED":
        return Verdict(LimitReached(words), after_s=_until_next_hour(error.headers))
    if code in ("QUERY_TIMEOUT", "OPERATION_TOO_LARGE", "EXCEEDED_ID_LIMIT"):
        return Verdict(TooLarge(words))
    if code == "INVALID_QUERY_LOCATOR":
        return Verdict(LocatorGone(words))
    if code == "INVALID_FIELD":
        return Verdict(FieldGone(words))
    if code == "INVALID_REPLICATION_DATE":
        return Verdict(OutOfRange(words))
    if code in ("API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"):
        return Verdict(ConfigurationError(f"{words}: the org or the user has no API access"))
    if status in (401, 403) and error.kind == "token":
        refused = ConfigurationError(f"{words}: the login is refused, see the app's policies")
        # A 401 that gives no reason is asked about once more.
        return Verdict(refused, refresh=status == 401)
    if status == 403:
        return Verdict(SkippableError(f"{words}: grant the integration user read access"))
    if code in ("NOT_FOUND", "INVALID_TYPE"):
        return Verdict(
            SkippableError(
                f"{words}: there is none for the integration user: grant it, or leave it out"
            )
        )
    if 400 <= status < 500 and status not in (401, 408, 425, 429) and not code:
        # A bare 4xx comes from the edge, not from the org.
        return Verdict(RetriableError(words), again=True)
    return judge_status(status, f"salesforce {error.kind} {code}".rstrip(), error.headers)
