"""How many messages Gmail says it has: what ours are held against."""

from connectors.gmail.connector import GmailConnector
from connectors.gmail.judge import MailboxRefused


def counts(connector: GmailConnector) -> dict[str, int]:
    """Object to the number of messages in all mailboxes that can be read, but for drafts, and to
    the number of mailboxes. Messages that the exclusions keep out are counted by Gmail all the
    same, and so is what is older than the first reading and was never backfilled."""
    messages = mailboxes = 0
    for address in connector.mailboxes():
        client = connector.client(address)
        try:
            total = int(client.profile().get("messagesTotal", 0)) - client.drafts()
        except MailboxRefused:
            continue
        messages += total
        mailboxes += 1
    return {"message": messages, "mailbox": mailboxes}
