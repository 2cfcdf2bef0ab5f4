"""What makes two records one: blocking keys, and the bits that sharing a key is worth.

`Evidence` is the seam: the layers know nothing else of why records match. `ExactEvidence` goes by
exact identifiers; an engine that weighs names and streets too stands in its place unchanged.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Protocol

from schemas.change import SOURCES
from schemas.identity import IdentityRecord
from transforms.identifiers import email as emails
from transforms.identifiers import mailboxes
from transforms.identifiers import name as names
from transforms.identity.messages import Digest, Signature, is_observed
from transforms.identity.rules import fold, generation, people_conflict
from transforms.settings import Settings

MOST_MEMBERS = 60
"""What more records share than this belongs to nobody (entity-resolution bar: hubs never glue)."""
MUST_LINK_BITS = 40 * 256
EMAIL_BITS = 13 * 256
PHONE_BITS = 10 * 256
PHONE_UNNAMED_BITS = 4 * 256
"""A number with a name on one side only: the other side's name is all there is to go by."""
DOMAIN_BITS = 8 * 256
AMBIGUOUS = -1
"""Of a pair of which one would be joined to the other if it did not fit somebody else as well."""
REFUSED = -4 * 256
"""Of a pair that a rule holds apart though it shares what one person has. What lies between is too
little to join two records, and enough to ask a person."""
NOBODY_ELSE, HOUSEHOLD, OFFICE = range(3)
"""Who holds a mailbox or number beside its owner."""

RANKS = {
    "salesforce:contact": 0,
    "salesforce:account": 0,
    "salesforce:lead": 1,
    "hubspot:contact": 2,
    "hubspot:company": 2,
    "files:contact": 3,
    "files:account": 3,
    "salesforce:user": 4,
    "hubspot:owner": 5,
    "dialpad:user": 6,
    "dialpad:contact": 7,
    "gmail:address": 8,
    "dialpad:number": 9,
}
"""Which source names an entity: a stranger's address that joins does not rename a customer."""
LAST_RANK = 10

TOLL_FREE = ("+1800", "+1888", "+1877", "+1866", "+1855", "+1844", "+1833", "+800")
"""https://nationalnanpa.com/number_resource_info/index.html (800 codes): never one person's."""
HOSTS = frozenset(
    "facebook.com linkedin.com instagram.com twitter.com x.com youtube.com google.com wixsite.com "
    "wordpress.com squarespace.com weebly.com blogspot.com github.io github.com shopify.com "
    "myshopify.com yelp.com linktr.ee medium.com salesforce.com hubspot.com".split()
)
"""Sites where organisations keep a page: such a domain says nothing of who they are."""


Fields = tuple[tuple[str, int], ...]
"""Names, and what each is worth in 1/256 bit."""
Limit = Callable[[str], int]
"""Of a blocking key: how many records may share it before it says nothing."""


class Evidence(Protocol):
    """Which records to compare, and what a comparison is worth. Every method is a pure function."""

    def keys(self, record: IdentityRecord) -> tuple[str, ...]:
        """The blocking keys of a record; the part before the first colon names the family."""
        ...

    def signature(self, record: IdentityRecord) -> Signature:
        """What the record's blocks must know of it."""
        ...

    def digest(self, record: IdentityRecord) -> Digest | None:
        """What the component layer must know of it; None of a deleted record."""
        ...

    def limit(self, key: str) -> int:
        """How many records may share a key before it is hot and says nothing."""
        ...

    def context(self, key: str, members: Iterable[Signature]) -> Hashable:
        """What a block as a whole says about each pair in it."""
        ...

    def bits(self, key: str, context: Hashable, a: Signature, b: Signature) -> int:
        """Evidence of a pair that shares a key, in 1/256 bit; 0: none; from `REFUSED` to
        `AMBIGUOUS`: a person may be asked."""
        ...

    def method(self, key: str) -> str:
        """The kind of evidence, as identity.links names it."""
        ...

    def confidence(self, kind: str, bits: int) -> float:
        """Probability of a match with this evidence."""
        ...

    def tells(self, key: str) -> bool:
        """Whether what a key's block is, shared or hot, bears on the evidence under other keys."""
        ...

    def again(self, a: Digest, b: Digest, crowds: Mapping[str, int]) -> int | None:
        """Bits of a pair with an edge, by what its blocks are told to be; None: as the edge has
        them. `crowds` holds keys that are not personal."""
        ...

    def judged(self, a: Digest, b: Digest, crowds: Mapping[str, int]) -> int | None:
        """Bits of two records without an edge; None where nothing can be said of them."""
        ...

    def fields(
        self, key: str, bits: int, a: Digest, b: Digest, crowds: Mapping[str, int]
    ) -> Fields:
        """What the bits of a pair are the sum of; nothing where a source says that it is one."""
        ...


_METHODS = {"id": "crm_id", "e": "email", "t": "phone", "d": "domain"}


class ExactEvidence:
    """Same e-mail address, same number with names that agree, same CRM id, same domain."""

    def __init__(self, settings: Settings) -> None:
        self._own_numbers = frozenset(settings.own_numbers)
        self._own_domains = frozenset(settings.own_domains)

    def keys(self, record: IdentityRecord) -> tuple[str, ...]:
        """CRM ids; of a person e-mail match keys and numbers; of an account its domains, and its
        numbers, which join no accounts but tell a switchboard from a person's own line."""
        found = id_keys(record)
        if record.deleted:
            return tuple(found)
        if record.kind == "account":
            found += (f"d:{name}" for name in record.domains if not is_host(name))
            found += (f"t:{phone}" for phone in record.phones if self.is_personal(phone))
        elif not record.shared:
            found += (f"e:{key}" for key in map(personal_match_key, record.emails) if key)
            found += (f"t:{phone}" for phone in record.phones if self.is_personal(phone))
        return tuple(dict.fromkeys(found))

    def is_personal(self, phone: str) -> bool:
        """False of our own numbers and toll-free ones."""
        return phone not in self._own_numbers and not phone.startswith(TOLL_FREE)

    def signature(self, record: IdentityRecord) -> Signature:
        """Kind, names and side."""
        if record.kind != "person" or record.deleted:
            return Signature(record.kind)
        given, family = given_and_family(record)
        observed = is_observed(record.record_key)
        return Signature(record.kind, given, family, observed, internal=record.internal)

    def digest(self, record: IdentityRecord) -> Digest | None:
        """Names, addresses and affiliations."""
        source_type = record.record_key[
            : record.record_key.find(":", record.record_key.find(":") + 1)
        ]
        rank = RANKS.get(source_type, LAST_RANK)
        if record.deleted:
            return Digest(record.kind, rank, ghost=True) if self.keys(record) else None
        person = record.kind == "person"
        whole = record.full_name or f"{record.given_name} {record.family_name}".strip()
        observed = is_observed(record.record_key)
        return Digest(
            kind=record.kind,
            rank=rank,
            given=given_and_family(record)[0] if person and not observed else "",
            suffix=generation_of(record.given_name, record.family_name, whole) if person else 0,
            name=whole or ("" if person else record.organisation),
            email=record.emails[0] if record.emails else "",
            domains=self.domains(record),
            accounts=record.accounts,
            phones=tuple(phone for phone in record.phones if phone not in self._own_numbers),
            internal=record.internal,
            shared=record.shared,
        )

    def domains(self, record: IdentityRecord) -> tuple[str, ...]:
        """The registrable domains that say to which account a record belongs, or which it is."""
        found = list(record.domains)
        if record.kind == "person":
            found += (name for name in map(domain_of, record.emails) if name)
            found = [name for name in found if name not in self._own_domains]
        return tuple(dict.fromkeys(name for name in found if not is_host(name)))

    def limit(self, key: str) -> int:
        """The same of every key."""
        return MOST_MEMBERS

    def context(self, key: str, members: Iterable[Signature]) -> Hashable:
        """See `held_by`."""
        return held_by(key, members)

    def bits(self, key: str, context: Hashable, a: Signature, b: Signature) -> int:
        """The person-evidence rule: names that conflict are never joined by what a household or
        an office shares; where it is shared, only names that agree are joined by it, and a number
        that called by nothing. One of us and a customer are not one for a number that both have."""
        family = key[:2]
        if a.kind != b.kind:
            return 0
        if family == "id":
            return MUST_LINK_BITS
        if family == "d:":
            return DOMAIN_BITS
        if a.kind == "account":
            return 0
        mailbox = family == "e:"
        names = (a.given, a.family, b.given, b.family)
        sighted = a.observed or b.observed
        if not mailbox and not sighted and not context and a.internal != b.internal:
            return 0
        if context:
            if people_conflict(*names, family_counts=True):
                return 0
            whole = all(names[::2] if mailbox else names) and min(len(a.given), len(b.given)) > 1
            if not whole or (sighted and not mailbox):
                return whose(context, a.observed != b.observed)
            return EMAIL_BITS if mailbox else PHONE_BITS
        if mailbox:
            return EMAIL_BITS
        if not (a.given and b.given):
            return PHONE_UNNAMED_BITS
        return 0 if people_conflict(*names, family_counts=True) else PHONE_BITS

    def method(self, key: str) -> str:
        """crm_id, email, phone or domain."""
        return _METHODS[key.partition(":")[0]]

    def confidence(self, kind: str, bits: int) -> float:
        """See `probability`."""
        return probability(bits)

    def tells(self, key: str) -> bool:
        """Exact identifiers are weighed one by one."""
        return False

    def again(self, a: Digest, b: Digest, crowds: Mapping[str, int]) -> int | None:
        """See `tells`."""
        return None

    def judged(self, a: Digest, b: Digest, crowds: Mapping[str, int]) -> int | None:
        """Without an identifier in common nothing is said."""
        return None

    def fields(
        self, key: str, bits: int, a: Digest, b: Digest, crowds: Mapping[str, int]
    ) -> Fields:
        """The identifier that the two share."""
        return () if bits >= MUST_LINK_BITS else ((self.method(key), bits),)


def whose(context: Hashable, sighting: bool) -> int:
    """What is left of a pair at a shared mailbox or number, where no name says whose it is: a
    question, if the one is a sighting and the other a holder, and the whole office none."""
    return AMBIGUOUS if sighting and context == HOUSEHOLD else 0


class Holder(Protocol):
    """Whoever has a mailbox or number. Names are folded."""

    @property
    def kind(self) -> str:
        """person or account."""
        ...

    @property
    def given(self) -> str:
        """Empty where it is not known."""
        ...

    @property
    def family(self) -> str:
        """Empty where it is not known."""
        ...

    @property
    def observed(self) -> bool:
        """True of a sighting."""
        ...


def is_held_by_several(key: str, members: Iterable[Holder]) -> bool:
    """True where a mailbox or number is a household's, an office's or a switchboard's, which
    belongs to none of its holders."""
    return held_by(key, members) != NOBODY_ELSE


def held_by(key: str, members: Iterable[Holder]) -> int:
    """`HOUSEHOLD` where a mailbox or number is held by people whose names conflict, `OFFICE` where
    by an account. Sightings are no witnesses."""
    family = key[:2]
    if family not in ("e:", "t:"):
        return NOBODY_ELSE
    holders = {(m.kind, m.given, m.family) for m in members if not m.observed}
    if any(kind == "account" for kind, _, _ in holders):
        return OFFICE
    people = sorted((given, name) for _, given, name in holders if given)
    family_counts = family == "t:"
    conflict = any(
        people_conflict(*a, *b, family_counts=family_counts)
        for place, a in enumerate(people)
        for b in people[:place]
    )
    return HOUSEHOLD if conflict else NOBODY_ELSE


def probability(bits: int) -> float:
    """Probability of a match with this evidence, to four places; 1 of a source's own word."""
    if bits >= MUST_LINK_BITS:
        return 1.0
    return round(1.0 / (1.0 + math.exp2(-bits / 256)), 4)


def id_keys(record: IdentityRecord) -> list[str]:
    """Keys of a source's own word: the record's id and those that it says are the same; of one that
    was merged away its id and its successor's. A sighting has no id."""
    own = [] if is_observed(record.record_key) else [f"id:{record.record_key}"]
    if not record.deleted:
        return own + [f"id:{key}" for key in record.same_as]
    successor = successor_key(record)
    return [*own, f"id:{successor}"] if own and successor not in ("", record.record_key) else []


def successor_key(record: IdentityRecord) -> str:
    """record_key of the record that a merged one went into, also where only its id is given."""
    if not record.successor or record.successor.partition(":")[0] in SOURCES:
        return record.successor
    of_its_kind = ":".join(record.record_key.split(":", 2)[:2])
    return f"{of_its_kind}:{record.successor}"


def given_and_family(record: IdentityRecord) -> tuple[str, str]:
    """Folded given and family name; split from the full name where a source has only that."""
    if record.given_name or record.family_name:
        return fold(record.given_name), fold(record.family_name)
    return _split(record.full_name)


def generation_of(given: str, family: str, full: str) -> int:
    """See `generation`: of whichever part of a name says it, also of `Lee Jr., John`."""
    found = generation(family) or generation(given) or generation(full)
    if not found and "," in full:
        found = generation(names.split(full).suffix)
    return found


@lru_cache(maxsize=100_000)
def _split(full_name: str) -> tuple[str, str]:
    if not full_name:
        return "", ""
    parts = names.split(full_name)
    return fold(parts.given), fold(parts.family)


@lru_cache(maxsize=200_000)
def personal_match_key(address: str) -> str:
    """Under which two spellings of one mailbox meet; empty of a role mailbox or no address."""
    parsed = emails.parse(address)
    if parsed is None or emails.is_role(parsed.address.rpartition("@")[0]):
        return ""
    return parsed.match_key


@lru_cache(maxsize=200_000)
def domain_of(address: str) -> str:
    """The registrable domain of an address; empty where it says nothing of an organisation."""
    parsed = emails.parse(address)
    return parsed.registrable_domain if parsed else ""


@lru_cache(maxsize=50_000)
def is_host(name: str) -> bool:
    """True of a domain that strangers share: a mail provider's, or a site that hosts pages."""
    return name in HOSTS or mailboxes.is_freemail(name)
