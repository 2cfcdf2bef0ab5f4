"""Third layer, one shard: the records' graph falls into entities, and what is new is told.

`apply` takes messages in, in any order; `decide` says what follows from them. The same two serve
the live pipeline, the log and the rebuilding from tables.
"""

from collections.abc import Iterable

from schemas.change import stable_hash
from schemas.clock import Clock
from schemas.columns import Row
from transforms.erasure import Marks
from transforms.identity.affiliation import Affiliation
from transforms.identity.evidence import MUST_LINK_BITS, Evidence
from transforms.identity.graph import DECISION_BITS, Component, Graph
from transforms.identity.messages import (
    Answer,
    Decision,
    Digest,
    Entry,
    Forget,
    Published,
    PublishedEntity,
    PublishedLink,
    SeedEnd,
    Spoken,
    Standing,
    pack,
    unpack_entries,
)
from transforms.identity.pairs import Pairs
from transforms.identity.partition import Clustering
from transforms.identity.publish import Ledger, Moment

RECORDS_PER_ENTRY = 16
"""Of a compacted log: about as many records as the messages that travel together speak of."""


class Components:
    """State of the component layer; also an index of a sharded state.

    With `seeded`, nothing is decided until a `SeedEnd` has come and all the records that it counts
    stand; then what differs from the published is told, and nothing else.
    """

    def __init__(
        self, evidence: Evidence, clustering: Clustering, clock: Clock, *, seeded: bool = False
    ) -> None:
        self._evidence = evidence
        self._clustering = clustering
        self._clock = clock
        self._graph = Graph(evidence)
        self._entity_of: dict[str, str] = {}
        """Record -> entity, also of merged records, whose key others still use."""
        self._members: dict[str, tuple[str, ...]] = {}
        self._affiliation = Affiliation(self._entity_of)
        self._digests: dict[str, Digest] = {}
        self._ledger = Ledger()
        self._pairs = Pairs(evidence, self._graph, self._entity_of, self._members)
        self._revision = 0
        self._awake = not seeded
        self._seeds: dict[str, Published] = {}
        self._unseated: list[str] = []
        """Seeds whose record was not seen to stand yet: looked at from the end, each until it does,
        so that waking costs no more than there are seeds."""
        self._seed_end: int | None = None

    def __len__(self) -> int:
        return -(-len(self._graph.nodes) // RECORDS_PER_ENTRY) + 1

    @property
    def awake(self) -> bool:
        """False while seeds are still awaited."""
        return self._awake

    @property
    def ledger(self) -> Ledger:
        """Links and entities as decided so far."""
        return self._ledger

    @property
    def pairs(self) -> Pairs:
        """Evidence and candidates as decided so far."""
        return self._pairs

    def receive(self, message: Entry) -> None:
        """Takes in one message."""
        match message:
            case Standing():
                self._graph.stand(message)
            case Answer():
                self._graph.answer(message)
            case Decision():
                self._graph.decide(message)
            case Published():
                self._seeds[message.record_key] = message
                self._unseated.append(message.record_key)
                self._revision = max(self._revision, message.revision)
            case SeedEnd():
                self._seed_end = message.seeded
            case Forget():
                pass
            case Spoken():
                self._revision = max(self._revision, message.revision)
                self._awake = self._awake or message.awake

    def apply(self, entry: bytes) -> None:
        """Takes in messages that travelled together, or an entry of the log."""
        for message in unpack_entries(entry):
            self.receive(message)

    def forget(self, marks: Marks) -> None:
        """Drops what blocks said of the keys of those who have left for good."""
        self._graph.forget(marks)

    def spoken(self) -> bytes:
        """The log's entry after `decide` has returned rows or opened the ledger."""
        return pack([Spoken(self._revision, self._awake)])

    def entries(self) -> Iterable[bytes]:
        """The live content as entries of the log, some records in each."""
        graph = self._graph
        known = list(dict.fromkeys((*graph.known(), *self._seeds)))
        for start in range(0, len(known), RECORDS_PER_ENTRY):
            messages: list[Entry] = []
            for record_key in known[start : start + RECORDS_PER_ENTRY]:
                messages += graph.messages_of(record_key)
                if not self._awake and record_key in self._seeds:
                    messages.append(self._seeds[record_key])
            yield pack(messages)
        told = list(graph.told())
        for start in range(0, len(told), RECORDS_PER_ENTRY):
            yield pack(told[start : start + RECORDS_PER_ENTRY])
        last: list[Entry] = [Spoken(self._revision, self._awake)]
        if not self._awake and self._seed_end is not None:
            last.append(SeedEnd(self._seed_end))
        yield pack(last)

    def warm(self) -> None:
        """Works out silently what had been decided before the state was rebuilt from its log."""
        if not self._awake:
            return
        self._seeds = {}
        if self._graph.dirty or self._graph.stirred:
            self._decide(Moment(self._revision, 0))

    def decide(self) -> list[Row]:
        """The rows of everything that follows from the messages so far and is not published."""
        if not self._awake and not self._wake():
            return []
        if not (self._graph.dirty or self._graph.stirred):
            return []
        now = self._clock()
        revision = max(self._revision + 1, now)
        rows = self._decide(Moment(revision, now))
        if rows:
            self._revision = revision
        return rows

    def _wake(self) -> bool:
        """Opens the ledger once every seeded record stands."""
        if self._seed_end is None or len(self._seeds) < self._seed_end:
            return False
        nodes = self._graph.nodes
        while self._unseated:
            node = nodes.get(self._unseated[-1])
            if node is None or node.standing is None:
                return False
            self._unseated.pop()
        for seed in self._seeds.values():
            if seed.link is not None:
                self._ledger.links[seed.record_key] = seed.link
                self._graph.dirty.add(seed.record_key)
            if seed.entity is not None:
                self._ledger.entities[seed.entity.entity_id] = seed.entity
            self._pairs.seed(seed.evidence, seed.candidates)
        self._awake = True
        self._seeds = {}
        return True

    def _decide(self, moment: Moment) -> list[Row]:
        dirty, self._graph.dirty = self._graph.dirty, set()
        stirred, self._graph.stirred = self._graph.stirred, set()
        seen: set[str] = set()
        links: dict[str, PublishedLink | None] = {}
        touched: set[str] = set()
        doubted: set[str] = set()
        people: set[str] = set()
        gathered: dict[str, tuple[str, ...]] = {}
        for start in sorted(dirty | self._companions(dirty)):
            if start in seen:
                continue
            component = self._graph.component(start, seen)
            digests = component.members
            if not digests:
                links[start] = None
                people |= self._place(start, None, None, touched)
                continue
            clusters = self._clusters(component)
            if len(clusters) > 1:
                doubted.update(digests)
            for cluster in clusters:
                members = sorted(
                    (digests[key].rank, key) for key in cluster if not digests[key].ghost
                )
                entity_id = None
                if members:
                    first = members[0][1]
                    entity_id = self._entity_id(digests[first], first)
                    gathered[entity_id] = tuple(key for _, key in members)
                    touched.add(entity_id)
                    if len(cluster) > 1:
                        self._pairs.hold(cluster, component, entity_id)
                self._link(cluster, component, entity_id, links)
                for key in cluster:
                    people |= self._place(key, digests[key], entity_id, touched)
        # A ledger that came from the tables may name entities that nobody belongs to any more.
        for key in links:
            before = self._ledger.links.get(key)
            if before is not None:
                touched.add(before.entity_id)
        for entity_id in touched:
            if entity_id in gathered:
                self._members[entity_id] = gathered[entity_id]
            else:
                self._members.pop(entity_id, None)
        pairs = self._pairs.settle(touched, doubted | self._pairs.in_doubt(seen | stirred), moment)
        touched |= self._affiliate(touched, people)
        views = {entity_id: self._view(entity_id) for entity_id in touched}
        return self._ledger.update(links, views, moment) + pairs

    def _companions(self, dirty: set[str]) -> set[str]:
        """Who was one with these. A number that is no longer one person's may part them, and its
        block names those alone who are in it: not whose newer version left and does not stand yet.
        """
        found: set[str] = set()
        for key in dirty:
            members = self._members.get(self._entity_of.get(key, ""), ())
            if len(members) > 1:
                found.update(members)
        return found

    def _clusters(self, component: Component) -> list[list[str]]:
        if len(component.members) == 1:
            return [list(component.members)]
        apart = self._graph.cannot_link(component.members)
        crowds = self._graph.crowds
        return self._clustering.partition(component.members, component.edges, apart, crowds)

    def _link(
        self,
        cluster: list[str],
        component: Component,
        entity_id: str | None,
        links: dict[str, PublishedLink | None],
    ) -> None:
        """What each record's link says: its strongest evidence within the cluster."""
        inside = set(cluster) if len(cluster) > 2 else cluster
        for key in cluster:
            digest = component.members[key]
            if digest.ghost or entity_id is None:
                links[key] = None
                continue
            bits, best = 0, ""
            if len(cluster) > 1:
                for other, other_bits, by in component.edges.get(key, ()):
                    better = other_bits > bits or (other_bits == bits and by < best)
                    if better and other in inside:
                        bits, best = other_bits, by
            if len(cluster) == 1 or (not bits and len(self._living(cluster, component)) == 1):
                links[key] = PublishedLink(digest.kind, entity_id, 1.0, "single")
            elif bits >= DECISION_BITS:
                links[key] = PublishedLink(digest.kind, entity_id, 1.0, "decision")
            else:
                method = "crm_id" if bits >= MUST_LINK_BITS else self._evidence.method(best)
                sure = self._evidence.confidence(digest.kind, bits)
                links[key] = PublishedLink(digest.kind, entity_id, sure, method)

    @staticmethod
    def _living(cluster: list[str], component: Component) -> list[str]:
        return [key for key in cluster if not component.members[key].ghost]

    def _place(
        self, record_key: str, digest: Digest | None, entity_id: str | None, touched: set[str]
    ) -> set[str]:
        """Puts a record where it belongs now; returns the people whose account may follow."""
        people: set[str] = set()
        before = self._digests.get(record_key)
        if digest != before:
            people = self._affiliation.replace(record_key, before, digest)
            if digest is None:
                del self._digests[record_key]
            else:
                self._digests[record_key] = digest
        left = self._entity_of.get(record_key)
        if left == entity_id:
            return people
        if left is not None:
            touched.add(left)
        if entity_id is None:
            self._entity_of.pop(record_key, None)
        else:
            self._entity_of[record_key] = entity_id
        either = digest or before
        if either is not None and either.kind == "account":
            people |= self._affiliation.people_of(record_key, either)
        return people

    def _affiliate(self, touched: set[str], people: set[str]) -> set[str]:
        """Entities of people whose account may have changed."""
        concerned = {self._entity_of[key] for key in people if key in self._entity_of}
        followers: set[str] = set()
        for entity_id in touched | concerned:
            followers |= self._affiliation.settle(entity_id, self._people(entity_id))
        return concerned | {self._entity_of[key] for key in followers if key in self._entity_of}

    def _people(self, entity_id: str) -> list[Digest]:
        digests = [self._digests[key] for key in self._members.get(entity_id, ())]
        return digests if digests and digests[0].kind == "person" else []

    def _view(self, entity_id: str) -> PublishedEntity | None:
        members = [self._digests[key] for key in self._members.get(entity_id, ())]
        if not members:
            return None
        kind = members[0].kind
        person = kind == "person"
        account = self._affiliation.account_of(entity_id, members) if person else None
        return PublishedEntity(
            entity_id=entity_id,
            kind=kind,
            display_name=_first(member.name for member in members),
            primary_email=_first(member.email for member in members) if person else None,
            primary_domain=None if person else _first(d for m in members for d in m.domains),
            account_entity_id=account.entity_id if account else None,
            account_confidence=account.confidence if account else None,
            is_internal=any(member.internal for member in members),
            is_shared=any(member.shared for member in members),
            record_count=len(members),
        )

    def _entity_id(self, digest: Digest, record_key: str) -> str:
        known = self._entity_of.get(record_key)
        if known is not None and self._members.get(known, ("",))[0] == record_key:
            return known
        return entity_id_of(digest.kind, record_key)


def entity_id_of(kind: str, first_member: str) -> str:
    """The id of the entity whose first member in rank is this record."""
    return f"{kind[0]}-{stable_hash('entity', first_member)[:24]}"


def _first(values: Iterable[str]) -> str | None:
    return next((value for value in values if value), None)
