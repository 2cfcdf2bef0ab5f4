"""Google's error bodies. https://developers.google.com/workspace/gmail/api/guides/handle-errors"""

from typing import Any, NamedTuple

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Answer(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: dict[str, Any]


def refusal(status: int, reason: str, message: str, name: str = "") -> Answer:
    """An error as Google's APIs word it."""
    detail = {"domain": "global", "reason": reason, "message": message}
    error = {"code": status, "message": message, "errors": [detail]}
    return Answer(status, {"error": error | {"status": name or STATUS[status]}})


def not_found() -> Answer:
    """404."""
    return refusal(404, "notFound", "Requested entity was not found.")


def invalid(what: str) -> Answer:
    """400."""
    return refusal(400, "invalidArgument", f"Invalid value for {what}")


def too_many(retry_after: str = "") -> Answer:
    """429, with the time after which to come again in its words, or for too many at once."""
    if retry_after:
        words = f"User-rate limit exceeded.  Retry after {retry_after}"
        return refusal(429, "rateLimitExceeded", words)
    return refusal(429, "rateLimitExceeded", "Too many concurrent requests for user")
