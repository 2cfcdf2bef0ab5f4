"""Dialpad's REST API over plain HTTP: timed, budgeted, retried; nothing of a body in an error.

https://developers.dialpad.com/reference
"""

import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import requests

from connectors.calls import Budget, Caller, Rate, RetryPolicy, Verdict
from connectors.calls.http import judge_network, judge_status, session
from connectors.dialpad.settings import PER_MINUTE, DialpadSettings
from connectors.json_text import readable
from connectors.secrets import Secrets
from schemas.clock import to_us
from schemas.errors import ConfigurationError, RetriableError, SalesIntelError, SkippableError

Parameters = dict[str, str | int]


class NotFound(SkippableError):
    """There is no such thing; or not yet."""


class NotAllowed(SkippableError):
    """The key is good, and lacks the scope or the role."""


class _Refused(Exception):
    """An answer that is none of 2xx; without its body, which may hold anything."""

    def __init__(self, status: int, headers: Any) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.headers = dict(headers)


class _Malformed(Exception):
    """An answer of 200 that cannot be read."""


class Answer(NamedTuple):
    """A body, and when it was read by the server's clock (microseconds; None: it does not say)."""

    body: bytes
    read_at: int | None


class Listed(NamedTuple):
    """A page of a list: its records byte for byte, and the token of the next page, or empty."""

    records: tuple[bytes, ...]
    token: str
    read_at: int | None


class _Collection(msgspec.Struct):
    items: list[msgspec.Raw] | None = None
    cursor: str | None = None


_COLLECTION = msgspec.json.Decoder(_Collection)


class _Bearer(requests.auth.AuthBase):
    """As an `auth`, or a .netrc of the machine would take the header's place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class DialpadClient:
    """For one thread. `call`: GET /call/{id}; other methods by what they list or get."""

    def __init__(
        self,
        settings: DialpadSettings,
        secrets: Secrets,
        *,
        policy: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        unknown = set(settings.per_minute) - set(PER_MINUTE)
        if unknown:
            raise ConfigurationError(
                f"dialpad.per_minute: there is no {', '.join(sorted(unknown))}"
            )
        per_minute = {**PER_MINUTE, **settings.per_minute}
        rates = {name: Rate(units, 60.0) for name, units in per_minute.items()}
        rates["all"] = Rate(settings.company_per_s, 1.0, max(1.0, settings.company_per_s))
        budget = Budget(
            rates,
            {name: {name: 1.0, "all": 1.0} for name in per_minute},
            monotonic=monotonic,
            sleep=sleep,
        )
        self._settings = settings
        self._secrets = secrets
        self._base = settings.base_url.rstrip("/")
        self._http = session(settings.connect_s, settings.read_s)
        self._caller = Caller(
            _judge,
            budget,
            policy=policy,
            refresh=self._renew,
            monotonic=monotonic,
            sleep=sleep,
            rng=rng,
        )

    def _renew(self) -> None:
        self._secrets.renew(self._settings.token)

    def calls(
        self, after_ms: int | None = None, before_ms: int | None = None, page: str = ""
    ) -> Listed:
        """Ended calls whose start lies after and before these, newest first."""
        wanted: Parameters = {}
        if after_ms is not None:
            wanted["started_after"] = after_ms
        if before_ms is not None:
            wanted["started_before"] = before_ms
        return self._list("calls", "/call", wanted, page)

    def call(self, call_id: str) -> Answer:
        """One call; ten a minute, no more."""
        return self._get("call", f"/call/{quote(call_id, safe='')}")

    def transcript(self, call_id: str) -> Answer:
        """A call's transcript; NotFound where there is none, or none yet."""
        return self._get("transcript", f"/transcripts/{quote(call_id, safe='')}")

    def recap(self, call_id: str) -> Answer:
        """A call's recap; NotFound where there is none, or none yet."""
        path = f"/call/{quote(call_id, safe='')}/ai_recap"
        return self._get("recap", path, {"summary_format": self._settings.recap_format})

    def users(self, page: str = "") -> Listed:
        """All users, deleted ones too. `limit` is never sent: above 100 it is refused at random.
        https://developers.dialpad.com/reference/userslist"""
        return self._list("users", "/users", {"state": "all"}, page)

    def contacts(self, page: str = "") -> Listed:
        """The company's contacts, and those of its users where the settings say so."""
        local: Parameters = {"include_local": "true"} if self._settings.local_contacts else {}
        return self._list("contacts", "/contacts", local, page)

    def company(self) -> Answer:
        """The company; only for the key of a company admin."""
        return self._get("company", "/company")

    def webhooks(self, page: str = "") -> Listed:
        """Addresses that events are sent to."""
        return self._list("webhooks", "/webhooks", {}, page)

    def subscriptions(self, kind: str, page: str = "") -> Listed:
        """Subscriptions of a kind: call, sms, contact."""
        return self._list("subscriptions", f"/subscriptions/{kind}", {}, page)

    def create(self, kind: str, path: str, body: dict[str, Any]) -> Answer:
        """Makes a webhook or a subscription; `kind` as in `PER_MINUTE`."""
        return self._get(kind, path, body=body)

    def _list(self, kind: str, path: str, wanted: Parameters, page: str) -> Listed:
        if page:
            wanted = {**wanted, "cursor": page}

        def read() -> Listed:
            answer = self._answer("GET", path, wanted, None)
            try:
                found = _COLLECTION.decode(answer.body)
            except (msgspec.DecodeError, RecursionError):
                raise _Malformed from None
            records = tuple(bytes(one) for one in found.items or ())
            return Listed(records, found.cursor or "", answer.read_at)

        return self._caller(kind, read)

    def _get(
        self,
        kind: str,
        path: str,
        wanted: Parameters | None = None,
        body: dict[str, Any] | None = None,
    ) -> Answer:
        method = "GET" if body is None else "POST"

        def read() -> Answer:
            answer = self._answer(method, path, wanted or {}, body)
            try:
                msgspec.json.decode(answer.body, type=dict[str, msgspec.Raw])
            except (msgspec.DecodeError, RecursionError):
                raise _Malformed from None
            return answer

        return self._caller(kind, read)

    def _answer(
        self, method: str, path: str, wanted: Parameters, body: dict[str, Any] | None
    ) -> Answer:
        answer = self._http.request(
            method,
            self._base + path,
            params=wanted,
            json=body,
            auth=_Bearer(self._secrets.get(self._settings.token).reveal()),
            allow_redirects=False,
        )
        if not 200 <= answer.status_code < 300:
            raise _Refused(answer.status_code, answer.headers)
        return Answer(readable(answer.content), _date(answer.headers.get("Date", "")))


def _date(text: str) -> int | None:
    try:
        return to_us(parsedate_to_datetime(text))
    except ValueError:
        return None


def _judge(error: Exception) -> Verdict:
    if isinstance(error, _Malformed):
        return Verdict(RetriableError("dialpad: an answer that cannot be read"), again=True)
    if isinstance(error, _Refused):
        if error.status == 404:
            return Verdict(NotFound("dialpad: status 404"))
        if error.status == 403:
            return Verdict(NotAllowed("dialpad: status 403: the key lacks a scope or the role"))
        return judge_status(error.status, "dialpad", error.headers)
    if isinstance(error, SalesIntelError):
        return Verdict(error)
    network = judge_network(error, "dialpad")
    # Words of an unexpected error may hold content, or the key.
    return network or Verdict(SkippableError(f"dialpad: {type(error).__name__}"))
