"""All mailboxes of the simulated domain, and what may happen to them while somebody reads.

Thread-safe: tests and the demonstration change it while the server answers.
"""

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from sandbox.company.world import OWN_DOMAIN, Company
from sandbox.vendors.gmail.mailbox import Mailbox, Message
from schemas.clock import Clock, wall_clock

ADMIN = f"admin@{OWN_DOMAIN}"
FIRST_ID = 0x1990_0000_0000_0000


class GmailState:
    """Mailboxes by address. `index_lag_s`: how long a change stays unseen by those who read."""

    def __init__(self, seed: int = 0, clock: Clock = wall_clock, index_lag_s: float = 0.0) -> None:
        self.clock = clock
        self.index_lag_s = index_lag_s
        self.lock = threading.RLock()
        self.mailboxes: dict[str, Mailbox] = {}
        self.listeners: list[Callable[[str, int], None]] = []
        """Told of each change: address and history id. What a watch publishes."""
        self._rng = random.Random(seed)
        self._last_id = FIRST_ID

    def open_mailbox(self, address: str) -> Mailbox:
        """A new, empty mailbox."""
        with self.lock:
            made = Mailbox(address, random.Random(self._rng.getrandbits(32)))
            self.mailboxes[address] = made
            return made

    def seen(self, at_us: int) -> bool:
        """Whether what happened then is in the index by now."""
        return at_us + self.index_lag_s * 1_000_000 <= self.clock()

    def store(
        self,
        address: str,
        raw: bytes,
        labels: Iterable[str] = ("INBOX", "UNREAD"),
        *,
        message_id: str = "",
        thread: str = "",
        internal_us: int | None = None,
    ) -> str:
        """A message arrives, is sent or drafted; returns its id."""
        with self.lock:
            mailbox, now = self.mailboxes[address], self.clock()
            self._last_id += self._rng.randrange(1, 1 << 24)
            name = message_id or f"{self._last_id:x}"
            stamp = now if internal_us is None else internal_us
            message = Message(name, thread or name, stamp, raw, set(labels), 0, now)
            mailbox.messages[name] = message
            number = mailbox.note("messagesAdded", message, (), now)
        self._tell(address, number)
        return name

    def label(
        self, address: str, message_id: str, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> None:
        """Labels are put on and taken off; trash is a label."""
        with self.lock:
            mailbox = self.mailboxes[address]
            message, now = mailbox.messages[message_id], self.clock()
            number = 0
            for kind, names in (("labelsAdded", tuple(add)), ("labelsRemoved", tuple(remove))):
                if names:
                    change = message.labels.update if kind == "labelsAdded" else self._off(message)
                    change(names)
                    number = mailbox.note(kind, message, names, now)
        self._tell(address, number)

    def _off(self, message: Message) -> Callable[[Iterable[str]], None]:
        return message.labels.difference_update

    def delete(self, address: str, message_id: str) -> None:
        """A message is deleted for ever."""
        with self.lock:
            mailbox = self.mailboxes[address]
            message = mailbox.messages.pop(message_id)
            number = mailbox.note("messagesDeleted", message, (), self.clock())
        self._tell(address, number)

    def draft(self, address: str, raw: bytes, saves: int = 3) -> str:
        """A draft is written: each autosave is a new message in the place of the last."""
        last = self.store(address, raw, ("DRAFT",))
        for _ in range(saves - 1):
            self.delete(address, last)
            last = self.store(address, raw, ("DRAFT",))
        return last

    def forget_history(self, address: str) -> None:
        """All history ids up to now are out of date, as after a week."""
        with self.lock:
            mailbox = self.mailboxes[address]
            mailbox.oldest = mailbox.next_id()
            mailbox.history.clear()

    def expected(self, address: str) -> dict[str, Message]:
        """What a reader of this mailbox should have in the end: all but drafts."""
        with self.lock:
            found = self.mailboxes[address].messages
            return {name: one for name, one in found.items() if "DRAFT" not in one.labels}

    def _tell(self, address: str, number: int) -> None:
        for listener in self.listeners:
            listener(address, number)


def seeded(company: Company, clock: Clock = wall_clock, index_lag_s: float = 0.0) -> GmailState:
    """The company's mails in the mailboxes of its reps, and an administrator without mail."""
    state = GmailState(company.seed, clock, index_lag_s)
    for rep in company.reps:
        state.open_mailbox(rep.email)
    state.open_mailbox(ADMIN)
    for mail in company.mails:
        for number, rep in zip(mail.gmail_ids, mail.holders, strict=True):
            state.store(
                rep.email,
                f"Delivered-To: {rep.email}\r\n".encode() + mail.source,
                mail.labels,
                message_id=f"{number:x}",
                thread=f"{mail.thread:x}",
                internal_us=mail.stamp_us,
            )
    for mailbox in state.mailboxes.values():
        # Seen long ago, however late the index is with what comes from now on.
        mailbox.history = [replace(event, at_us=0) for event in mailbox.history]
        for message in mailbox.messages.values():
            message.added_us = 0
    return state
