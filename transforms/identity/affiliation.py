"""Which account a person belongs to: by the CRM, else by e-mail domain, else by phone number.

Indexes follow the records' digests, so that a change on either side finds the people it concerns.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from transforms.identity.evidence import MOST_MEMBERS
from transforms.identity.messages import Digest

CRM_CONFIDENCE = 0.99
CRM_DIVIDED_CONFIDENCE = 0.9
"""The records of one person stand in several accounts: the first record's counts."""
DOMAIN_CONFIDENCE = 0.95
ACCOUNT_PHONE_CONFIDENCE = 0.9
"""The number that the account itself gives: its switchboard."""
SHARED_PHONE_CONFIDENCE = 0.8
"""All people whose account is known and who have this number are in one account."""


class Account(NamedTuple):
    """An account entity and the probability that a person belongs to it."""

    entity_id: str | None
    confidence: float | None


NO_ACCOUNT = Account(None, None)


class _Index(dict[str, set[str]]):
    def put(self, values: Iterable[str], record_key: str) -> None:
        for value in values:
            self.setdefault(value, set()).add(record_key)

    def drop(self, values: Iterable[str], record_key: str) -> None:
        for value in values:
            holders = self.get(value)
            if holders is not None:
                holders.discard(record_key)
                if not holders:
                    del self[value]


_NOBODY: set[str] = set()


class Affiliation:
    """People and accounts by what connects them; `entity_of` is the component layer's own map."""

    def __init__(self, entity_of: Mapping[str, str]) -> None:
        self._entity_of = entity_of
        self._people_by_account = _Index()
        self._people_by_domain = _Index()
        self._people_by_phone = _Index()
        self._accounts_by_domain = _Index()
        self._accounts_by_phone = _Index()
        self._found: dict[str, Account] = {}
        """Person entity: its account by CRM or domain, where it has one."""
        self._sure: dict[str, tuple[str, tuple[str, ...]]] = {}
        """Person entity: its account by CRM or domain, and its numbers."""
        self._accounts_at: dict[str, Counter[str]] = {}
        """Number: accounts of the person entities in `_sure` that have it."""

    def replace(self, record_key: str, before: Digest | None, after: Digest | None) -> set[str]:
        """Takes in a record's new digest; the record_keys of people whom it concerns."""
        concerned: set[str] = set()
        for digest, put in ((before, False), (after, True)):
            if digest is None:
                continue
            if digest.kind == "account":
                concerned |= self.people_of(record_key, digest)
                indexes = (
                    (self._accounts_by_domain, digest.domains),
                    (self._accounts_by_phone, digest.phones),
                )
            else:
                indexes = (
                    (self._people_by_domain, digest.domains),
                    (self._people_by_phone, digest.phones),
                )
                (self._people_by_account.put if put else self._people_by_account.drop)(
                    digest.accounts, record_key
                )
            for index, values in indexes:
                (index.put if put else index.drop)(values, record_key)
        return concerned

    def people_of(self, account_key: str, digest: Digest) -> set[str]:
        """record_keys of the people whose account may depend on an account record."""
        people = set(self._people_by_account.get(account_key, ()))
        for name in digest.domains:
            people |= self._people_by_domain.get(name, _NOBODY)
        for phone in digest.phones:
            people |= self._people_by_phone.get(phone, _NOBODY)
        return people

    def settle(self, entity_id: str, members: list[Digest]) -> set[str]:
        """Works out a person entity's account by CRM or domain (no members: it is gone); returns
        the record_keys of those who share a number with it and may follow."""
        found = self._by_crm_or_domain(members) if members else NO_ACCOUNT
        account = found.entity_id
        if account is None:
            self._found.pop(entity_id, None)
        else:
            self._found[entity_id] = found
        phones = tuple(dict.fromkeys(phone for member in members for phone in member.phones))
        before = self._sure.pop(entity_id, None)
        if account is not None and phones:
            self._sure[entity_id] = (account, phones)
        if before == self._sure.get(entity_id):
            return set()
        concerned: set[str] = set()
        touched = {*(before[1] if before else ()), *(phones if account is not None else ())}
        for phone in touched:
            counts = self._accounts_at.setdefault(phone, Counter())
            agreed = _only(counts)
            if before and phone in before[1]:
                counts[before[0]] -= 1
                if not counts[before[0]]:
                    del counts[before[0]]
            if account is not None and phone in phones:
                counts[account] += 1
            if _only(counts) != agreed:
                concerned |= self._people_by_phone.get(phone, _NOBODY)
            if not counts:
                del self._accounts_at[phone]
        return concerned

    def account_of(self, entity_id: str, members: list[Digest]) -> Account:
        """The account of a settled person entity; `members` in the order of their rank."""
        found = self._found.get(entity_id)
        if found is not None:
            return found
        if any(member.internal for member in members):
            return NO_ACCOUNT
        for member in members:
            for phone in member.phones:
                account = self._only_entity(self._accounts_by_phone.get(phone, _NOBODY))
                if account is not None:
                    return Account(account, ACCOUNT_PHONE_CONFIDENCE)
                account = _only(self._accounts_at.get(phone, Counter()))
                if account is not None:
                    return Account(account, SHARED_PHONE_CONFIDENCE)
        return NO_ACCOUNT

    def _by_crm_or_domain(self, members: list[Digest]) -> Account:
        named = [
            entity_id
            for member in members
            for key in member.accounts
            if (entity_id := self._entity_of.get(key)) is not None
        ]
        if named:
            agreed = len(set(named)) == 1
            return Account(named[0], CRM_CONFIDENCE if agreed else CRM_DIVIDED_CONFIDENCE)
        for member in members:
            for name in member.domains:
                account = self._only_entity(self._accounts_by_domain.get(name, _NOBODY))
                if account is not None:
                    return Account(account, DOMAIN_CONFIDENCE)
        return NO_ACCOUNT

    def _only_entity(self, record_keys: set[str]) -> str | None:
        if len(record_keys) > MOST_MEMBERS:
            return None
        entities = {self._entity_of[key] for key in record_keys if key in self._entity_of}
        return entities.pop() if len(entities) == 1 else None


def _only(counts: Counter[str]) -> str | None:
    return next(iter(counts)) if len(counts) == 1 else None
