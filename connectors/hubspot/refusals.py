"""What HubSpot's refusals mean, and answers that cannot be read.

None of its bodies is repeated: they hold what was asked.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import urllib3

from connectors.calls import Verdict
from connectors.calls.http import TRANSIENT, judge_network, judge_status, retry_after_s
from connectors.json_text import readable
from schemas.errors import ConfigurationError, RetriableError, SkippableError

_POLICY_WAIT_S = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3_600.0}
"""Seconds to wait by `policyName` of a 429 that has no Retry-After, as most have none."""
_ELSEWHERE = frozenset({423, 477, 530})
"""Locked, account being moved, and Cloudflare's word that there is no origin."""
_PROPERTY_GONE = "PROPERTY_DOESNT_EXIST"
_SCOPE = re.compile(r"[a-z0-9._-]{3,80}\Z")


class NotFound(SkippableError):
    """There is no such thing, or no longer."""


class MissingScope(SkippableError):
    """The private app may not read this: the message names the scopes to grant."""


class PropertyGone(SkippableError):
    """A property is asked for that is no more."""


class Malformed(Exception):
    """An answer of status 200 that is no JSON object."""


class Refused(Exception):
    """An answer of `requests` as the library's ApiException has it."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


def decoded(body: bytes | str | None) -> dict[str, Any]:
    """The JSON object of a body; Malformed where it is none."""
    raw = body.encode() if isinstance(body, str) else body or b""
    try:
        found = msgspec.json.decode(readable(raw))
    except (msgspec.DecodeError, RecursionError):
        raise Malformed from None
    if not isinstance(found, dict):
        raise Malformed
    return found


def judge(error: Exception) -> Verdict:
    """The policy of an error of the library's, of urllib3's or of ours."""
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
        body = decoded(getattr(error, "body", None))
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
    if status == 400 and _PROPERTY_GONE in str(body.get("message")):
        return Verdict(PropertyGone("hubspot: status 400: a property does not exist"))
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
