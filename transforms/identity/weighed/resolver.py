"""The three layers in one process, looped until they are quiet."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.identity import IdentityRecord
from transforms.identity.evidence import REFUSED, Limit
from transforms.identity.weighed.bearers import SOLE_BEARER
from transforms.identity.weighed.blocks import Blocks
from transforms.identity.weighed.components import Components
from transforms.identity.weighed.confidence import confidence
from transforms.identity.weighed.extraction import NO_SETTINGS, Extraction
from transforms.identity.weighed.judging import EVERY_RULE, Judge, Rules
from transforms.identity.weighed.messages import Edges, Ruling
from transforms.identity.weighed.pairs import crowded
from transforms.identity.weighed.records import Records
from transforms.identity.weighed.weights import SHIPPED, Model
from transforms.settings import Settings


class Placed(NamedTuple):
    """Where a record belongs: its entity and the probability of that."""

    entity_id: str
    confidence: float


class Candidate(NamedTuple):
    """A possible match: two record keys, the bits for it, and the probability."""

    left: str
    right: str
    bits: int
    confidence: float


class Resolver:
    """Records and rulings in, entities out. What it holds is a function of the newest version of
    each record, the newest ruling on each pair and the model."""

    def __init__(
        self,
        model: Model = SHIPPED,
        rules: Rules = EVERY_RULE,
        limit: Limit | None = None,
        settings: Settings = NO_SETTINGS,
    ) -> None:
        self.judge = Judge(model, rules)
        self.records = Records(Extraction(settings, rules))
        self.blocks = Blocks(self.judge, limit=limit)
        self.components = Components(self.judge)

    def receive(self, record: IdentityRecord) -> None:
        """Takes in a version of a record and settles what follows."""
        self._take(record)
        self.components.decide()

    def rebuild(self, records: Iterable[IdentityRecord]) -> None:
        """Takes in many versions and settles what follows from all of them: what would stand had
        each been received by itself, in less time."""
        for record in records:
            self._take(record)
        self.components.decide()

    def _take(self, record: IdentityRecord) -> None:
        told = self.records.receive(record)
        if told is None:
            return
        join, stand = told
        components = self.components
        components.stand(stand)
        for message in self.blocks.receive(join):
            if isinstance(message, Edges):
                components.edges(message)
            else:
                components.crowd(message)

    def rule(self, rulings: Iterable[Ruling]) -> None:
        """Takes in what people decided and settles what follows."""
        for ruling in rulings:
            self.components.rule(ruling)
        self.components.decide()

    def placed(self) -> dict[str, Placed]:
        """Of every live record, by record key, its entity and confidence."""
        keys, components = self.records.keys, self.components
        found = {}
        for number in components.records():
            entity_id = components.entity_id(number)
            assert entity_id is not None
            found[keys[number]] = Placed(entity_id, components.confidence(number))
        return found

    def aliases(self) -> dict[str, str]:
        """Of every id that a record would give its entity alone and does not: the entity's id.

        A function of what stands, like the ids: whoever kept the id of an entity that has gone
        into another finds that other, however it came about.
        """
        components = self.components
        found = {}
        for number in components.records():
            entity_id = components.entity_id(number)
            own = components.own_entity_id(number)
            if entity_id is not None and own != entity_id:
                found[own] = entity_id
        return found

    def pairs(self) -> Iterator[tuple[int, int, int]]:
        """Pairs of live records that speak for being one, each once, with their bits: those that
        edges connect, and those of which nobody can say whose of several a sighting is."""
        components = self.components
        for number in components.records():
            linked = components.neighbours(number)
            yield from ((number, other, bits) for other, bits in linked.items() if number < other)
            mine = components.live(number)
            if mine is None or not mine.observed:
                continue
            for other in self.blocks.peers(number).difference(linked):
                theirs = components.live(other)
                if theirs is None or not components.group(other):
                    continue
                if theirs.observed and other < number:
                    continue
                mail, phone = crowded(mine, theirs, components.crowds, hot_alone=True)
                bits = self.judge.bits(mine, theirs, hot_mail=mail, hot_phone=phone)
                if self.blocks.bearer(number, other):
                    bits = max(bits, SOLE_BEARER)
                if bits > 0:
                    yield number, other, bits

    def candidates(self) -> list[Candidate]:
        """Pairs that speak for being one and are not, the likeliest first: for a person to say."""
        components, keys = self.components, self.records.keys
        found = []
        for number, other, bits in self.pairs():
            if other not in components.group(number):
                left, right = sorted((keys[number], keys[other]))
                features = components.live(number)
                assert features is not None
                found.append(Candidate(left, right, bits, confidence(bits, features.kind)))
        return sorted(found, key=lambda pair: (-pair.bits, pair.left, pair.right))

    def near(self) -> list[Candidate]:
        """Pairs of the sources' own records that a few bits keep from being one, the likeliest
        first; none that a rule holds apart."""
        components, keys = self.components, self.records.keys
        found = []
        for number in components.records():
            mine = components.live(number)
            if mine is None or mine.observed:
                continue
            for other in self.blocks.peers(number).difference(components.group(number)):
                theirs = components.live(other) if other > number else None
                if theirs is None or theirs.observed or not components.group(other):
                    continue
                if theirs.kind != mine.kind or theirs.internal != mine.internal:
                    continue
                if self.judge.edge_bits(mine, theirs, REFUSED) <= REFUSED:
                    continue
                bits = components.pair_bits(number, other)
                if REFUSED < bits <= 0:
                    left, right = sorted((keys[number], keys[other]))
                    found.append(Candidate(left, right, bits, confidence(bits, mine.kind)))
        return sorted(found, key=lambda pair: (-pair.bits, pair.left, pair.right))
