"""The account's API through hubspot-api-client: raw JSON, timeouts, and retries in our Caller.

The library's own retry leaves searches out (they are POSTs), its models turn moments into local
time, and nothing in it ends a call that is never answered. So it is asked for the bare answer
(`_preload_content=False`) and given a timeout at each call.
"""

import email.utils
import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import hubspot
import msgspec
import urllib3
from hubspot.utils.requests.http_request_builder import Request

from connectors.calls import Budget, Caller, RetryPolicy, Verdict
from connectors.calls.http import TRANSIENT, judge_network, judge_status, retry_after_s, session
from connectors.hubspot.kinds import Kind
from connectors.hubspot.settings import READ, SEARCH, HubSpotSettings
from connectors.secrets import Secrets
from schemas.clock import to_us
from schemas.errors import ConfigurationError, RetriableError, SkippableError

log = logging.getLogger(__name__)

SEARCH_LIMIT = 200
"""https://developers.hubspot.com/docs/api-reference/search/guide#limitations"""
BATCH = 100
ASSOCIATIONS_BATCH = 1_000
"""https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide#limits"""
LIST_LIMIT = 100

_POLICY_WAIT_S = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3_600.0}
"""Seconds to wait by `policyName` of a 429 that has no Retry-After, as most have none."""
_ELSEWHERE = frozenset({423, 477, 530})
"""Locked, account being moved, and Cloudflare's word that there is no origin."""
_SCOPE = re.compile(r"[a-z0-9._-]{3,80}\Z")


class NotFound(SkippableError):
    """There is no such thing, or no longer."""


class MissingScope(SkippableError):
    """The private app may not read this: the message names the scopes to grant."""


class Malformed(Exception):
    """An answer of status 200 that is no JSON object."""


class Answer(NamedTuple):
    """What was answered, and when by the server's clock (microseconds)."""

    body: dict[str, Any]
    server_us: int


class HubSpot:
    """The calls that we make; for one thread. `search`, `read` and the others return Answers, and
    raise what `judge` makes of the vendor's errors."""

    def __init__(
        self,
        settings: HubSpotSettings,
        secrets: Secrets,
        budget: Budget | None = None,
        policy: RetryPolicy | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._session = session(settings.connect_s, settings.read_s)
        self.call = Caller(
            judge,
            budget or settings.budget(),
            policy=policy,
            refresh=lambda: self._open(secrets.renew(settings.token).reveal()),
            monotonic=monotonic,
            sleep=sleep,
            rng=rng,
        )
        self.server_us: int | None = None
        """The server's clock at its last answer."""
        self._opened = False

    def _open(self, token: str) -> None:
        # retry=False: the Caller alone tries again; urllib3 would, three times, unasked.
        made = hubspot.HubSpot(access_token=token, host=self._settings.base_url, retry=False)
        self._config = made.config
        self._search = made.crm.objects.search_api
        self._batch = made.crm.objects.batch_api
        self._basic = made.crm.objects.basic_api
        self._associations = made.crm.associations.v4.batch_api
        self._owners = made.crm.owners.owners_api
        self._properties = made.crm.properties.core_api
        self._opened = True

    def search(
        self,
        kind: Kind,
        filters: list[dict[str, str]],
        sort: str,
        after: str = "0",
        limit: int = SEARCH_LIMIT,
    ) -> Answer:
        """One page of ids, in ascending order of `sort`. Ids alone: a body above 3,000 characters
        is refused, and the names of all properties are longer."""
        body = {
            "filterGroups": [{"filters": filters}] if filters else [],
            # The specification says texts; what is documented and works is this.
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": [kind.stamp],
            "limit": limit,
            "after": after,
        }
        return self._call(SEARCH, lambda: self._search.do_search(kind.path, body, **self._bare))

    def read(
        self, kind: Kind, ids: Iterable[str], properties: Iterable[str], archived: bool = False
    ) -> Answer:
        """At most `BATCH` objects; those that are not there stand in `errors`."""
        body = {
            "inputs": [{"id": one} for one in ids],
            "properties": list(properties),
            "propertiesWithHistory": [],
        }
        # As a text: the library would write a truth value as Python does.
        wanted = {"archived": "true"} if archived else {}
        return self._call(READ, lambda: self._batch.read(kind.path, body, **wanted, **self._bare))

    def archived(self, kind: Kind, after: str = "") -> Answer:
        """A page of the archived objects, which stay for 90 days."""
        wanted = {"after": after} if after else {}
        return self._call(
            READ,
            lambda: self._basic.get_page(
                kind.path, archived="true", limit=LIST_LIMIT, **wanted, **self._bare
            ),
        )

    def associations(self, kind: Kind, path: str, inputs: list[dict[str, str]]) -> Answer:
        """Associations of at most `ASSOCIATIONS_BATCH` objects with those of `path`; `inputs` have
        an id, and `after` for a further page."""
        return self._call(
            READ,
            lambda: self._associations.get_page(kind.path, path, {"inputs": inputs}, **self._bare),
        )

    def owners(self, archived: bool, after: str = "") -> Answer:
        """A page of the owners."""
        wanted = {"after": after} if after else {}
        return self._call(
            READ,
            lambda: self._owners.get_page(
                archived=str(archived).lower(), limit=LIST_LIMIT, **wanted, **self._bare
            ),
        )

    def properties(self, kind: Kind) -> Answer:
        """The definitions of an object's properties."""
        return self._call(READ, lambda: self._properties.get_all(kind.path, **self._bare))

    def enrollment(self, contact_id: str) -> Answer:
        """The sequence that a contact is in. The library wraps no sequences: its generic request
        does, without a timeout, so that it is sent through a session that has one."""
        path = f"/automation/v4/sequences/enrollments/contact/{contact_id}"
        return self._call(READ, lambda: self._request(path))

    @property
    def _bare(self) -> dict[str, Any]:
        timeout = (self._settings.connect_s, self._settings.read_s)
        return {"_preload_content": False, "_request_timeout": timeout}

    def _request(self, path: str) -> Any:
        made = Request(
            {**self._config, "base_url": self._settings.base_url}, {"method": "GET", "path": path}
        )
        answer = self._session.get(made.get_url(), **made.get_options_for_sending())
        if answer.status_code >= 400:
            raise _Refused(answer.status_code, answer.headers, answer.content)
        return answer

    def _call(self, kind: str, function: Callable[[], Any]) -> Answer:
        if not self._opened:
            self._open(self._secrets.get(self._settings.token).reveal())

        def called() -> Answer:
            answer = function()
            body = answer.content if hasattr(answer, "content") else answer.data
            return Answer(_decoded(body), self._server_clock(answer.headers))

        return self.call(kind, called)

    def _server_clock(self, headers: Mapping[str, str]) -> int:
        try:
            self.server_us = to_us(email.utils.parsedate_to_datetime(headers["Date"]))
        except (KeyError, TypeError, ValueError):
            if self.server_us is None:
                raise Malformed from None
        return self.server_us


class _Refused(Exception):
    """An answer of `requests` as the library's ApiException has it."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


def _decoded(body: bytes | str | None) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed from None
    if not isinstance(found, dict):
        raise Malformed
    return found


def judge(error: Exception) -> Verdict:
    """What HubSpot's errors mean. None of its bodies is repeated: they hold what was asked."""
    status = getattr(error, "status", None)
    if isinstance(status, int) and status >= 400:
        return _judge_answer(status, getattr(error, "headers", None) or {}, error)
    if isinstance(error, Malformed):
        return Verdict(RetriableError("hubspot: an answer that is no JSON object"), again=True)
    if isinstance(error, urllib3.exceptions.HTTPError):
        return Verdict(RetriableError(f"hubspot: {type(error).__name__}"), again=True)
    network = judge_network(error, "hubspot")
    if network is not None:
        return network
    return Verdict(SkippableError(f"hubspot: {type(error).__name__}"))


def _judge_answer(status: int, headers: Mapping[str, str], error: Exception) -> Verdict:
    try:
        body = _decoded(getattr(error, "body", None))
    except Malformed:
        body = {}
    if status in _ELSEWHERE:
        return Verdict(RetriableError(f"hubspot: status {status}"), after_s=retry_after_s(headers))
    if status == 429 and retry_after_s(headers) is None:
        policy = str(body.get("policyName", ""))
        wait = _POLICY_WAIT_S.get(policy)
        named = f" ({policy})" if wait is not None else ""
        return Verdict(RetriableError(f"hubspot: status 429{named}"), again=True, after_s=wait)
    if status == 401:
        return Verdict(
            ConfigurationError(
                "hubspot: the token is refused (401): make a new one in the private app's settings"
                " and put it where `token` points"
            ),
            refresh=True,
        )
    if status == 403:
        scopes = _scopes(body)
        named = f": grant the private app {', '.join(scopes)}" if scopes else ""
        return Verdict(MissingScope(f"hubspot: status 403{named}"))
    if status == 404:
        return Verdict(NotFound("hubspot: status 404"))
    verdict = judge_status(status, "hubspot", headers)
    # 5xx of an unknown number passes too.
    if status >= 500 and status not in TRANSIENT:
        return Verdict(RetriableError(f"hubspot: status {status}"), again=True)
    return verdict


def _scopes(body: Mapping[str, Any]) -> list[str]:
    """Names of the scopes that a refusal asks for, and nothing else of it."""
    found: dict[str, None] = {}
    errors = body.get("errors")
    for one in errors if isinstance(errors, list) else ():
        context = one.get("context") if isinstance(one, dict) else None
        for name in ("requiredGranularScopes", "requiredScopes"):
            listed = context.get(name) if isinstance(context, dict) else None
            for scope in listed if isinstance(listed, list) else ():
                if isinstance(scope, str) and _SCOPE.match(scope):
                    found[scope] = None
    return list(found)
