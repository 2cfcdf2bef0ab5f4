"""A working day in the mailboxes: mails and their answers, labels, drafts, the bin, deletions."""

import random
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses

from sandbox.company import mime
from sandbox.company.people import plain
from sandbox.company.words import TOPICS
from sandbox.company.world import OWN_DOMAIN, Company, Rep
from sandbox.vendors.gmail.mailbox import Message
from sandbox.vendors.gmail.state import GmailState
from sandbox.vendors.happening import Happening, one_of

WEIGHTS = {"mail": 8, "reply": 8, "label": 6, "trash": 2, "untrash": 1, "delete": 2, "draft": 2}
LABELS = ("STARRED", "IMPORTANT", "UNREAD")
SECOND_HOLDER = 0.2


class GmailLife:
    """What happens in the mailboxes of the reps."""

    def __init__(self, state: GmailState, company: Company) -> None:
        self.state = state
        self._company = company
        self._reps = {rep.email: rep for rep in company.reps}

    def happen(self, rng: random.Random) -> Happening:
        """One thing happens."""
        steps = {
            "mail": self.mail,
            "reply": self._reply,
            "label": self._label,
            "trash": self._trash,
            "untrash": self._untrash,
            "delete": self._delete,
            "draft": self._draft,
        }
        with self.state.lock:
            return one_of(rng, steps, WEIGHTS)

    def mail(self, rng: random.Random) -> Happening:
        """A mail between a rep and a person whom the company knows."""
        rep, person = rng.choice(self._company.reps), rng.choice(self._company.people)
        holders = [rep]
        if rng.random() < SECOND_HOLDER:
            holders += [one for one in (rng.choice(self._company.reps),) if one is not rep]
        theirs = mime.mailbox(f"{person.given} {person.family}", rng.choice(person.emails))
        ours, copied = _shown(rep), ", ".join(one.email for one in holders[1:])
        outgoing = rng.random() < 0.5
        raw = self._composed(
            rng,
            sender=ours if outgoing else theirs,
            to=theirs if outgoing else ours,
            cc=copied,
            subject=rng.choice(TOPICS),
        )
        return self._stored("mail", raw, holders, rep if outgoing else None)

    def _reply(self, rng: random.Random) -> Happening | None:
        """An answer to any mail that names both one of ours and somebody else."""
        found = self._pick(rng, without=("DRAFT", "TRASH", "SPAM"))
        if found is None:
            return None
        address, message = found
        head = BytesHeaderParser(policy=compat32).parsebytes(message.raw)
        sender = getaddresses([str(head.get("From", ""))])[0][1].lower()
        to = [one.lower() for _, one in getaddresses(map(str, head.get_all("To", []))) if one]
        cc = [one.lower() for _, one in getaddresses(map(str, head.get_all("Cc", []))) if one]
        outgoing = sender not in self._reps
        answering = address if outgoing else (to or [sender])[0]
        others = [
            one for one in dict.fromkeys((*to, *cc, address)) if one not in (answering, sender)
        ]
        subject = mime.prose(rng, 1)[:40] if head.get("Subject") is None else str(head["Subject"])
        raw = self._composed(
            rng,
            sender=answering,
            to=sender,
            cc=", ".join(others),
            subject=subject if subject.startswith("Re: ") else f"Re: {subject}",
            references=tuple(_ids(head.get("References")) + _ids(head.get("Message-ID"))),
        )
        named = dict.fromkeys((answering, sender, *others))
        holders = [self._reps[one] for one in named if one in self._reps]
        author = self._reps.get(answering)
        return self._stored("reply", raw, holders, author, message.thread)

    def _composed(
        self,
        rng: random.Random,
        *,
        sender: str,
        to: str,
        cc: str,
        subject: str,
        references: tuple[str, ...] = (),
    ) -> bytes:
        domain = sender.rpartition("@")[2].rstrip(">") or OWN_DOMAIN
        return mime.compose(
            rng,
            sender=sender,
            to=to,
            cc=cc,
            subject=subject,
            stamp_us=self.state.clock(),
            message_id=f"{rng.getrandbits(96):024x}@mail.{domain}",
            references=references,
            body=mime.prose(rng, rng.randint(2, 9)),
        )

    def _stored(
        self, what: str, raw: bytes, holders: list[Rep], author: Rep | None, thread: str = ""
    ) -> Happening:
        """A copy in the mailbox of each holder, under an id of its own."""
        first = ""
        for rep in holders:
            copy = f"Delivered-To: {rep.email}\r\n".encode() + raw
            labels = ("SENT",) if rep is author else ("INBOX", "UNREAD")
            name = self.state.store(rep.email, copy, labels, thread=thread)
            first, thread = first or name, thread or name
        return Happening("gmail", what, "message", first)

    def _label(self, rng: random.Random) -> Happening | None:
        found = self._pick(rng, without=("DRAFT", "TRASH"))
        if found is None:
            return None
        address, message = found
        label = rng.choice((*LABELS, f"Label_{plain(rng.choice(TOPICS))[:8]}"))
        self.state.mailboxes[address].labels.update(
            {label: label} if label.startswith("Label_") else {}
        )
        add, remove = ((), (label,)) if label in message.labels else ((label,), ())
        self.state.label(address, message.id, add=add, remove=remove)
        return Happening("gmail", "label", "message", message.id)

    def _trash(self, rng: random.Random) -> Happening | None:
        found = self._pick(rng, without=("DRAFT", "TRASH"))
        if found is None:
            return None
        address, message = found
        inbox = ("INBOX",) if "INBOX" in message.labels else ()
        self.state.label(address, message.id, add=("TRASH",), remove=inbox)
        return Happening("gmail", "trash", "message", message.id)

    def _untrash(self, rng: random.Random) -> Happening | None:
        found = self._pick(rng, having="TRASH")
        if found is None:
            return None
        self.state.label(found[0], found[1].id, add=("INBOX",), remove=("TRASH",))
        return Happening("gmail", "untrash", "message", found[1].id)

    def _delete(self, rng: random.Random) -> Happening | None:
        """Deleted for ever, mostly out of the bin."""
        found = self._pick(rng, having="TRASH") or self._pick(rng, without=("DRAFT",))
        if found is None:
            return None
        self.state.delete(found[0], found[1].id)
        return Happening("gmail", "delete", "message", found[1].id)

    def _draft(self, rng: random.Random) -> Happening:
        rep, person = rng.choice(self._company.reps), rng.choice(self._company.people)
        raw = self._composed(
            rng, sender=_shown(rep), to=person.emails[0], cc="", subject=rng.choice(TOPICS)
        )
        name = self.state.draft(rep.email, raw, saves=rng.randint(1, 3))
        return Happening("gmail", "draft", "message", name)

    def _pick(
        self, rng: random.Random, having: str = "", without: tuple[str, ...] = ()
    ) -> tuple[str, Message] | None:
        address = rng.choice(list(self._reps))
        found = [
            message
            for message in self.state.mailboxes[address].messages.values()
            if message.labels.isdisjoint(without) and (not having or having in message.labels)
        ]
        return (address, rng.choice(found)) if found else None


def _shown(rep: Rep) -> str:
    return mime.mailbox(f"{rep.given} {rep.family}", rep.email)


def _ids(header: object) -> list[str]:
    """Message ids of a header, without their brackets."""
    return [one.strip("<>") for one in str(header or "").split()]
