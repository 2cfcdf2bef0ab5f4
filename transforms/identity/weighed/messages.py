"""What the layers say to each other. All of it may be repeated, late and out of order."""

import msgspec

from transforms.identity.messages import Verdict, Version
from transforms.identity.weighed.features import Features

WeighedPair = tuple[int, int, Version, Version, int]
"""(record, record, their versions, bits); 0 bits take the evidence back. First < second."""
NEVER: Version = (-1, -1, -1, "")


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
    ghost: bool = False
    """Merged away at its source: carries on what others say of it, and is no member."""


class Edges(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="e"):
    """To components: what a shard says of some pairs. Of two about one pair the later counts."""

    shard: int
    count: int
    pairs: list[WeighedPair]


class Crowd(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="h"):
    """To components: whose a mailbox or number is; the later word counts."""

    key: str
    count: int
    crowd: int
    """PERSONAL, SHARED or HOT."""
    turned: tuple[int, ...]
    """Records that this is news of, also where a later word came first: all that have it where it
    changes, else whoever joins them after it ever changed."""


class Ruling(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="r"):
    """To components: what a person decided about two records; the newest counts."""

    left: str
    right: str
    verdict: Verdict
    version: tuple[int, int, str]


Message = Join | Stand | Edges | Crowd | Ruling
