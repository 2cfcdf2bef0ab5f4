"""Why records are one entity, and how close the next candidate came: as text."""

from transforms.identity.weighed.comparisons import FIELDS, LEVELS, compared
from transforms.identity.weighed.confidence import confidence
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import FORBIDDEN, MUST_LINK
from transforms.identity.weighed.resolver import Resolver
from transforms.identity.weighed.weights import BIT

MOST_PEERS = 20


def why(resolver: Resolver, name: str) -> str:
    """Of a record, or of an entity: its members, each field's bits, the keys they meet under, and
    the best record that does not belong."""
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
    for other in [other for other in group if other != number][:MOST_PEERS]:
        lines += _pair(resolver, number, other)
    outside = _next_best(resolver, number)
    if outside is None:
        return "\n".join([*lines, "next candidate: none shares a key"])
    return "\n".join([*lines, "next candidate:", *_pair(resolver, number, outside)])


def _next_best(resolver: Resolver, number: int) -> int | None:
    components = resolver.components
    others = [
        (-components.pair_bits(number, other), resolver.records.keys[other], other)
        for other in resolver.blocks.peers(number).difference(components.group(number))
    ]
    return min(others)[2] if others else None


def _pair(resolver: Resolver, one: int, other: int) -> list[str]:
    a, b = resolver.components.live(one), resolver.components.live(other)
    assert a is not None and b is not None
    bits = resolver.components.pair_bits(one, other)
    odds = confidence(bits, a.kind)
    head = f"  {resolver.records.keys[other]}: {bits / BIT:+.1f} bits, p {odds:.4f}"
    if bits >= MUST_LINK:
        return [head + " (the source says so)"]
    if bits <= FORBIDDEN:
        rule = resolver.judge.forbids(a, b, compared(a, b)) or "kinds differ"
        head += f" (held apart by the rule: {rule})"
    shared = sorted(resolver.blocks.shared_keys(one, other))
    head += f"; keys: {', '.join(shared)}" if shared else "; no key in common"
    return [head, *_fields(resolver, a, b)]


def _fields(resolver: Resolver, a: Features, b: Features) -> list[str]:
    scorer = resolver.judge.person if a.kind == "person" else resolver.judge.account
    lines = [f"    {'before':14} {scorer.prior / BIT:+6.1f}"]
    for name, level, bits in scorer.by_field(a, b):
        top = LEVELS[FIELDS.index(name)] - 1
        field = {"mail_named": "mail", "street_phoned": "street"}.get(name, name)
        value = {"place": "postal"}.get(field, field)
        left, right = getattr(a, value) or a.city, getattr(b, value) or b.city
        lines.append(f"    {field:14} {bits / BIT:+6.1f}  level {level}/{top}  {left} | {right}")
    return lines
