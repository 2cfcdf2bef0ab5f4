"""Rows of a sales organisation of a given size, as the pipeline would have written them: what the
views are timed over. Seeded: one size and seed is always the same rows.

Nine contacts of ten have an address that mails know, half a number that calls know; four of ten are
in both CRMs. Half of the mails lie in two mailboxes; a call has legs, and some a recap.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.operations_rows import operations_rows
from schemas.change import stable_hash
from schemas.clock import DAY_US
from schemas.columns import Row
from schemas.identity import Entity, Link
from schemas.records import (
    Account,
    Deal,
    Enrollment,
    Interaction,
    Participant,
    Person,
    RawChange,
)

DAYS = 400
"""Of which there are interactions, up to now: more on later days."""
STAGES = ("discovery", "proposal", "negotiation", "won", "lost")
ROLES = ("from", "to", "cc", "cc")


class Size(NamedTuple):
    """How many there are of each: interactions as a person counts them, each once."""

    interactions: int = 200_000
    people: int = 20_000
    accounts: int = 3_000
    deals: int = 9_000
    users: int = 120


def sales_rows(size: Size, now: int, seed: int = 7) -> Iterator[list[Row]]:
    """The rows, in lists of one class each; `now` in microseconds."""
    made = _Made(size, now, random.Random(seed))
    yield from made.registers()
    yield from made.deals()
    yield from made.interactions()
    yield from operations_rows(made.raw, made.past, size.people, now)


class _Made:
    def __init__(self, size: Size, now: int, chance: random.Random) -> None:
        self._size = size
        self._now = now
        self._chance = chance
        self.raw: list[RawChange] = []
        self._users = [f"salesforce:user:{number}" for number in range(size.users)]
        self._contacts = [f"salesforce:contact:{number}" for number in range(size.people)]

    def _version(self, key: str, stamp: int) -> dict[str, object]:
        """The lineage of a row, and the change that it comes from."""
        source, object_type, object_id = key.split(":", 2)
        change_id = stable_hash(key, stamp)
        lineage: dict[str, object] = {
            "change_id": change_id,
            "source": source,
            "object_type": object_type,
            "object_id": object_id,
            "record_key": key,
            "is_deleted": False,
            "successor_key": None,
            "version_stamp": stamp,
            "version_fetched": stamp + 1_000_000,
            "version_digest": change_id,
            "attempt": 1,
            "lane": "live",
            "pipeline_version": 1,
            "written_at": stamp + 3_000_000,
        }
        if not self.raw or self.raw[-1].change_id != change_id:
            told = RawChange(
                **lineage,  # type: ignore[arg-type]
                operation="upsert",
                message_id=f"m{len(self.raw)}",
                publish_time=stamp + 2_000_000,
                publish_date=stamp // DAY_US,
                content_type="application/json",
                payload=b"{}",
            )
            self.raw.append(told)
        return lineage

    def past(self, days: int = DAYS) -> int:
        """A moment within the last days, the later the likelier."""
        return self._now - int(self._chance.random() ** 2 * days * DAY_US) - DAY_US // 24

    def registers(self) -> Iterator[list[Row]]:
        """Accounts, people, users; who of them is one; what mails and calls know of them."""
        accounts: list[Row] = []
        people: list[Row] = []
        links: list[Row] = []
        entities: list[Row] = []
        for number in range(self._size.accounts):
            entity_id, domain = f"a-{number}", f"company{number}.example"
            keys = [f"salesforce:account:{number}", f"hubspot:company:{number}"][: 1 + number % 2]
            accounts += [
                Account(
                    **self._version(key, self.past()),  # type: ignore[arg-type]
                    name=f"Company {number}",
                    domains=(domain,),
                    owner_key=self._chance.choice(self._users),
                )
                for key in keys
            ]
            links += [self._link(key, "account", entity_id) for key in keys]
            entities.append(self._entity(entity_id, f"Company {number}", domain=domain))
        for number, contact in enumerate(self._contacts):
            entity_id, account = f"p-{number}", number % self._size.accounts
            keys = [contact]
            if number % 10 < 4:
                keys.append(f"hubspot:contact:{number}")
            for key in keys:
                versions = 1 + (number % 5 == 0)
                people += [self._person(key, number, account) for _ in range(versions)]
            if number % 10 < 9:
                keys.append(_address(number))
            if number % 2:
                keys.append(_number(number))
            links += [self._link(key, "person", entity_id) for key in keys]
            entities.append(self._entity(entity_id, _name(number), account=f"a-{account}"))
        for number, key in enumerate(self._users):
            people.append(
                Person(
                    **self._version(key, self.past()),  # type: ignore[arg-type]
                    full_name=f"User {number}",
                    emails=(f"user{number}@ours.example",),
                    is_internal=True,
                )
            )
            entity_id = f"p-u{number}"
            address = f"gmail:address:u{number}"
            links += [self._link(one, "person", entity_id) for one in (key, address)]
            entities.append(self._entity(entity_id, f"User {number}", internal=True))
        yield from (accounts, people, links, entities)

    def _person(self, key: str, number: int, account: int) -> Person:
        return Person(
            **self._version(key, self.past()),  # type: ignore[arg-type]
            full_name=_name(number),
            emails=(_email(number, self._size.accounts),),
            phones=(_phone(number),),
            account_key=f"salesforce:account:{account}",
            owner_key=self._chance.choice(self._users),
            email_opt_out=number % 50 == 0,
            do_not_contact=number % 200 == 0,
        )

    def _link(self, key: str, kind: str, entity_id: str) -> Link:
        return Link(
            record_key=key,
            kind=kind,
            entity_id=entity_id,
            confidence=0.99,
            method="email",
            is_deleted=False,
            revision=1,
            resolved_at=self._now - DAY_US,
        )

    def _entity(
        self,
        entity_id: str,
        name: str,
        domain: str | None = None,
        account: str | None = None,
        internal: bool = False,
    ) -> Entity:
        return Entity(
            entity_id=entity_id,
            kind="account" if domain else "person",
            display_name=name,
            primary_email=None if domain else f"{entity_id}@shown.example",
            primary_domain=domain,
            account_entity_id=account,
            account_confidence=0.9 if account else None,
            is_internal=internal,
            is_shared=False,
            record_count=2,
            is_retired=False,
            successor_id=None,
            revision=1,
            resolved_at=self._now - DAY_US,
        )

    def deals(self) -> Iterator[list[Row]]:
        """Deals, each through some of its stages, and who is in a sequence."""
        deals: list[Row] = []
        for number in range(self._size.deals):
            account = number % self._size.accounts
            reached = self._chance.randint(1, len(STAGES))
            begun = self.past()
            for stage in range(reached):
                stamp = begun + (self._now - begun) * stage // len(STAGES)
                deals.append(
                    Deal(
                        **self._version(f"salesforce:opportunity:{number}", stamp),  # type: ignore[arg-type]
                        name=f"Deal {number}",
                        account_key=f"salesforce:account:{account}",
                        person_keys=(self._contacts[number % len(self._contacts)],),
                        stage=STAGES[stage],
                        amount=float(self._chance.randint(1_000, 100_000)),
                        currency="USD",
                        close_date=(begun + 90 * DAY_US) // DAY_US,
                        is_closed=stage > 2,
                        is_won=stage == 3,
                        owner_key=self._users[account % len(self._users)],
                        created_at=begun,
                    )
                )
        enrolled: list[Row] = []
        for number in range(0, self._size.people, 4):
            stamp = self.past(90)
            enrolled.append(
                Enrollment(
                    **self._version(f"hubspot:contact:{number}", stamp),  # type: ignore[arg-type]
                    enrollment_id=f"e{number}",
                    part="status",
                    person_key=f"hubspot:contact:{number}",
                    sequence_id="7",
                    enrolled_at=stamp,
                    is_active=number % 8 == 0,
                )
            )
        yield from (deals, enrolled)

    def interactions(self) -> Iterator[list[Row]]:
        """Mails, calls, tasks, meetings and messages with those who took part."""
        interactions: list[Row] = []
        participants: list[Row] = []
        for number in range(self._size.interactions):
            person = int(self._chance.random() ** 2 * self._size.people)
            user = (person + self._chance.randint(0, 2)) % self._size.users
            moment = self.past()
            kind = self._chance.choices(
                ("email", "call", "task", "meeting", "sms"), (55, 25, 10, 5, 5)
            )[0]
            for key, part in self._parts(kind, number):
                lineage = self._version(key, moment)
                interactions.append(self._interaction(lineage, number, kind, part, person, user))
                if part in ("message", "leg", "call", "event") and kind != "task":
                    participants += self._participants(lineage, number, kind, person, user)
        yield from (interactions, participants)

    def _parts(self, kind: str, number: int) -> Iterator[tuple[str, str]]:
        if kind == "email":
            for copy in range(1 + number % 2):
                yield f"gmail:message:{number}-{copy}", "message"
        elif kind == "call":
            for leg in range(1 + (number % 5 == 0)):
                yield f"dialpad:call:{number}-{leg}", "leg" if leg else "call"
            if number % 3 == 0:
                yield f"dialpad:recap:{number}", "recap"
        elif kind == "sms":
            yield f"dialpad:sms:{number}", "message"
        else:
            name = "event" if kind == "meeting" else "task"
            yield f"salesforce:{name}:{number}", name

    def _interaction(
        self,
        lineage: dict[str, object],
        number: int,
        kind: str,
        part: str,
        person: int,
        user: int,
    ) -> Interaction:
        moment = int(str(lineage["version_stamp"]))
        named = kind in ("task", "meeting")
        return Interaction(
            **lineage,  # type: ignore[arg-type]
            interaction_id=f"i{number}",
            part=part,
            kind=kind,
            direction=("inbound", "outbound")[number % 2],
            occurred_at=moment,
            event_date=moment // DAY_US,
            thread_id=f"t{number // 4}" if kind == "email" else None,
            message_id_header=f"{number}@mail.example" if kind == "email" else None,
            in_reply_to=f"{number - 1}@mail.example" if kind == "email" and number % 4 else None,
            subject=f"Subject of {number}",
            snippet="The first words of what was written " * 3,
            mailbox=f"user{user}@ours.example" if kind == "email" else None,
            is_bulk=number % 12 == 0,
            duration_s=60.0 if kind == "call" else None,
            outcome="connected" if kind == "call" else None,
            our_number="+14155550100" if kind == "call" else None,
            owner_key=self._users[user],
            person_keys=(self._contacts[person],) if named else (),
            account_keys=(f"salesforce:account:{person % self._size.accounts}",) if named else (),
            deal_keys=(f"salesforce:opportunity:{person % self._size.deals}",)
            if named and number % 2
            else (),
        )

    def _participants(
        self, lineage: dict[str, object], number: int, kind: str, person: int, user: int
    ) -> Iterator[Participant]:
        sides: list[tuple[str, str | None, str | None, bool]]
        our = (f"gmail:address:u{user}", f"user{user}@ours.example", None, True)
        others = [person, person + self._size.accounts, person + 2 * self._size.accounts]
        wanted = 1 if kind in ("call", "sms") else self._chance.choice((1, 1, 2, 3))
        sides = [our]
        for other in others[:wanted]:
            if kind in ("call", "sms"):
                sides.append((_number(other), None, _phone(other), False))
            else:
                known = _email(other, self._size.accounts)
                sides.append((_address(other), known, None, False))
        roles = ("caller", "callee") if kind in ("call", "sms") else ROLES
        for ordinal, (key, email, phone, internal) in enumerate(sides):
            yield Participant(
                **lineage,  # type: ignore[arg-type]
                interaction_id=f"i{number}",
                event_date=int(str(lineage["version_stamp"])) // DAY_US,
                ordinal=ordinal,
                role=roles[ordinal],
                participant_key=key,
                email=email,
                phone=phone,
                is_internal=internal,
            )


def _name(number: int) -> str:
    return f"Given{number % 997} Family{number}"


def _email(number: int, accounts: int) -> str:
    return f"person{number}@company{number % accounts}.example"


def _phone(number: int) -> str:
    return f"+1415{5_000_000 + number}"


def _address(number: int) -> str:
    return f"gmail:address:{number}"


def _number(number: int) -> str:
    return f"dialpad:number:{number}"
