"""Threads between reps and customers, newsletters, and mail from role mailboxes."""

import random
from collections.abc import Iterator
from itertools import accumulate

from sandbox.company import mime
from sandbox.company.people import nickname
from sandbox.company.words import FIRM_FIRST, TOPICS
from sandbox.company.world import AS_OF_US, DAY_US, OWN_DOMAIN, Mail, Rep, Scale, TruePerson

HOUR_US = DAY_US // 24
BROKEN = ("date", "message-id", "charset")
BULK_SHARE = 0.05
ROLE_SHARE = 0.03
BROKEN_SHARE = 0.01


class Postman:
    """Makes mails in the order of their threads; every draw comes from one seeded source."""

    def __init__(
        self,
        rng: random.Random,
        scale: Scale,
        reps: tuple[Rep, ...],
        people: tuple[TruePerson, ...],
    ) -> None:
        self._rng = rng
        self._scale = scale
        self._reps = reps
        self._people = people
        self._next_id = 0x1890_0000_0000_0000
        # Few people write most mails, as everywhere.
        weights = (1.0 / (1 + place % 50) for place in range(len(people)))
        self._cumulative_weights = list(accumulate(weights))
        self._of_account: dict[int, list[TruePerson]] = {}
        for person in people:
            self._of_account.setdefault(id(person.account), []).append(person)

    def mails(self, copies: int) -> Iterator[Mail]:
        """Mails until as many copies are in mailboxes."""
        made = 0
        while made < copies:
            draw = self._rng.random()
            if draw < BULK_SHARE:
                batch = [self._newsletter()]
            elif draw < BULK_SHARE + ROLE_SHARE:
                batch = [self._role_mail()]
            else:
                batch = list(self._thread())
            for mail in batch:
                made += len(mail.holders)
                yield mail

    def _id(self) -> int:
        self._next_id += self._rng.randrange(1, 1 << 40)
        return self._next_id

    def _start(self) -> int:
        return AS_OF_US - self._rng.randrange(self._scale.days * DAY_US) - 5 * DAY_US

    def _thread(self) -> Iterator[Mail]:
        rng = self._rng
        rep = rng.choice(self._reps)
        person = rng.choices(self._people, cum_weights=self._cumulative_weights)[0]
        colleagues = self._of_account[id(person.account)] if person.account else []
        others = [rng.choice(colleagues)] if len(colleagues) > 1 and rng.random() < 0.3 else []
        others = [other for other in others if other is not person]
        second = rng.choice(self._reps) if rng.random() < 0.2 else rep
        holders = (rep,) if second is rep else (rep, second)
        address = rng.choice(person.emails)
        topic = rng.choice(TOPICS)
        thread, stamp = self._id(), self._start()
        references: tuple[str, ...] = ()
        body = ""
        ours = rng.random() < 0.6
        for turn in range(rng.choice((1, 2, 2, 3, 4, 6))):
            text = mime.prose(rng, rng.randint(4, 28))
            before = mime.quoted(person.given, stamp, body) if turn else ""
            stamp += rng.randrange(HOUR_US // 4, 12 * HOUR_US) if turn else 0
            message_id = f"{rng.getrandbits(96):024x}@mail.{OWN_DOMAIN}"
            rep_box = mime.mailbox(f"{rep.given} {rep.family}", rep.email)
            their_box = mime.mailbox(self._shown(person), address)
            copied = [mime.mailbox(self._shown(other), other.emails[0]) for other in others]
            copied += [second.email] if second is not rep else []
            sender, to = (rep_box, their_box) if ours else (their_box, rep_box)
            yield Mail(
                gmail_ids=tuple(self._id() for _ in holders),
                thread=thread,
                stamp_us=stamp // 1_000_000 * 1_000_000,
                source=mime.compose(
                    rng,
                    sender=sender,
                    to=to,
                    cc=", ".join(copied),
                    subject=topic if not turn else f"Re: {topic}",
                    stamp_us=stamp,
                    message_id=message_id,
                    references=references,
                    body=text + before,
                    broken=rng.choice(BROKEN) if rng.random() < BROKEN_SHARE else "",
                ),
                holders=holders,
                labels=("SENT",) if ours else ("INBOX",),
                external=(address, *(other.emails[0] for other in others)),
            )
            references, body, ours = (*references, message_id), text, not ours

    def _shown(self, person: TruePerson) -> str:
        draw = self._rng.random()
        if draw < 0.6:
            return f"{person.given} {person.family}"
        if draw < 0.8:
            return f"{person.family}, {person.given}"
        if draw < 0.95:
            return f"{nickname(person.given)} {person.family}"
        return ""

    def _newsletter(self) -> Mail:
        rng = self._rng
        rep, stamp = rng.choice(self._reps), self._start()
        brand = rng.choice(FIRM_FIRST)
        list_id = f"news.{brand.lower()}.example"
        return Mail(
            gmail_ids=(self._id(),),
            thread=self._id(),
            stamp_us=stamp // 1_000_000 * 1_000_000,
            source=mime.compose(
                rng,
                sender=mime.mailbox(f"{brand} Weekly", f"newsletter@{list_id}"),
                to=rep.email,
                cc="",
                subject=f"{brand} Weekly: what is new",
                stamp_us=stamp,
                message_id=f"{rng.getrandbits(96):024x}@{list_id}",
                references=(),
                body=mime.prose(rng, 20),
                extra=(
                    f"List-Id: <{list_id}>",
                    f"List-Unsubscribe: <https://{list_id}/stop>",
                    "Precedence: bulk",
                ),
            ),
            holders=(rep,),
            labels=("INBOX", "CATEGORY_PROMOTIONS"),
            external=(),
        )

    def _role_mail(self) -> Mail:
        rng = self._rng
        rep, stamp = rng.choice(self._reps), self._start()
        accounts = [person.account for person in self._people if person.account]
        domain = rng.choice(accounts).domains[0]
        return Mail(
            gmail_ids=(self._id(),),
            thread=self._id(),
            stamp_us=stamp // 1_000_000 * 1_000_000,
            source=mime.compose(
                rng,
                sender=f"{rng.choice(('info', 'billing', 'support'))}@{domain}",
                to=rep.email,
                cc="",
                subject=rng.choice(TOPICS),
                stamp_us=stamp,
                message_id=f"{rng.getrandbits(96):024x}@{domain}",
                references=(),
                body=mime.prose(rng, 8),
            ),
            holders=(rep,),
            labels=("INBOX",),
            external=(),
        )
