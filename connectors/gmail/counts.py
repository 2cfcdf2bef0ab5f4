"""How many messages Gmail says it has: what ours are held against."""

import logging
from collections.abc import Iterable

from connectors.gmail.client import MailboxClient
from connectors.questions import Tally
from schemas.errors import FatalError, SalesIntelError

log = logging.getLogger(__name__)


def messages(clients: Iterable[MailboxClient]) -> Tally:
    """The messages in all mailboxes, but for drafts; mailboxes that do not tell are uncounted.

    Messages that the exclusions keep out are counted by Gmail all the same, and so is what is
    older than the first reading and was never backfilled.
    """
    records = uncounted = 0
    for client in clients:
        try:
            total = int(client.profile().get("messagesTotal", 0)) - client.drafts()
        except FatalError:
            raise
        except SalesIntelError as error:
            log.warning("gmail: a mailbox was not counted: %s", error)
            uncounted += 1
        else:
            records += total
    return Tally(records, uncounted)
