"""What the company's world is made of; people and accounts carry their true ids."""

from dataclasses import dataclass, field

OWN_DOMAIN = "alderpeak.example"
OWN_NAME = "Alderpeak Supply"
DAY_US = 86_400_000_000
AS_OF_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z: the day on which the exports were made."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything: numbers of things, `mails` counting copies."""

    accounts: int
    people: int
    reps: int
    mails: int
    calls: int
    days: int = 90


DEMO = Scale(accounts=60, people=250, reps=6, mails=2_200, calls=700)
SMALL = Scale(accounts=8, people=24, reps=2, mails=120, calls=40)


@dataclass(frozen=True, slots=True)
class Rep:
    """One of our own: `number` is E.164."""

    id: str
    user_id: str
    given: str
    family: str
    email: str
    number: str


@dataclass(frozen=True, slots=True)
class TrueAccount:
    """A customer as it really is."""

    id: str
    name: str
    legal_name: str
    domains: tuple[str, ...]
    switchboard: str
    street: str
    city: tuple[str, str, str, str]
    pattern: int
    salesforce_id: str
    hubspot_id: str


@dataclass(frozen=True, slots=True)
class TruePerson:
    """A person as they really are; `crm` names the systems that know them."""

    id: str
    account: TrueAccount | None
    given: str
    family: str
    emails: tuple[str, ...]
    """The first is the one that the CRM knows; others turn up in mails alone."""
    numbers: tuple[str, ...]
    title: str
    crm: tuple[str, ...]
    salesforce_id: str
    lead_id: str
    hubspot_id: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; `holders` are the reps whose mailboxes have a copy."""

    gmail_ids: tuple[int, ...]
    """Of each holder's copy: Gmail gives every copy an id of its own."""
    thread: int
    stamp_us: int
    source: bytes
    holders: tuple[Rep, ...]
    labels: tuple[str, ...]
    external: tuple[str, ...]
    """Addresses of the external people in it, role and bulk senders aside."""


@dataclass(frozen=True, slots=True)
class Call:
    """One leg of a call, in the columns of a Dialpad export."""

    row: dict[str, str]
    number: str
    """The counterpart's number, E.164; empty where there is none to resolve."""
    owner: str
    """True id of the person who holds the number, or of the account whose switchboard it is."""


@dataclass(slots=True)
class Truth:
    """Who is who: what the system has to find out."""

    records: dict[str, str] = field(default_factory=dict)
    """record_key to the true id of its person or account."""
    in_crm: set[str] = field(default_factory=set)
    """True ids that a CRM knows."""
    mails: dict[str, list[str]] = field(default_factory=dict)
    """Gmail message id to the record keys of its external participants."""
    calls: dict[str, str] = field(default_factory=dict)
    """Dialpad call id to the record key of the counterpart's number."""
    duplicates: int = 0
    bad: int = 0
    changes: int = 0
    """Inputs in all: changes, duplicates and bad ones."""


@dataclass(frozen=True, slots=True)
class Company:
    """The whole world."""

    seed: int
    scale: Scale
    reps: tuple[Rep, ...]
    own_number: str
    accounts: tuple[TrueAccount, ...]
    people: tuple[TruePerson, ...]
    mails: tuple[Mail, ...]
    calls: tuple[Call, ...]
    tables: dict[str, list[dict[str, str]]]
    """File name to the rows of the CSV."""
    truth: Truth
