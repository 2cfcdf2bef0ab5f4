"""Why records are one entity, and how close the next candidate came: as text."""

from collections.abc import Iterator, Mapping

from transforms.identity.weighed.comparisons import FIELDS, LEVELS, compared
from transforms.identity.weighed.confidence import confidence
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import HELD_APART, MUST_LINK
from transforms.identity.weighed.resolver import Resolver
from transforms.identity.weighed.weights import BIT, Scorer

MOST_PEERS = 20
BEARERS = {
    "sole": "a mail provider's mailbox, and the only person known by its owner's whole name",
    "several": "a mail provider's mailbox, and several people are known by its owner's whole name",
}
Verdicts = Mapping[tuple[str, str], str]
"""What people decided, by the two record keys, the smaller first."""
NOBODY: Verdicts = {}


def why(resolver: Resolver, name: str, verdicts: Verdicts = NOBODY) -> str:
    """Of a record, or of an entity: its members, each field's bits, the keys they meet under, the
    rules and decisions that hold, the path, and the best record that does not belong."""
    components, keys = resolver.components, resolver.records.keys
    number = resolver.records.number(name)
    if number is None:
        number = next((n for n in components.records() if components.entity_id(n) == name), None)
    if number is None or not components.group(number):
        return f"{name}: there is no such record or entity"
    group = components.group(number)
    lines = [
        f"{keys[number]} belongs to {components.entity_id(number)} with confidence "
        f"{components.confidence(number):.4f}; {len(group)} records, the least certain "
        f"{min(map(components.confidence, group)):.4f}"
    ]
    others = [other for other in group if other != number]
    if len(group) > 2:
        lines.append(f"path: {path(resolver, number, verdicts)}")
    for other in others[:MOST_PEERS]:
        lines += _pair(resolver, number, other, verdicts)
    if len(others) > MOST_PEERS:
        lines.append(f"  … and {len(others) - MOST_PEERS:,} more records")
    apart, outside = _held_apart(resolver, number), _next_best(resolver, number)
    if apart is not None:
        lines += ["held apart by a rule:", *_pair(resolver, number, apart, verdicts)]
    if outside is None:
        return "\n".join([*lines, "next candidate: none shares a key"])
    return "\n".join([*lines, "next candidate:", *_pair(resolver, number, outside, verdicts)])


def path(resolver: Resolver, number: int, verdicts: Verdicts = NOBODY) -> str:
    """How a record's entity hangs together: from it, each time by the strongest pair that leads
    from those reached so far to another."""
    components, keys = resolver.components, resolver.records.keys
    best = {
        other: (components.pair_bits(number, other), number)
        for other in components.group(number)
        if other != number
    }

    def strength(other: int) -> tuple[bool, int, str]:
        bits, origin = best[other]
        return (_verdict(resolver, origin, other, verdicts) == "same", bits, keys[other])

    steps = []
    while best:
        nearest = max(best, key=strength)
        bits, origin = best.pop(nearest)
        said = " (decided)" if _verdict(resolver, origin, nearest, verdicts) == "same" else ""
        steps.append(f"{keys[origin]} – {keys[nearest]} {_bits(bits)}{said}")
        for other, (known, _) in best.items():
            bits = components.pair_bits(nearest, other)
            decided = _verdict(resolver, nearest, other, verdicts) == "same"
            if bits > known or decided:
                best[other] = (bits, nearest)
    return "; ".join(steps[:MOST_PEERS])


def _bits(bits: int) -> str:
    return "by the source's own word" if bits >= MUST_LINK else f"{bits / BIT:+.1f}"


def _verdict(resolver: Resolver, one: int, other: int, verdicts: Verdicts) -> str:
    left, right = resolver.records.keys[one], resolver.records.keys[other]
    return verdicts.get((min(left, right), max(left, right)), "")


def _next_best(resolver: Resolver, number: int) -> int | None:
    """The likeliest record outside that shares a key and that no rule holds apart."""
    components = resolver.components
    others = [
        (-bits, resolver.records.keys[other], other)
        for other in _outside(resolver, number)
        if (bits := components.pair_bits(number, other)) not in HELD_APART
    ]
    return min(others)[2] if others else None


def _outside(resolver: Resolver, number: int) -> list[int]:
    """Records that share a key and are another entity's; none that was merged away."""
    mine = resolver.components.group(number)
    others = resolver.blocks.peers(number).difference(mine)
    return [other for other in others if resolver.components.group(other)]


def _held_apart(resolver: Resolver, number: int) -> int | None:
    """The record that would be the likeliest if a rule did not hold it apart."""
    components = resolver.components
    mine = components.live(number)
    assert mine is not None
    others = []
    for other in _outside(resolver, number):
        theirs = components.live(other)
        assert theirs is not None
        if theirs.kind == mine.kind and components.pair_bits(number, other) in HELD_APART:
            bits = sum(bits for _, _, bits in _scorer(resolver, mine).by_field(mine, theirs))
            others.append((-bits, resolver.records.keys[other], other))
    return min(others)[2] if others else None


def _scorer(resolver: Resolver, features: Features) -> Scorer:
    return resolver.judge.person if features.kind == "person" else resolver.judge.account


def _pair(resolver: Resolver, one: int, other: int, verdicts: Verdicts) -> list[str]:
    a, b = resolver.components.live(one), resolver.components.live(other)
    assert a is not None and b is not None
    bits = resolver.components.pair_bits(one, other)
    odds = confidence(bits, a.kind)
    head = f"  {resolver.records.keys[other]}: {bits / BIT:+.1f} bits, p {odds:.4f}"
    decided = _verdict(resolver, one, other, verdicts)
    if decided in ("same", "different"):
        head += f" (a person decided: {decided})"
    if bits >= MUST_LINK:
        return [head + " (the source says so)"]
    if bits in HELD_APART:
        rule = resolver.judge.forbids(a, b, compared(a, b)) or "kinds differ"
        head += f" (held apart by the rule: {rule})"
    head += "".join(f" ({what})" for what in _beyond_fields(resolver, one, other))
    shared = sorted(resolver.blocks.shared_keys(one, other))
    head += f"; keys: {', '.join(shared)}" if shared else "; no key in common"
    return [head, *_fields(resolver, a, b)]


def _beyond_fields(resolver: Resolver, one: int, other: int) -> Iterator[str]:
    """What counts of a pair beside its fields."""
    bearer = resolver.blocks.bearer(one, other)
    if bearer:
        yield BEARERS[bearer]
    for what, is_crowd in zip(
        ("mailbox", "number"), resolver.components.crowded(one, other), strict=True
    ):
        if is_crowd:
            yield f"their {what} is no one person's and says nothing of the two"
    if resolver.components.is_unsaid(one, other):
        yield "counts neither for nor against: one is a sighting"


def _fields(resolver: Resolver, a: Features, b: Features) -> list[str]:
    scorer = _scorer(resolver, a)
    lines = [f"    {'before':14} {scorer.prior / BIT:+6.1f}"]
    for name, level, bits in scorer.by_field(a, b):
        top = LEVELS[FIELDS.index(name)] - 1
        field = {"mail_named": "mail", "street_phoned": "street"}.get(name, name)
        value = {"place": "postal"}.get(field, field)
        left, right = getattr(a, value) or a.city, getattr(b, value) or b.city
        lines.append(f"    {field:14} {bits / BIT:+6.1f}  level {level}/{top}  {left} | {right}")
    return lines
