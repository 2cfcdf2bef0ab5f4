"""Gmail: mailboxes by domain-wide delegation, read by their history, woken by pushes."""

from typing import TYPE_CHECKING, Any

from connectors.gmail.settings import GmailSettings

if TYPE_CHECKING:
    from connectors.gmail.connector import GmailConnector

__all__ = ["GmailConnector", "GmailSettings"]


def __getattr__(name: str) -> Any:
    """The connector, with the vendor's library: the webhook service starts without it."""
    if name != "GmailConnector":
        raise AttributeError(name)
    from connectors.gmail.connector import GmailConnector

    return GmailConnector
