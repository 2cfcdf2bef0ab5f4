"""Evidence and candidates as they stand in the tables, and the rows that bring them up to date."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from schemas.columns import Row
from transforms.identity.bonds import Bond, bonds
from transforms.identity.evidence import MUST_LINK_BITS, Evidence
from transforms.identity.graph import DECISION_BITS, Component, Graph
from transforms.identity.messages import PublishedPair
from transforms.identity.pair_rows import Asked, Held, no_candidate, no_evidence, said_of, worth
from transforms.identity.publish import Moment
from transforms.identity.questions import questions, why

Pair = tuple[str, str]
NONE: dict[str, int] = {}


class Pairs:
    """What holds records together and what might, as published. A decision is gathered by `hold`,
    a cluster at a time, and told by `settle`."""

    def __init__(
        self,
        evidence: Evidence,
        graph: Graph,
        entity_of: Mapping[str, str],
        members: Mapping[str, Sequence[str]],
    ) -> None:
        self._evidence = evidence
        self._graph = graph
        self._entity_of = entity_of
        self._members = members
        self.evidence: dict[str, tuple[PublishedPair, ...]] = {}
        """By entity; most have one record and nothing to hold."""
        self.candidates: dict[str, tuple[PublishedPair, ...]] = {}
        """Under both ends."""
        self._seeded: set[str] = set()
        """Entities of seeded evidence: looked at once, be there an entity of that id or not."""
        self._held: dict[str, list[Held]] = {}

    def seed(self, evidence: Iterable[PublishedPair], candidates: Iterable[PublishedPair]) -> None:
        """Takes in what stands in the tables of a record."""
        for pair in evidence:
            self._seeded.add(pair.entity_id)
            self.evidence[pair.entity_id] = (*self.evidence.get(pair.entity_id, ()), pair)
        for pair in candidates:
            self._keep_asking(pair)
            self._graph.stirred.update((pair.left, pair.right))

    def hold(self, cluster: Sequence[str], component: Component, entity_id: str) -> None:
        """Takes in a cluster of a component that was decided."""
        members, crowds = component.members, self._graph.crowds
        ghosts = frozenset(key for key in cluster if members[key].ghost)

        def judged(left: str, right: str) -> int | None:
            return self._evidence.judged(members[left], members[right], crowds)

        found = bonds(cluster, component.edges, ghosts, judged)
        if found:
            self._held[entity_id] = [self._held_by(bond, component, entity_id) for bond in found]

    def _held_by(self, bond: Bond, component: Component, entity_id: str) -> Held:
        left, right, bits, key = bond
        a, b = component.members[left], component.members[right]
        if bits >= DECISION_BITS:
            method, sure = "decision", 1.0
        else:
            method = "crm_id" if bits >= MUST_LINK_BITS else self._evidence.method(key)
            sure = self._evidence.confidence(a.kind, bits)
        fields = self._evidence.fields(key, bits, a, b, self._graph.crowds)
        says = said_of(sure, method, worth(fields))
        return Held(PublishedPair(left, right, a.kind, entity_id, says), sure, method, fields)

    def in_doubt(self, records: Iterable[str]) -> set[str]:
        """Those of some records that may be asked about, or are, be all of each connected one."""
        doubtful, candidates = self._graph.doubtful, self.candidates
        return {key for key in records if key in doubtful or key in candidates}

    def settle(
        self, entities: Collection[str], records: Collection[str], moment: Moment
    ) -> list[Row]:
        """Rows of what is new of the entities that a decision touched, and of the records that
        are in doubt after it."""
        rows: list[Row] = []
        if self._held or self._seeded or self.evidence:
            rows += self._settle_evidence({*entities, *self._seeded}, moment)
        if records:
            rows += self._settle_candidates(records, moment)
        return rows

    def _settle_evidence(self, entities: Iterable[str], moment: Moment) -> Iterator[Row]:
        held, self._held, self._seeded = self._held, {}, set()
        before: dict[Pair, PublishedPair] = {}
        after: dict[Pair, Held] = {}
        for entity_id in sorted(entities):
            for pair in self.evidence.pop(entity_id, ()):
                before[pair.left, pair.right] = pair
            found = held.get(entity_id)
            if found:
                after.update(((one.pair.left, one.pair.right), one) for one in found)
                self.evidence[entity_id] = tuple(one.pair for one in found)
        for ends, one in after.items():
            if before.pop(ends, None) != one.pair:
                yield one.row(moment)
        for pair in before.values():
            yield no_evidence(pair, moment)

    def _settle_candidates(self, records: Collection[str], moment: Moment) -> Iterator[Row]:
        before = {
            (pair.left, pair.right): pair
            for key in records
            for pair in self.candidates.get(key, ())
        }
        for ends, one in sorted(self._asked_of(records).items()):
            known = before.pop(ends, None)
            if known != one.pair:
                if known is not None:
                    self._ask_no_more(known)
                self._keep_asking(one.pair)
                yield one.row(moment)
        for pair in before.values():
            self._ask_no_more(pair)
            yield no_candidate(pair, moment)

    def _asked_of(self, records: Collection[str]) -> dict[Pair, Asked]:
        known: dict[str, dict[str, int]] = {}

        def asked(key: str) -> dict[str, int]:
            found = known.get(key)
            if found is None:
                found = known[key] = self._questions(key)
            return found

        return {
            (min(key, other), max(key, other)): self._asked(min(key, other), max(key, other), bits)
            for key in records
            for other, bits in asked(key).items()
            if key in asked(other) and not self._told_apart(key, other)
        }

    def _questions(self, record_key: str) -> dict[str, int]:
        digest = self._graph.digest(record_key)
        if digest is None or digest.ghost:
            return NONE
        found = list(self._graph.possible(record_key, self._entity_of))
        return questions(record_key, found) if found else NONE

    def _told_apart(self, one: str, other: str) -> bool:
        """Whether a person said so of any of the two entities' records."""
        if not self._graph.decided:
            return False
        mine, theirs = (self._members[self._entity_of[end]] for end in (one, other))
        return any(apart in theirs for member in mine for apart in self._graph.told_apart(member))

    def _asked(self, left: str, right: str, bits: int) -> Asked:
        digest = self._graph.digest(left)
        assert digest is not None
        entities = (self._entity_of[left], self._entity_of[right])
        sure = self._evidence.confidence(digest.kind, bits)
        return Asked.of(left, right, digest.kind, *entities, sure, why(bits))

    def _keep_asking(self, pair: PublishedPair) -> None:
        for end in (pair.left, pair.right):
            self.candidates[end] = (*self.candidates.get(end, ()), pair)

    def _ask_no_more(self, pair: PublishedPair) -> None:
        for end in (pair.left, pair.right):
            left = tuple(one for one in self.candidates[end] if one is not pair)
            if left:
                self.candidates[end] = left
            else:
                del self.candidates[end]
