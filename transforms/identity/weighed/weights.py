"""The model: what a level of a field is worth, and how much commoner than usual a value is.

A model is frozen once made: whoever weighs with it gets the same bits for the same two records.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from schemas.errors import ConfigurationError
from transforms.identity.weighed.comparisons import FIELDS, LEVELS, Levels, compared
from transforms.identity.weighed.features import Features

FORMAT = 1
"""Of the model file; a file of another format is refused."""
BIT = 256
"""Weights are whole numbers of 1/256 bit, so that sums are exact in any order."""
MOST_BITS, LEAST_BITS = 20.0, -8.0
RARE_BITS, COMMON_BITS = 3.0, -6.0
"""How far a value's frequency may move the weight of an agreement on it."""
ADJUSTED = ("given", "family", "mail", "phone", "street", "place", "org")
"""Fields on which to agree says less where the value is common."""


class Field(msgspec.Struct, frozen=True):
    """One field: how often each level is seen among matches (`m`) and strangers (`u`)."""

    m: tuple[float, ...]
    u: tuple[float, ...]

    def bits(self) -> list[int]:
        """Weights by level; the last element is that of `UNKNOWN`, which is index -1."""
        return [
            round(BIT * max(LEAST_BITS, min(MOST_BITS, math.log2(max(m, 1e-4) / max(u, 1e-6)))))
            for m, u in zip(self.m, self.u, strict=True)
        ] + [0]


class Frequencies(msgspec.Struct, frozen=True):
    """Adjustment by value, in 1/256 bit; `rare` is that of every value not listed."""

    rare: int = 0
    values: dict[str, int] = {}


class Weights(msgspec.Struct, frozen=True):
    """Of one kind: people or accounts."""

    prior: float
    """Bits before anything is compared: log2 of the odds that two records are one."""
    fields: dict[str, Field]
    frequencies: dict[str, Frequencies] = {}
    pairs: int = 0
    """Matches that were expected among the pairs it was fitted to; 0 of the shipped weights."""


class Model(msgspec.Struct, frozen=True):
    """A version of the weights."""

    version: str
    person: Weights
    account: Weights
    format: int = FORMAT


class Scorer:
    """Bits of a pair under one kind's weights."""

    __slots__ = ("_frequencies", "_tables", "prior", "weights")

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.prior = round(weights.prior * BIT)
        self._tables = tuple(weights.fields[name].bits() for name in FIELDS)
        nothing = Frequencies()
        self._frequencies = tuple(
            (found.values, found.rare)
            for found in (weights.frequencies.get(name, nothing) for name in FIELDS)
        )

    def bits(self, a: Features, b: Features, levels: Levels) -> int:
        """Bits for the two being one, with how common the values are that they agree on."""
        g, f, m, p, d, s, c, o, i, mn, sp = levels
        tg, tf, tm, tp, td, ts, tl, to, ti, tmn, tsp = self._tables
        bits = self.prior + tg[g] + tf[f] + tm[m] + tp[p] + td[d] + ts[s] + tl[c] + to[o] + ti[i]
        bits += tmn[mn] + tsp[sp]
        rates = self._frequencies
        if g == 5:
            values, rare = rates[0]
            bits += values.get(a.given, rare)
        if f == 5:
            values, rare = rates[1]
            bits += values.get(a.family, rare)
        if m == 5 or mn == 5:
            values, rare = rates[2]
            bits += values.get(a.mail, rare)
        if p == 4:
            values, rare = rates[3]
            bits += values.get(a.phone, rare)
        if s == 5 or sp == 5:
            values, rare = rates[5]
            bits += values.get(a.street, rare)
        if c >= 4:
            values, rare = rates[6]
            bits += values.get(a.postal or a.city, rare)
        if o == 5:
            values, rare = rates[7]
            bits += values.get(a.org, rare)
        return bits

    def table(self, place: int) -> list[int]:
        """Bits of a field by level; the last is that of `UNKNOWN`."""
        return self._tables[place]

    def rates(self, place: int) -> tuple[dict[str, int], int]:
        """Adjustments of a field by value, and that of a value not listed."""
        return self._frequencies[place]

    def by_field(
        self, a: Features, b: Features, levels: Levels | None = None
    ) -> list[tuple[str, int, int]]:
        """Field, level and bits of each field that both have, for explaining."""
        levels = levels or compared(a, b)
        parts = []
        for place, name in enumerate(FIELDS):
            if levels[place] < 0:
                continue
            g, f, m, p, d, s, c, o, i, mn, sp = (
                level if at == place else -1 for at, level in enumerate(levels)
            )
            alone = (g, f, m, p, d, s, c, o, i, mn, sp)
            parts.append((name, levels[place], self.bits(a, b, alone) - self.prior))
        return parts


def frequencies(values: Iterable[str], *, unique: bool, fewest: int = 1) -> Frequencies:
    """How common each value is beside the mean; too few values say nothing, and one that fewer than
    `fewest` records bear counts as rare."""
    counts: dict[str, int] = {}
    total = 0
    for value in values:
        if value:
            counts[value] = counts.get(value, 0) + 1
            total += 1
    if total < FEWEST_VALUES:
        return Frequencies()
    mean = sum(count * count for count in counts.values()) / (total * total)
    floor = 2 if unique else 10

    def adjustment(count: int) -> int:
        bits = math.log2(mean / (max(count, floor) / total))
        return round(BIT * max(COMMON_BITS, min(RARE_BITS, bits)))

    rare = adjustment(0)
    listed = {
        value: bits
        for value, n in counts.items()
        if n >= fewest and (bits := adjustment(n)) != rare
    }
    return Frequencies(rare, listed)


FEWEST_VALUES = 50
"""Below this a value's share of a column is chance."""


def read_model(path: Path) -> Model:
    """The model in a file; ConfigurationError where there is none that this version can read."""
    try:
        model = msgspec.json.decode(path.read_bytes(), type=Model)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path} is no model file: {error}") from error
    if model.format != FORMAT or not _is_whole(model):
        raise ConfigurationError(f"{path} is a model of another format: fit a new one")
    return model


def _is_whole(model: Model) -> bool:
    for weights in (model.person, model.account):
        for name, levels in zip(FIELDS, LEVELS, strict=True):
            field = weights.fields.get(name)
            if field is None or len(field.m) != levels or len(field.u) != levels:
                return False
    return True


def write_model(model: Model, path: Path) -> None:
    """Writes a model file."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(model, order="sorted"), indent=1))


def _shipped(
    prior: float, rows: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]
) -> Weights:
    return Weights(prior, {name: Field(m, u) for name, (m, u) in rows.items()})


_SHARED = {
    "given": ((0.03, 0.01, 0.02, 0.05, 0.09, 0.80), (0.90, 0.055, 0.001, 0.030, 0.004, 0.01)),
    "family": ((0.03, 0.01, 0.02, 0.03, 0.06, 0.85), (0.93, 0.04, 0.001, 0.015, 0.004, 0.01)),
    "mail": ((0.15, 0.05, 0.02, 0.05, 0.08, 0.65), (0.843, 0.15, 0.004, 0.002, 0.0009, 0.000001)),
    "phone": ((0.20, 0.06, 0.01, 0.03, 0.70), (0.99965, 0.0001, 0.0001, 0.00005, 0.000005)),
    "born": ((0.02, 0.02, 0.02, 0.05, 0.11, 0.78), (0.9399, 0.015, 0.003, 0.04, 0.002, 0.0001)),
    "street": ((0.15, 0.02, 0.04, 0.05, 0.14, 0.60), (0.985, 0.01, 0.003, 0.001, 0.0005, 0.0005)),
    "place": ((0.10, 0.05, 0.05, 0.08, 0.12, 0.60), (0.80, 0.12, 0.02, 0.02, 0.02, 0.02)),
    "org": ((0.15, 0.03, 0.04, 0.06, 0.12, 0.60), (0.95, 0.03, 0.01, 0.003, 0.001, 0.006)),
    "mail_named": ((0.06, 0.05, 0.03, 0.05, 0.11, 0.70), (0.70, 0.16, 0.01, 0.12, 0.008, 0.0005)),
    "street_phoned": ((0.10, 0.02, 0.03, 0.05, 0.15, 0.65), (0.35, 0.03, 0.02, 0.05, 0.15, 0.40)),
    "ids": ((0.02, 0.02, 0.06, 0.90), (0.99889, 0.001, 0.0001, 0.00001)),
}
_ACCOUNT = {
    "org": ((0.06, 0.06, 0.08, 0.14, 0.16, 0.50), (0.955, 0.035, 0.0075, 0.0015, 0.0005, 0.0005)),
    "phone": ((0.20, 0.05, 0.02, 0.03, 0.70), (0.9994, 0.0002, 0.0002, 0.0001, 0.0001)),
    "street": ((0.12, 0.01, 0.07, 0.10, 0.20, 0.50), (0.955, 0.04, 0.0035, 0.0006, 0.0004, 0.0005)),
}
SHIPPED = Model("shipped-3", _shipped(-15.0, _SHARED), _shipped(-12.0, _SHARED | _ACCOUNT))
"""Where there are too few records to fit a model to: set by hand, from what CRMs look like."""
