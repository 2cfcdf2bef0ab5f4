"""A model from records alone, without labels: expectation and maximisation (Winkler).

In each family of blocking keys both m and u are free and the family's own fields are held out:
agreement within a block is no more than the block itself says. Weights are m over the families'
mean against u of random pairs. Where data are thin the shipped weights hold.
"""

import hashlib
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from transforms.identity.weighed.comparisons import FIELDS, LEVELS, Levels, compared
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.keys import HELD, keys_of, most_members
from transforms.identity.weighed.weights import (
    ADJUSTED,
    BIT,
    SHIPPED,
    Field,
    Frequencies,
    Model,
    Scorer,
    Weights,
    frequencies,
)

SAMPLE = 20_000
"""Records that a fit looks at, at the most."""
RANDOM_PAIRS = 60_000
FAMILY_PAIRS = 30_000
FEWEST_PAIRS = 30
FEWEST_MATCHES = 20
"""Expected matches below which a family has no say."""
MOST_MATCHES = 5_000
ROUNDS = 60
FREE_U = 20.0
"""Weight, in pairs, of random pairs' u where a family's own begins."""
SHIPPED_M = 20.0
"""Weight, in matches, of the shipped m beside the fitted."""
SHIPPED_U = 20.0
CONDITIONAL = {"mail_named": "n", "street_phoned": "t"}
"""Fields whose u comes from the strangers within one family, which random pairs never show."""

SHRINK = 10.0
"""Pairs that must show a level before what was learnt of it outweighs what is shipped."""
REFINEMENTS = 1
"""A model that learns from its own verdicts again and again only grows too sure of them."""
FOUND = 0.9
"""Share of all matches that blocking is taken to find."""

Pair = tuple[int, int]
Counts = list[list[float]]
"""By field, by level."""


def fit(
    records: Iterable[tuple[str, Features]],
    told: Callable[[str], None] = lambda _: None,
    fewest_bearers: int = 1,
) -> Model:
    """A model of the records (record_key, features), the same whatever their order.

    It names no value that fewer than `fewest_bearers` records have.
    """
    ranked = sorted(
        ((_rank(key, features), features) for key, features in records), key=lambda pair: pair[0]
    )
    version = hashlib.blake2b(b"".join(rank for rank, _ in ranked), digest_size=6).hexdigest()
    parts = {}
    for kind, shipped in (("person", SHIPPED.person), ("account", SHIPPED.account)):
        chosen = [f for _, f in ranked if f.kind == kind][:SAMPLE]
        told(f"fitting {kind}: {len(chosen):,} records")
        parts[kind] = fit_kind(chosen, shipped, fewest_bearers)
    return Model(f"fit-{version}", parts["person"], parts["account"])


def _rank(key: str, features: Features) -> bytes:
    """Orders records by chance, but the same chance every time: by id first, then content."""
    of_key = hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return of_key + hashlib.blake2b(msgspec.msgpack.encode(features), digest_size=8).digest()


def fit_kind(chosen: Sequence[Features], shipped: Weights, fewest_bearers: int = 1) -> Weights:
    """Weights for records of one kind; the shipped ones where nothing can be learnt."""
    if len(chosen) < FEWEST_PAIRS:
        return shipped
    rng = random.Random(7)  # noqa: S311 (the same sample every time)
    levels = _Levels(chosen)
    random_u = _strangers(levels, len(chosen), shipped, rng)
    families = _pairs_by_family(chosen)
    m, within = _by_family(levels, families, random_u, shipped, rng)
    rates = _frequencies(chosen, fewest_bearers)
    pairs = sorted(set().union(*families.values())) if families else []
    every = len(chosen) * (len(chosen) - 1) / 2
    sampled = 1.0
    if len(pairs) > RANDOM_PAIRS:
        sampled = RANDOM_PAIRS / len(pairs)
        pairs = rng.sample(pairs, RANDOM_PAIRS)
    model = Weights(0.0, _fields(m, random_u, within, shipped), rates)
    model = _primed(model, levels, pairs, every * sampled)
    for _ in range(REFINEMENTS):
        m, within = _posteriors(model, levels, pairs, families, shipped)
        model = Weights(0.0, _fields(m, random_u, within, shipped), rates)
        model = _primed(model, levels, pairs, every * sampled)
    return model


def _by_family(
    levels: "_Levels",
    families: dict[str, list[Pair]],
    random_u: Counts,
    shipped: Weights,
    rng: random.Random,
) -> tuple[Counts, dict[str, list[float]]]:
    """Counts of matches by field and level from every family, and the strangers' of those fields
    whose u only a family shows."""
    m, within = _beginnings(shipped)
    u = [_shares(row) for row in random_u]
    for family in sorted(families):
        pairs = families[family]
        if len(pairs) > FAMILY_PAIRS:
            pairs = rng.sample(pairs, FAMILY_PAIRS)
        if len(pairs) < FEWEST_PAIRS:
            continue
        held = HELD.get(family, ())
        free = [place for place, name in enumerate(FIELDS) if name not in held]
        patterns = Counter(levels(pair) for pair in pairs)
        matches, fitted, strangers = _family(patterns, free, u, shipped)
        for name, by in CONDITIONAL.items():
            if by == family:
                for level, count in enumerate(strangers[FIELDS.index(name)]):
                    within[name][level] += count
        if matches < FEWEST_MATCHES:
            continue
        for place in free:
            seen = sum(n for pattern, n in patterns.items() if pattern[place] >= 0)
            weight = min(matches * seen / len(pairs), MOST_MATCHES)
            for level, share in enumerate(fitted[place]):
                m[place][level] += weight * share
    return m, within


def _posteriors(
    model: Weights,
    levels: "_Levels",
    pairs: Sequence[Pair],
    families: dict[str, list[Pair]],
    shipped: Weights,
) -> tuple[Counts, dict[str, list[float]]]:
    """The same counts anew, by what the whole model says of each pair: within one family a
    household or a namesake can pass for a match, which all fields together tell apart."""
    scorer = Scorer(model)
    m, within = _beginnings(shipped)
    inside = {name: set(families.get(by, ())) for name, by in CONDITIONAL.items()}
    for pair in pairs:
        found = levels(pair)
        odds = probability(levels.bits(scorer, pair))
        if odds > 0.01:
            for place, level in enumerate(found):
                if level >= 0:
                    m[place][level] += odds
        for name, members in inside.items():
            level = found[FIELDS.index(name)]
            if level >= 0 and pair in members:
                within[name][level] += 1.0 - odds
    return m, within


def _beginnings(shipped: Weights) -> tuple[Counts, dict[str, list[float]]]:
    m = [[SHIPPED_M * share for share in shipped.fields[name].m] for name in FIELDS]
    within = {name: [SHIPPED_U * share for share in shipped.fields[name].u] for name in CONDITIONAL}
    return m, within


def _fields(
    m: Counts, random_u: Counts, within: dict[str, list[float]], shipped: Weights
) -> dict[str, Field]:
    return {
        name: _shrunk(m[place], within.get(name, random_u[place]), shipped.fields[name])
        for place, name in enumerate(FIELDS)
    }


def _shrunk(m_counts: Sequence[float], u_counts: Sequence[float], shipped: Field) -> Field:
    """m and u from counts. A level that was hardly seen goes back to what it is worth as shipped;
    and to be alike is no stronger evidence than to be equal, however rare among strangers."""
    if sum(m_counts) + sum(u_counts) < SHIPPED_M + SHIPPED_U + 1.0:
        return shipped
    m, u = _shares(m_counts), _shares(u_counts)
    settled = []
    for level, share in enumerate(m):
        seen = m_counts[level] - SHIPPED_M * shipped.m[level]
        seen += u_counts[level] - SHIPPED_U * shipped.u[level]
        fitted = math.log2(max(share, 1e-9) / max(u[level], 1e-9))
        as_shipped = math.log2(shipped.m[level] / shipped.u[level])
        bits = (seen * fitted + SHRINK * as_shipped) / (seen + SHRINK)
        settled.append(share / 2.0**bits)
    most = m[-1] / settled[-1]
    return Field(m, tuple(max(value, m[level] / most) for level, value in enumerate(settled)))


def _primed(model: Weights, levels: "_Levels", pairs: Sequence[Pair], every: float) -> Weights:
    """The model with its prior: log2 of the share of matches among all pairs, where what it
    expects agrees with itself."""
    scorer = Scorer(model)
    bits = [levels.bits(scorer, pair) for pair in pairs]
    prior = math.log2(3.0 / math.sqrt(max(every, 9.0)))
    matches = 0.0
    for _ in range(30):
        matches = sum(probability(found + prior) for found in bits)
        after = math.log2(max(matches, 1.0) / FOUND / every)
        if abs(after - prior) < 0.01:
            break
        prior = after
    return Weights(prior, model.fields, model.frequencies, round(matches))


def probability(bits: float) -> float:
    """Of a match, with this evidence in bits."""
    return 1.0 / (1.0 + math.exp2(-max(-60.0, min(60.0, bits))))


class _Levels:
    """Levels of pairs by place, worked out once."""

    def __init__(self, chosen: Sequence[Features]) -> None:
        self._chosen = chosen
        self._known: dict[Pair, Levels] = {}

    def __call__(self, pair: Pair) -> Levels:
        found = self._known.get(pair)
        if found is None:
            a, b = self._chosen[pair[0]], self._chosen[pair[1]]
            found = self._known[pair] = compared(a, b)
        return found

    def bits(self, scorer: Scorer, pair: Pair) -> float:
        """Bits of a pair under a model."""
        a, b = self._chosen[pair[0]], self._chosen[pair[1]]
        return scorer.bits(a, b, self(pair)) / BIT


def _shares(counts: Sequence[float]) -> tuple[float, ...]:
    total = sum(counts)
    return tuple(count / total for count in counts)


def _strangers(levels: _Levels, count: int, shipped: Weights, rng: random.Random) -> Counts:
    """Counts of every field's levels among random pairs."""
    seen = [[SHIPPED_U * share for share in shipped.fields[name].u] for name in FIELDS]
    for _ in range(min(RANDOM_PAIRS, count * count // 2)):
        a, b = rng.randrange(count), rng.randrange(count)
        if a == b:
            continue
        for place, level in enumerate(levels((min(a, b), max(a, b)))):
            if level >= 0:
                seen[place][level] += 1
    return seen


def _pairs_by_family(chosen: Sequence[Features]) -> dict[str, list[Pair]]:
    blocks: dict[str, list[int]] = defaultdict(list)
    for place, features in enumerate(chosen):
        for key in dict.fromkeys(keys_of(features)):
            blocks[key].append(place)
    families: dict[str, set[Pair]] = defaultdict(set)
    for key, members in blocks.items():
        if 2 <= len(members) <= most_members(key):
            pairs = families[key.partition(":")[0]]
            for at, right in enumerate(members):
                pairs.update((left, right) for left in members[:at])
    return {family: sorted(pairs) for family, pairs in families.items()}


def _family(
    patterns: Counter[Levels], free: Sequence[int], u: Sequence[Sequence[float]], shipped: Weights
) -> tuple[float, list[Sequence[float]], Counts]:
    """Expected matches among a family's pairs, m of its free fields, and the strangers' counts."""
    m: list[Sequence[float]] = [shipped.fields[name].m for name in FIELDS]
    mine: list[Sequence[float]] = list(u)
    share = 0.3
    total = sum(patterns.values())
    matches = 0.0
    as_stranger: Counts = []
    for _ in range(ROUNDS):
        as_match = [[1e-3] * LEVELS[place] for place in range(len(FIELDS))]
        as_stranger = [[FREE_U * value for value in row] for row in u]
        matches = 0.0
        for pattern, count in patterns.items():
            yes, no = share, 1.0 - share
            for place in free:
                level = pattern[place]
                if level >= 0:
                    yes *= m[place][level]
                    no *= mine[place][level]
            odds = yes / (yes + no) if yes + no > 0 else 0.0
            matches += odds * count
            for place in free:
                level = pattern[place]
                if level >= 0:
                    as_match[place][level] += odds * count
                    as_stranger[place][level] += (1.0 - odds) * count
        before, share = share, min(0.995, max(0.001, matches / total))
        m = [_shares(row) for row in as_match]
        mine = [[max(x, 1e-9) for x in _shares(row)] for row in as_stranger]
        if abs(share - before) < 1e-4:
            break
    counts = [
        [max(0.0, n - FREE_U * value) for n, value in zip(row, base, strict=True)]
        for row, base in zip(as_stranger, u, strict=True)
    ]
    return matches, m, counts


def _frequencies(chosen: Sequence[Features], fewest: int) -> dict[str, Frequencies]:
    values: dict[str, list[str]] = {
        "given": [f.given for f in chosen],
        "family": [f.family for f in chosen],
        "mail": [f.mail for f in chosen],
        "phone": [f.phone for f in chosen],
        "street": [f.street for f in chosen],
        "place": [f.postal or f.city for f in chosen],
        "org": [f.org for f in chosen],
    }
    return {
        name: frequencies(values[name], unique=name in ("mail", "phone"), fewest=fewest)
        for name in ADJUSTED
    }
