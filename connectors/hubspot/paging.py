"""How HubSpot's lists go on: `paging.next.after` of a page is what the next is asked for with."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from connectors.hubspot.client import Answer
from schemas.errors import RetriableError


class ListPage(NamedTuple):
    """The results of a page, and where the next begins; empty: there is none."""

    results: list[Any]
    after: str
    server_us: int


def pages(what: str, read: Callable[[str], Answer], after: str = "") -> Iterator[ListPage]:
    """Every page of a list from `after` on. RetriableError where one has no results, or where they
    go round in a circle; `what` names the list in it."""
    asked: set[str] = set()
    while True:
        answer = read(after)
        results = answer.body.get("results")
        if not isinstance(results, list):
            raise RetriableError(f"hubspot: {what} without results")
        asked.add(after)
        after = after_of(answer.body)
        if after and after in asked:
            raise RetriableError(f"hubspot: the list of {what} goes round in a circle")
        yield ListPage(results, after, answer.server_us)
        if not after:
            return


def after_of(body: dict[str, Any]) -> str:
    """Where the page after this one begins; empty: there is none."""
    paging = body.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return "" if after is None else str(after)
