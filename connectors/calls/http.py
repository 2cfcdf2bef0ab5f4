"""What HTTP answers mean, the same for every vendor; each adds what only it says."""

import email.utils
import time
from collections.abc import Mapping
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from connectors.calls.caller import Verdict
from schemas.errors import ConfigurationError, RetriableError, SkippableError

CONNECT_S = 5.0
READ_S = 30.0
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524})
MOST_S = 86_400.0


class TimedAdapter(HTTPAdapter):
    """Every request ends: libraries that name no timeout hang on a server that never answers."""

    def __init__(self, connect_s: float = CONNECT_S, read_s: float = READ_S) -> None:
        super().__init__()
        self._timeout = (connect_s, read_s)

    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        """As HTTPAdapter, with a timeout where none is named."""
        if options.get("timeout") is None:
            options["timeout"] = self._timeout
        return super().send(request, **options)


def check_address(setting: str, address: str) -> None:
    """ConfigurationError for what no request can be sent to: it would be tried again for ever."""
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ConfigurationError(
            f"{setting} {address!r} is no address: it begins with https:// and names a host"
        )


def session(connect_s: float = CONNECT_S, read_s: float = READ_S) -> requests.Session:
    """A session whose requests all end, for one thread."""
    made = requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, TimedAdapter(connect_s, read_s))
    return made


def retry_after_s(headers: Mapping[str, str], now_s: float | None = None) -> float | None:
    """Seconds of a Retry-After, which is a number or a date: 0 to `MOST_S`; None where there is
    none to trust.

    A date is one of the server's clock: `now_s`, else the answer's own Date, else our clock.
    """
    text = _header(headers, "retry-after")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = _moment_s(text)
        if moment is None:
            return None
        if now_s is None:
            now_s = _moment_s(_header(headers, "date"))
        seconds = moment - (time.time() if now_s is None else now_s)
    # NaN compares as nothing, and falls through.
    return max(0.0, min(seconds, MOST_S)) if seconds == seconds else None


def _header(headers: Mapping[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


def _moment_s(date: str) -> float | None:
    """Seconds since the epoch of an HTTP date; None where it is none."""
    try:
        moment = email.utils.parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError):
        return None
    # RFC 5322 writes -0000 for a time whose zone nobody knows; HTTP has no other than Greenwich.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def judge_status(status: int, what: str, headers: Mapping[str, str]) -> Verdict:
    """The policy of a status; `what` names the call and holds no content."""
    words = f"{what}: status {status}"
    if status in TRANSIENT:
        return Verdict(RetriableError(words), again=True, after_s=retry_after_s(headers))
    if status == 401:
        return Verdict(ConfigurationError(f"{words}: the credential is refused"), refresh=True)
    if status == 403:
        return Verdict(SkippableError(f"{words}: not allowed"))
    return Verdict(SkippableError(words))


def judge_network(error: Exception, what: str) -> Verdict | None:
    """The policy of an answer that never came; None where the error is another."""
    if isinstance(error, requests.Timeout | requests.ConnectionError | OSError):
        return Verdict(RetriableError(f"{what}: {type(error).__name__}"), again=True)
    return None
