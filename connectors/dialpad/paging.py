"""How Dialpad's lists go on: a page's token is what the next is asked for with."""

from collections.abc import Callable, Iterator

from connectors.dialpad.client import Listed
from schemas.errors import RetriableError


def pages(what: str, read: Callable[[str], Listed]) -> Iterator[Listed]:
    """Every page of a list; RetriableError where they go round in a circle. `what` names it."""
    token, tokens = "", set[str]()
    while True:
        listed = read(token)
        yield listed
        token = listed.token
        if not token:
            return
        if token in tokens:
            raise RetriableError(f"dialpad: the list of {what} goes round in a circle")
        tokens.add(token)
