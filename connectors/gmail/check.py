"""Whether the domain lets us read its mailboxes, and what to grant where it does not."""

from collections.abc import Iterator

from connectors.finding import Finding
from connectors.gmail.connector import GmailConnector
from connectors.gmail.judge import MailboxRefused, NotThere
from connectors.gmail.settings import DIRECTORY_SCOPE, GMAIL_SCOPE
from schemas.errors import ConfigurationError, SalesIntelError

DELEGATE = (
    "in the Admin console, Security > API controls > Domain-wide delegation, grant the service "
    f"account's client id exactly {GMAIL_SCOPE}"
)
LISTED = f"{DELEGATE} and {DIRECTORY_SCOPE}"
SHOWN = 3
"""Mailboxes that are tried: what is wrong for these is mostly wrong for all."""


def check(connector: GmailConnector) -> Iterator[Finding]:
    """Asks for the mailboxes and for the profile of a few: no mail is read, nothing is changed."""
    try:
        mailboxes = connector.mailboxes()
    except SalesIntelError as error:
        yield Finding("gmail directory", False, str(error), _fix(error, LISTED))
        return
    if not mailboxes:
        fix = "name mailboxes, or widen directory_query and the exclusions"
        yield Finding("gmail mailboxes", False, "none to read", fix)
        return
    yield Finding("gmail mailboxes", True, f"{len(mailboxes)} to read")
    for place, address in enumerate(mailboxes[:SHOWN]):
        what = f"gmail mailbox {place + 1}"
        try:
            connector.client(address).profile()
        except SalesIntelError as error:
            yield Finding(what, False, str(error), _fix(error, DELEGATE))
        else:
            yield Finding(what, True, "can be read")
    yield _pushes(connector)


def _fix(error: SalesIntelError, grant: str) -> str:
    if isinstance(error, MailboxRefused):
        return f"{grant}; and see that the user is active and has a Gmail licence"
    if isinstance(error, ConfigurationError):
        return "see docs/setup/gmail.md, step 2"
    if isinstance(error, NotThere):
        return "see that settings name Google's own addresses"
    return "try again; google.com/appsstatus may know more"


def _pushes(connector: GmailConnector) -> Finding:
    settings = connector.settings
    if not settings.topic:
        return Finding("gmail pushes", True, "polled only: set topic, or mails wait for a round")
    if not settings.push_audience:
        fix = "set push_audience and push_account to those of the push subscription"
        return Finding("gmail pushes", False, "asked for, and none would be taken", fix)
    return Finding("gmail pushes", True, "asked for each day")
