"""How well the system found out who is who: match rates, never without their precision.

Definitions, fixed: the e-mail match rate is the share of participants of mails (internal, role and
bulk addresses aside) that are linked to the true person; the phone match rate the share of calls
with a dialable external number that are linked to the true person, or for a switchboard to the true
account. Precision is the share of the links made that are right.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

CRM_OBJECTS = ("contact", "lead")
SALESFORCE_AND_HUBSPOT = ("salesforce", "hubspot", "files")


@dataclass(frozen=True, slots=True)
class Rate:
    """`matched` of `total` right, and `wrong` links made to someone else."""

    matched: int
    wrong: int
    total: int

    @property
    def rate(self) -> float:
        """Share of all that are linked right; 1 where there are none."""
        return self.matched / self.total if self.total else 1.0

    @property
    def precision(self) -> float:
        """Share of the links made that are right; 1 where none was made."""
        made = self.matched + self.wrong
        return self.matched / made if made else 1.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of records in one entity: right, wrong and missed."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the pairs made that are right."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that were made."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def is_crm(record_key: str) -> bool:
    """Whether a record is a person or account that a CRM keeps."""
    source, object_type, _ = record_key.split(":", 2)
    return source in SALESFORCE_AND_HUBSPOT and object_type in (
        *CRM_OBJECTS,
        "account",
        "company",
    )


class Sighting(NamedTuple):
    """Someone in a mail or call: who it truly was, and the record that the system made of them."""

    true: str
    record_key: str
    """Empty where the system shows no such participant."""


def match_rate(
    sightings: Iterable[Sighting],
    links: Mapping[str, str],
    truth: Mapping[str, str],
    in_crm: Iterable[str],
    accounts: Mapping[str, str] | None = None,
) -> Rate:
    """Of everyone who was sighted, each sighting by itself.

    Linked to the true person means: the entity holds a CRM record of that person, or, for someone
    whom no CRM knows, no CRM record at all. `accounts` maps an entity to the entity of its account,
    for numbers whose owner is an account.
    """
    known = set(in_crm)
    owners: dict[str, Counter[str]] = defaultdict(Counter)
    for record_key, entity in links.items():
        if record_key in truth and is_crm(record_key):
            owners[entity][truth[record_key]] += 1
    matched = wrong = total = 0
    for true, record_key in sightings:
        total += 1
        entity = links.get(record_key, "")
        if true.startswith("account-"):
            entity = (accounts or {}).get(entity, "")
        held = owners.get(entity)
        if held:
            right = held.most_common(1)[0][0] == true
            matched, wrong = matched + right, wrong + (not right)
        elif entity and true not in known and not true.startswith("account-"):
            matched += 1
    return Rate(matched, wrong, total)


def pairs(links: Mapping[str, str], truth: Mapping[str, str]) -> Pairs:
    """Pairwise figures over the records whose truth is known."""
    by_entity: dict[str, list[str]] = defaultdict(list)
    by_truth: Counter[str] = Counter()
    for record_key, true in truth.items():
        if true.startswith("account-") and not is_crm(record_key):
            continue
        by_entity[links.get(record_key, record_key)].append(true)
        by_truth[true] += 1
    right = made = 0
    for members in by_entity.values():
        made += len(members) * (len(members) - 1) // 2
        right += sum(a == b for a, b in combinations(members, 2))
    true_pairs = sum(count * (count - 1) // 2 for count in by_truth.values())
    return Pairs(right, made - right, true_pairs - right)
