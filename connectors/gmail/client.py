"""One mailbox as Gmail's API shows it: every call within budget, retried, timed, and judged."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import cache, partial
from typing import Any

import httplib2
from google.auth.credentials import Credentials
from google_auth_httplib2 import Request
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from connectors.calls import Breaker, Budget, Caller, RetryPolicy
from connectors.calls.http import TRANSIENT
from connectors.gmail.judge import MailboxRefused, WatchRefused, judge_with, legible, told
from connectors.gmail.settings import GmailSettings
from schemas.clock import to_us

HISTORY_TYPES = ("messageAdded", "messageDeleted", "labelAdded", "labelRemoved")
RECORDS_A_PAGE = 100
"""Of 500 that Gmail gives: the cursor moves by the page, and whoever is stopped within one reads it
again. https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list"""


@cache
def api(name: str, version: str, endpoint: str) -> Any:
    """The client library's service, without credentials: requests are executed with a mailbox's
    own. One for all, for parsing a discovery document takes its time."""
    return build(
        name,
        version,
        http=httplib2.Http(),
        client_options={"api_endpoint": endpoint},
        static_discovery=True,
        cache_discovery=False,
    )


@cache
def mailbox_api(endpoint: str) -> tuple[Any, Any]:
    """The library's resources users and users.messages. Kept, for it writes the documentation of
    every method each time that it makes one, which takes longer than a message."""
    users = api("gmail", "v1", endpoint).users()
    return users, users.messages()


class TokenRequest(Request):  # type: ignore[misc]
    """How the auth library reaches the token server: once. It would wait and try again by itself,
    unseen by the Caller, and deaf to the time that the server names."""

    def __call__(self, url: str, method: str = "GET", **options: Any) -> Any:
        """As google.auth.transport.Request; HttpError for what passes."""
        answer = super().__call__(url, method, **options)
        if answer.status in TRANSIENT:
            raise HttpError(httplib2.Response(dict(answer.headers)), answer.data)
        return answer


class DatedHttp:
    """An httplib2.Http that bears a user's token and notes the server's clock.

    google_auth_httplib2 would answer a 401 with a fresh token from the old key; here the Caller
    reads the secret anew first.
    """

    def __init__(
        self, credentials: Credentials, timeout_s: float, note: Callable[[int], None]
    ) -> None:
        self._http = httplib2.Http(timeout=timeout_s)
        self._token = credentials
        self._note = note

    def close(self) -> None:
        """Lets the connection go; the token is kept, and the next request opens another."""
        self._http.close()

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Any:
        """As httplib2.Http."""
        if not self._token.valid:
            self._token.refresh(TokenRequest(self._http))  # type: ignore[no-untyped-call]
        borne = dict(headers or {})
        self._token.apply(borne)  # type: ignore[no-untyped-call]
        answer, content = self._http.request(uri, method, body=body, headers=borne, **options)
        with suppress(ValueError, TypeError):
            self._note(to_us(parsedate_to_datetime(answer.get("date", ""))))
        return answer, content


class GoogleClient:
    """Calls in one user's name; for several threads, each with a connection of its own."""

    def __init__(
        self,
        credentials: Callable[[], Credentials],
        renew: Callable[[], None],
        settings: GmailSettings,
        budget: Budget,
        breaker: Breaker,
        *,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._credentials = credentials
        self._renew = renew
        self.settings = settings
        self.breaker = breaker
        self.sleep = sleep
        self._clock = clock
        self._local = threading.local()
        self._seen = 0
        self._epoch = 0
        self._caller = Caller(
            judge_with(self.now),
            budget,
            breaker,
            policy,
            refresh=self._refresh,
            monotonic=monotonic,
            sleep=sleep,
            rng=rng,
        )

    def now(self) -> int:
        """The server's clock as of its last answer; ours only before there was one."""
        return self._seen or self._clock()

    def _note(self, moment: int) -> None:
        self._seen = max(self._seen, moment)

    def _refresh(self) -> None:
        self._renew()
        self._epoch += 1

    def http(self) -> DatedHttp:
        """This thread's connection, with the credentials of now."""
        if getattr(self._local, "epoch", None) != self._epoch:
            credentials = self._credentials()
            timeout_s = self.settings.connect_and_read_s
            self._local.http = DatedHttp(credentials, timeout_s, self._note)
            self._local.epoch = self._epoch
        made: DatedHttp = self._local.http
        return made

    def rest(self) -> None:
        """Nothing is asked for now: a thousand mailboxes hold no thousand connections."""
        if hasattr(self._local, "http"):
            self._local.http.close()

    def run(
        self, call: str, function: Callable[[], Any], times: Callable[[], int] = lambda: 1
    ) -> Any:
        """Runs a call through the Caller; a mailbox that refuses us for good is left alone."""
        try:
            return self._caller(call, function, times)
        except MailboxRefused:
            self.breaker.failed(self.settings.quarantine_s)
            raise

    def _executed(self, request: Any) -> dict[str, Any]:
        return told(request.execute(http=self.http()))


class MailboxClient(GoogleClient):
    """Gmail for one mailbox."""

    @property
    def users(self) -> Any:
        """The library's users resource."""
        return mailbox_api(self.settings.endpoints.gmail)[0]

    @property
    def messages(self) -> Any:
        """The library's users.messages resource."""
        return mailbox_api(self.settings.endpoints.gmail)[1]

    def _call(self, call: str, request: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.run(call, partial(self._executed, request))
        return found

    def profile(self) -> dict[str, Any]:
        """users.getProfile."""
        return self._call("getProfile", self.users.getProfile(userId="me"))

    def history(self, start: str, page: str = "") -> dict[str, Any]:
        """users.history.list; NotThere where Gmail has forgotten `start`."""
        token = {"pageToken": page} if page else {}
        request = self.users.history().list(
            userId="me",
            startHistoryId=start,
            historyTypes=list(HISTORY_TYPES),
            maxResults=RECORDS_A_PAGE,
            **token,
        )
        return self._call("history.list", request)

    def listed(self, query: str, page: str = "") -> dict[str, Any]:
        """users.messages.list, with spam and trash: a label tells them, nothing hides them."""
        token = {"pageToken": page} if page else {}
        size = self.settings.batch_size
        request = self.messages.list(
            userId="me", q=query, includeSpamTrash=True, maxResults=size, **token
        )
        return self._call("messages.list", request)

    def label_names(self) -> Mapping[str, str]:
        """Label id to name."""
        found = self._call("labels.list", self.users.labels().list(userId="me"))
        with legible():
            return {str(one["id"]): str(one.get("name", "")) for one in found.get("labels", ())}

    def drafts(self) -> int:
        """How many messages are drafts."""
        request = self.users.labels().get(userId="me", id="DRAFT")
        return int(self._call("labels.list", request).get("messagesTotal", 0))

    def watch(self, topic: str, excludes: tuple[str, ...]) -> dict[str, Any]:
        """users.watch. labelFilterBehavior is written in lower case: the library's schema has it
        so, and its forerunner labelFilterAction misbehaved."""
        body: dict[str, Any] = {"topicName": topic}
        if excludes:
            body |= {"labelIds": list(excludes), "labelFilterBehavior": "exclude"}
        request = self.users.watch(userId="me", body=body)
        try:
            # Not by `run`: a topic that Gmail may not publish to says nothing of the mailbox.
            found: dict[str, Any] = self._caller("watch", partial(self._executed, request))
        except MailboxRefused as error:
            raise WatchRefused(
                f"{error}; or the topic is not in the project that calls, or "
                "gmail-api-push@system.gserviceaccount.com may not publish to it"
            ) from None
        return found

    def stop(self) -> None:
        """users.stop: all pushes of the mailbox to this project end; its answer is empty."""
        request = self.users.stop(userId="me")
        self._caller("watch", lambda: request.execute(http=self.http()))
