"""Which mailboxes there are: named in the settings, or all that the directory has.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from connectors.calls import Budget, Rate
from connectors.gmail.client import GoogleClient, api
from schemas.errors import RetriableError

MOST_USERS = 500
CALLS_A_MINUTE = 1_200.0
"""Half of what a project may ask of the Admin SDK.
https://developers.google.com/workspace/admin/directory/v1/limits"""
FIELDS = "nextPageToken,users(primaryEmail,suspended,archived,isMailboxSetup)"


def directory_budget(**clocks: Any) -> Budget:
    """Of the administrator's calls."""
    rates = {"directory": Rate(CALLS_A_MINUTE, 60.0, 60.0)}
    return Budget(rates, {"users.list": {"directory": 1.0}}, **clocks)


class DirectoryClient(GoogleClient):
    """The directory, in an administrator's name."""

    def mailboxes(self) -> Iterator[str]:
        """Addresses, in lower case, of users that are neither suspended nor archived and that have
        a mailbox."""
        users = api("admin", "directory_v1", self.settings.endpoints.directory).users()
        wanted: dict[str, Any] = {"customer": "my_customer", "orderBy": "email", "fields": FIELDS}
        if self.settings.directory_query:
            wanted["query"] = self.settings.directory_query
        page, pages = "", set[str]()
        while True:
            token = {"pageToken": page} if page else {}
            request = users.list(maxResults=MOST_USERS, **wanted, **token)
            answer = self.run("users.list", partial(self._executed, request))
            for user in answer.get("users") or ():
                if self._is_read(user):
                    yield str(user["primaryEmail"]).lower()
            page = str(answer.get("nextPageToken") or "")
            if not page:
                return
            if page in pages:
                raise RetriableError("directory: the list of users goes round in a circle")
            pages.add(page)

    def _is_read(self, user: dict[str, Any]) -> bool:
        put_away = user.get("suspended") or user.get("archived")
        return bool(user.get("primaryEmail") and user.get("isMailboxSetup", True) and not put_away)
