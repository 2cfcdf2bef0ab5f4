"""The account's API through hubspot-api-client: raw JSON, timeouts, and retries in our Caller.

The library's own retry leaves searches out (they are POSTs), its models turn moments into local
time, and nothing in it ends a call that is never answered. So it is asked for the bare answer
(`_preload_content=False`) and given a timeout at each call.
"""

import email.utils
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import hubspot
from hubspot.utils.requests.http_request_builder import Request

from connectors.calls import Budget, Caller, RetryPolicy
from connectors.calls.http import session
from connectors.hubspot.kinds import MERGED, Kind
from connectors.hubspot.refusals import Malformed, Refused, decoded, judge
from connectors.hubspot.settings import READ, SEARCH, HubSpotSettings
from connectors.secrets import Secrets
from schemas.clock import to_us

SEARCH_LIMIT = 200
"""https://developers.hubspot.com/docs/api-reference/search/guide#limitations"""
BATCH = 100
ASSOCIATIONS_BATCH = 1_000
"""https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide#limits"""
LIST_LIMIT = 100


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
        """A page of the archived objects, which stay for 90 days, with what went into them."""
        wanted = {"after": after} if after else {}
        return self._call(
            READ,
            lambda: self._basic.get_page(
                kind.path,
                archived="true",
                limit=LIST_LIMIT,
                properties=[kind.stamp, MERGED],
                **wanted,
                **self._bare,
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
        # An `auth` that does nothing, or a .netrc of the machine would take the header's place.
        answer = self._session.get(
            made.get_url(), auth=lambda request: request, **made.get_options_for_sending()
        )
        if answer.status_code >= 400:
            raise Refused(answer.status_code, answer.headers, answer.content)
        return answer

    def _call(self, kind: str, function: Callable[[], Any]) -> Answer:
        if not self._opened:
            self._open(self._secrets.get(self._settings.token).reveal())

        def called() -> Answer:
            answer = function()
            body = answer.content if hasattr(answer, "content") else answer.data
            return Answer(decoded(body), self._server_clock(answer.headers))

        return self.call(kind, called)

    def _server_clock(self, headers: Mapping[str, str]) -> int:
        try:
            self.server_us = to_us(email.utils.parsedate_to_datetime(headers["Date"]))
        except (KeyError, TypeError, ValueError):
            if self.server_us is None:
                raise Malformed from None
        return self.server_us
