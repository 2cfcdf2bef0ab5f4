"""What the Gmail API answers: the same whether a call comes alone or as a part of a batch."""

import re
from collections.abc import Callable
from typing import Any

from sandbox.vendors.faults import Faults
from sandbox.vendors.gmail import errors
from sandbox.vendors.gmail.errors import Answer
from sandbox.vendors.gmail.mailbox import SYSTEM_LABELS, Event, Mailbox
from sandbox.vendors.gmail.quota import Quota
from sandbox.vendors.gmail.state import GmailState
from schemas.clock import DAY_US

WATCH_US = 7 * DAY_US
MOST = 500
KINDS = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}
Query = dict[str, list[str]]

_PATH = re.compile(r"/gmail/v1/users/(?P<user>[^/]+)/(?P<rest>[^?]+)\Z")
_BOUND = re.compile(r"(after|before):(\d+)")


class GmailCalls:
    """Answers for one state. Faults: `history_gone`, `page_without_history`, `unordered`,
    `duplicate_page`, `token_refused`, and of single messages `part_429`, `part_500`, `part_404`."""

    def __init__(self, state: GmailState, faults: Faults, quota: Quota, page_size: int) -> None:
        self._state = state
        self._faults = faults
        self._quota = quota
        self._page_size = page_size
        self.starts: list[int] = []
        """startHistoryId of every first page that was asked for."""

    def answer(
        self, user: str, method: str, path: str, query: Query, body: dict[str, Any]
    ) -> Answer:
        """The answer to one call by `user`, whose token it bears."""
        found = _PATH.match(path)
        if found is None or found["user"] not in ("me", user):
            return errors.not_found()
        call, function = self._route(method, found["rest"])
        if function is None:
            return errors.not_found()
        with self._state.lock:
            until = self._quota.draw(user, call)
            if until:
                return errors.too_many(until)
            mailbox = self._state.mailboxes[user]
            if not mailbox.licensed:
                words = "Mail service not enabled"
                return errors.refusal(400, "failedPrecondition", words, "FAILED_PRECONDITION")
            return function(mailbox, query, body)

    def _route(self, method: str, rest: str) -> tuple[str, Callable[..., Answer] | None]:
        if rest.startswith("messages/"):
            name = rest.removeprefix("messages/")
            return "messages.get", lambda box, query, body: self._get(box, name, query)
        if rest.startswith("labels/"):
            label = rest.removeprefix("labels/")
            return "labels.list", lambda box, query, body: self._label(box, label)
        return {
            ("GET", "profile"): ("getProfile", self._profile),
            ("GET", "messages"): ("messages.list", self._list),
            ("GET", "history"): ("history.list", self._history),
            ("GET", "labels"): ("labels.list", self._labels),
            ("POST", "watch"): ("watch", self._watch),
            ("POST", "stop"): ("stop", self._stop),
        }.get((method, rest), ("getProfile", None))

    def _profile(self, mailbox: Mailbox, query: Query, body: dict[str, Any]) -> Answer:
        return Answer(
            200,
            {
                "emailAddress": mailbox.address,
                "messagesTotal": len(mailbox.messages),
                "threadsTotal": len({one.thread for one in mailbox.messages.values()}),
                "historyId": str(mailbox.history_id),
            },
        )

    def _labels(self, mailbox: Mailbox, query: Query, body: dict[str, Any]) -> Answer:
        labels = [{"id": name, "name": name, "type": "system"} for name in SYSTEM_LABELS]
        labels += [{"id": one, "name": n, "type": "user"} for one, n in mailbox.labels.items()]
        return Answer(200, {"labels": labels})

    def _label(self, mailbox: Mailbox, name: str) -> Answer:
        total = sum(name in message.labels for message in mailbox.messages.values())
        shown = {"id": name, "name": mailbox.labels.get(name, name), "messagesTotal": total}
        return Answer(200, shown)

    def _watch(self, mailbox: Mailbox, query: Query, body: dict[str, Any]) -> Answer:
        if body.get("labelFilterBehavior", "include") not in ("include", "exclude"):
            return errors.invalid("labelFilterBehavior")
        if not re.match(r"projects/[^/]+/topics/[^/]+\Z", str(body.get("topicName"))):
            return errors.invalid("topicName")
        if self._faults.strikes("topic_refused"):
            words = "Error sending test message to Cloud PubSub: User not authorized"
            return errors.refusal(403, "forbidden", words, "PERMISSION_DENIED")
        if mailbox.watch.get("topic", body["topicName"]) != body["topicName"]:
            words = "Only one user push notification client allowed per developer"
            return errors.refusal(400, "failedPrecondition", words, "FAILED_PRECONDITION")
        mailbox.watches += 1
        expiration = (self._state.clock() + WATCH_US) // 1_000
        mailbox.watch = {"topic": body["topicName"], "expiration": expiration}
        answer = {"historyId": str(mailbox.history_id), "expiration": str(expiration)}
        return Answer(200, answer)

    def _stop(self, mailbox: Mailbox, query: Query, body: dict[str, Any]) -> Answer:
        mailbox.watch = {}
        return Answer(204, {})

    def _get(self, mailbox: Mailbox, name: str, query: Query) -> Answer:
        for status, refused in (
            (429, errors.too_many()),
            (500, errors.refusal(500, "backendError", "Backend Error")),
            (404, errors.not_found()),
        ):
            if self._faults.strikes(f"part_{status}", name):
                return refused
        message = mailbox.messages.get(name)
        if message is None or not self._state.seen(message.added_us):
            return errors.not_found()
        return Answer(200, message.resource(query.get("format", ["full"])[0]))

    def _list(self, mailbox: Mailbox, query: Query, body: dict[str, Any]) -> Answer:
        hidden = () if query.get("includeSpamTrash") == ["true"] else ("SPAM", "TRASH")
        low, high = 0, 1 << 62
        for which, second in _BOUND.findall(query.get("q", [""])[0]):
            if which == "after":
                low = int(second) * 1_000_000
            else:
                high = int(second) * 1_000_000
        found = sorted(
            (
                message
                for message in mailbox.messages.values()
                if low <= message.internal_us < high
                and message.labels.isdisjoint(hidden)
                and self._state.seen(message.added_us)
            ),
            key=lambda message: (-message.internal_us, message.id),
        )
        token = query.get("pageToken", [""])[0]
        if token:
            if not token.startswith("m-") or self._faults.strikes("token_refused"):
                return errors.invalid("pageToken")
            after = tuple(int(n) if i == 0 else n for i, n in enumerate(token[2:].split("/", 1)))
            found = [one for one in found if (-one.internal_us, one.id) > after]
        size = min(int(query.get("maxResults", ["100"])[0]), MOST, self._page_size)
        page = found[:size]
        answer: dict[str, Any] = {"resultSizeEstimate": len(found)}
        if page:
            answer["messages"] = [{"id": one.id, "threadId": one.thread} for one in page]
        if len(found) > size:
            again = token and self._faults.strikes("duplicate_page")
            last = page[-1]
            answer["nextPageToken"] = token if again else f"m-{-last.internal_us}/{last.id}"
        return Answer(200, answer)

    def _history(self, mailbox: Mailbox, query: Query, body: dict[str, Any]) -> Answer:
        start = int(query.get("startHistoryId", ["0"])[0])
        token = query.get("pageToken", [""])[0]
        if not token:
            self.starts.append(start)
        ahead = start > mailbox.history_id and not self._faults.strikes("start_ahead_taken")
        gone = ahead or start < mailbox.oldest
        if gone or self._faults.strikes("history_gone"):
            return errors.not_found()
        if token and (not token.startswith("h-") or self._faults.strikes("token_refused")):
            return errors.invalid("pageToken")
        after = int(token[2:]) if token else start
        wanted = [KINDS[kind] for kind in query.get("historyTypes", KINDS)]
        events = [
            event
            for event in mailbox.history
            if event.id > after and event.kind in wanted and self._state.seen(event.at_us)
        ]
        size = min(int(query.get("maxResults", ["100"])[0]), MOST, self._page_size)
        return Answer(200, self._history_page(mailbox, after, events, size))

    def _history_page(
        self, mailbox: Mailbox, after: int, events: list[Event], size: int
    ) -> dict[str, Any]:
        answer: dict[str, Any] = {"historyId": str(mailbox.history_id)}
        if events and self._faults.strikes("page_without_history"):
            return answer | {"nextPageToken": f"h-{after}"}
        page = events[:size]
        shown = [event.resource() for event in page]
        if len(shown) > 1 and self._faults.strikes("unordered"):
            shown.reverse()
        if after and self._faults.strikes("duplicate_page"):
            shown += [event.resource() for event in mailbox.history if event.id == after]
        if shown:
            answer["history"] = shown
        if len(events) > size:
            answer["nextPageToken"] = f"h-{page[-1].id}"
        return answer
