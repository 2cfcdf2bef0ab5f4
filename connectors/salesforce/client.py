"""Calls to one org through simple-salesforce, each with a timeout, a budget and a policy.

What the library does by itself is kept out of the way: it logs in again and again without an end
(`SFType`), drops headers when it repeats a call, waits for ever, and prints answers in its errors.
So it is given a token, and only asked for `restful`; a refused token is renewed here, once a call.
https://github.com/simple-salesforce/simple-salesforce
"""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError
from simple_salesforce.util import exception_handler

from connectors.calls import Breaker, Budget, Caller, RetryPolicy
from connectors.calls.http import session
from connectors.salesforce.auth import Tokens
from connectors.salesforce.refusals import LimitReached, LocatorGone, Refused, code_of, judge
from connectors.salesforce.refusals import server_us as moment_of
from connectors.salesforce.settings import SalesforceSettings, checked
from connectors.salesforce.usage import Usage, usage_of
from connectors.secrets import Secrets
from schemas.clock import Clock, wall_clock
from schemas.errors import RetriableError

T = TypeVar("T")
KINDS = ("query", "describe", "deleted", "job", "results", "token")
PROBE_S = 900.0
"""How long nothing is asked once the share of the day's calls is spent, before one call looks."""
_NEVER = 1_000_000_000


class Answer(NamedTuple):
    """What came; `server_us` is the server's clock then, None where it did not tell."""

    body: Any
    server_us: int | None


class Rows(NamedTuple):
    """A part of a query job's result: CSV, how many rows the server says it has, and where the
    next part begins (empty: nowhere)."""

    csv: bytes
    stated: int
    locator: str
    server_us: int | None


class SalesforceClient:
    """For one thread. Sleep, clocks and randomness are passed in by tests."""

    def __init__(
        self,
        settings: SalesforceSettings,
        secrets: Secrets,
        *,
        policy: RetryPolicy | None = None,
        clock: Clock = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.settings = checked(settings)
        self.sleep = sleep
        self.monotonic = monotonic
        self.usage: Usage | None = None
        """Of the last answer that told."""
        self.server_us: int | None = None
        """The server's clock at its last answer that told."""
        self._session = session(settings.connect_s, settings.read_s)
        self._session.hooks["response"].append(self._seen)
        self._headers: Mapping[str, str] = {}
        self._tokens = Tokens(settings, secrets, self._session, clock)
        self._library: Salesforce | None = None
        costs = {kind: {"calls": 1.0} for kind in KINDS}
        budget = Budget({"calls": settings.rate}, costs, monotonic=monotonic, sleep=sleep)
        # Opened only by the org's limits, which are everybody's: what fails of one object by
        # itself must not hold up the others.
        self._breaker = Breaker("salesforce", failures=_NEVER, monotonic=monotonic)
        policy = policy or RetryPolicy()
        rng = rng or random.Random()  # noqa: S311 (jitter)
        self._login = Caller(judge, budget, None, policy, monotonic=monotonic, sleep=sleep, rng=rng)
        self._call = Caller(
            judge,
            budget,
            self._breaker,
            policy,
            refresh=self._renew,
            monotonic=monotonic,
            sleep=sleep,
            rng=rng,
        )

    def now(self) -> int:
        """The server's clock, microseconds; asked for where no answer has told yet."""
        if self.server_us is None:
            self._get("describe", "")
        if self.server_us is None:
            raise RetriableError("salesforce: an answer without a Date")
        return self.server_us

    def query(self, soql: str) -> Answer:
        """The first page of a query that sees deleted and archived rows too (queryAll)."""
        return self._get("query", "queryAll", {"q": soql})

    def query_living(self, soql: str) -> Answer:
        """The first page of a query over what users see."""
        return self._get("query", "query", {"q": soql})

    def more(self, next_url: str) -> Answer:
        """The page that an answer named as the next."""
        _, found, path = next_url.partition(f"/data/v{self.settings.api_version}/")
        if not found or not path.startswith("query"):
            raise LocatorGone("salesforce query: the next page has no address")
        return self._get("query", path)

    def describe(self, name: str) -> Answer:
        """Fields and abilities of an sObject."""
        return self._get("describe", f"sobjects/{name}/describe")

    def deleted(self, name: str, start: str, end: str) -> Answer:
        """Ids deleted in a time; both ends with a zone, the library's own form breaks without.
        https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_getdeleted.htm
        """
        return self._get("deleted", f"sobjects/{name}/deleted/", {"start": start, "end": end})

    def start_job(self, soql: str) -> Answer:
        """A Bulk API 2.0 query job over deleted and archived rows too."""
        body = {"operation": "queryAll", "query": soql}
        return self._answer("job", lambda sf: sf.restful("jobs/query", method="POST", json=body))

    def job(self, job_id: str) -> Answer:
        """State of a query job."""
        return self._get("job", f"jobs/query/{job_id}")

    def rows(self, job_id: str, locator: str, most: int) -> Rows:
        """A part of a query job's result."""
        params: dict[str, str] = {"maxRecords": str(most)}
        if locator:
            params["locator"] = locator
        answer = self._answer("results", lambda sf: self._csv(sf, job_id, params))
        response: requests.Response = answer.body
        next_locator = response.headers.get("Sforce-Locator", "")
        stated = response.headers.get("Sforce-NumberOfRecords", "")
        return Rows(
            response.content,
            int(stated) if stated.isascii() and stated.isdigit() else -1,
            "" if next_locator == "null" else next_locator,
            answer.server_us,
        )

    def _csv(self, sf: Salesforce, job_id: str, params: dict[str, str]) -> requests.Response:
        url = f"{sf.base_url}jobs/query/{job_id}/results"
        headers = {**sf.headers, "Accept": "text/csv"}
        response = self._session.get(url, headers=headers, params=params)
        if response.status_code >= 300:
            exception_handler(response)
        return response

    def _get(self, kind: str, path: str, params: dict[str, str] | None = None) -> Answer:
        headers = {}
        if kind == "query":
            headers["Sforce-Query-Options"] = f"batchSize={self.settings.page_rows}"
        return self._answer(kind, lambda sf: sf.restful(path, params, headers=headers))

    def _answer(self, kind: str, ask: Callable[[Salesforce], Any]) -> Answer:
        self._mind_the_limit()
        if self._library is None:
            self._breaker.check()
            self._renew()
        body = self._call(kind, lambda: self._guarded(kind, ask))
        return Answer(body, moment_of(self._headers))

    def _guarded(self, kind: str, ask: Callable[[Salesforce], T]) -> T:
        """Asks, and lets no error through that holds an answer's body or an address."""
        assert self._library is not None
        self._headers = {}
        try:
            return ask(self._library)
        except SalesforceError as error:
            status, code = int(error.status), code_of(error.content)
        except (requests.RequestException, UnicodeDecodeError) as error:
            status, code = 0, type(error).__name__
        raise Refused(kind, status, code, self._headers)

    def _renew(self) -> None:
        refused = self._library is not None
        token = self._login("token", lambda: self._tokens.fetch(renewed=refused))
        address = urlsplit(self.settings.instance_url)
        library = Salesforce(
            instance=address.netloc,
            session_id=token,
            session=self._session,
            version=self.settings.api_version,
            # Decimals stay the text that they came as; a float might round them.
            parse_float=lambda text: msgspec.Raw(text.encode()),
            object_pairs_hook=dict,
        )
        library.base_url = f"{address.scheme}{library.base_url.removeprefix('https')}"
        self._library = library

    def _seen(self, response: requests.Response, **_: Any) -> None:
        self._headers = response.headers
        self.server_us = moment_of(response.headers) or self.server_us
        usage = usage_of(response.headers.get("Sforce-Limit-Info", ""))
        if usage is not None:
            self.usage = usage

    def _mind_the_limit(self) -> None:
        if self.usage is not None and self.usage.share >= self.settings.stop_share:
            used, allowed = self.usage
            # The next call after the pause looks how things are.
            self.usage = None
            self._breaker.failed(PROBE_S)
            raise LimitReached(
                f"salesforce: {used} of {allowed} calls of the day are spent, others need the rest"
            )
