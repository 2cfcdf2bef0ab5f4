"""The three layers in one process, looped until they are quiet: for a rebuild and tests."""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.clock import Clock
from schemas.columns import Row
from schemas.identity import (
    Entity,
    IdentityRecord,
    Link,
    PairCandidate,
    PairEvidence,
    StoredRecord,
)
from transforms.identity.blocks import Blocks
from transforms.identity.components import Components
from transforms.identity.evidence import Limit
from transforms.identity.messages import (
    Decision,
    Published,
    PublishedEntity,
    PublishedLink,
    SeedEnd,
)
from transforms.identity.pair_rows import published_candidates, published_evidence
from transforms.identity.pairs import Pairs
from transforms.identity.partition import Matching, exact
from transforms.identity.publish import published_entity, published_link
from transforms.identity.records import Records, from_stored, stamp_of
from transforms.settings import Settings


class Seed(NamedTuple):
    """A record from the tables, with what is published of it: the latest row of each."""

    record: StoredRecord
    link: Link | None
    entity: Entity | None
    """The row of the entity that the link names."""
    evidence: tuple[PairEvidence, ...] = ()
    """Of which the record is the left end."""
    candidates: tuple[PairCandidate, ...] = ()


class Engine:
    """Records in, rows out. Not thread-safe."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        matching: Matching | None = None,
        limit: Limit | None = None,
    ) -> None:
        self._evidence, self._clustering = matching or exact(settings)
        self._clock = clock
        self._records = Records(self._evidence, clock)
        self._blocks = Blocks(self._evidence, limit)
        self._components = Components(self._evidence, self._clustering, clock)

    def add(self, records: Iterable[IdentityRecord]) -> list[Row]:
        """Takes records in and returns the rows that follow: identity.records as given, and what
        changed of the other tables of identity."""
        rows: list[Row] = []
        for record in records:
            row = self._take_in(record)
            if row is not None:
                rows.append(row)
        return rows + self._components.decide()

    def decide(self, decisions: Iterable[Decision]) -> list[Row]:
        """Takes in what people decided about pairs of records; returns what changed."""
        for decision in decisions:
            self._components.receive(decision)
        return self._components.decide()

    def seed(self, seeds: Iterable[Seed], decisions: Iterable[Decision] = ()) -> list[Row]:
        """Builds a new engine's state from the tables, the `decisions` that stand among them;
        returns only what differs from them."""
        self._components = Components(self._evidence, self._clustering, self._clock, seeded=True)
        for decision in decisions:
            self._components.receive(decision)
        seen = set()
        for seed in seeds:
            self._take_in(from_stored(seed.record), stamp_of(seed.record))
            self._components.receive(published(seed))
            seen.add(seed.record.record_key)
        self._components.receive(SeedEnd(len(seen)))
        return self._components.decide()

    def links(self) -> dict[str, PublishedLink]:
        """Of every record that lives, the entity it belongs to and why."""
        return self._components.ledger.links

    def entities(self) -> dict[str, PublishedEntity]:
        """Every entity that lives."""
        return self._components.ledger.entities

    @property
    def pairs(self) -> Pairs:
        """What holds records together, and whom a person may be asked about."""
        return self._components.pairs

    def hot_keys(self) -> list[str]:
        """Blocking keys that too many records share to say anything of them."""
        return self._blocks.hot_keys()

    def _take_in(
        self, record: IdentityRecord, stands: tuple[int, int, str] | None = None
    ) -> StoredRecord | None:
        outcome = self._records.receive(record, stands)
        if outcome.standing is not None:
            self._components.receive(outcome.standing)
        for membership in outcome.memberships:
            answer = self._blocks.receive(membership)
            if answer is not None:
                self._components.receive(answer)
        return outcome.row


def published(seed: Seed) -> Published:
    """What the tables hold for a seeded record, as the component layer takes it."""
    revisions = [row.revision for row in (seed.link, seed.entity) if row is not None]
    revisions += (row.revision for row in seed.evidence)
    revisions += (row.revision for row in seed.candidates)
    return Published(
        seed.record.record_key,
        published_link(seed.link) if seed.link else None,
        published_entity(seed.entity) if seed.entity else None,
        max(revisions, default=0),
        published_evidence(seed.evidence),
        published_candidates(seed.candidates),
    )
