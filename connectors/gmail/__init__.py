"""Gmail: mailboxes by domain-wide delegation, read by their history, woken by pushes."""

from connectors.gmail.connector import GmailConnector
from connectors.gmail.settings import GmailSettings

__all__ = ["GmailConnector", "GmailSettings"]
