"""What the layers say to each other. All of it may be repeated, late and out of order."""

from typing import Literal

import msgspec

from transforms.identity.weighed.features import Features

Version = tuple[int, int, str]
"""(stamp, fetched, digest) of a record: newest wins."""
WeighedPair = tuple[int, int, Version, Version, int]
"""(record, record, their versions, bits); 0 bits take the evidence back. First < second."""
NEVER: Version = (-1, -1, "")


class Join(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="j"):
    """To a block shard: a version of a record, and all its blocking keys there (none: it left)."""

    record: int
    version: Version
    features: Features | None
    keys: tuple[str, ...]


class Stand(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="s"):
    """To components: the version that stands of a record; without features it is deleted."""

    record: int
    key: str
    rank: int
    version: Version
    features: Features | None


class Edges(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="e"):
    """To components: what a shard says of some pairs. Of two about one pair the later counts."""

    shard: int
    count: int
    pairs: list[WeighedPair]


class Hot(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="h"):
    """To components: whether too many records share a mailbox or number; the later word counts."""

    key: str
    count: int
    is_hot: bool


class Ruling(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="r"):
    """To components: what a person decided about two records; the newest counts."""

    left: str
    right: str
    verdict: Literal["same", "different", "withdrawn"]
    version: Version


Message = Join | Stand | Edges | Hot | Ruling
