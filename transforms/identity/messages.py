"""What the three layers say to each other.

Every message names the version of the record it speaks of, or the count of its block's decisions,
so that the newest wins wherever it arrives: messages may be repeated, late and out of order.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from schemas.identity import IdentityRecord

Version = tuple[int, int, int, str]
"""(was it seen with a name, stamp, fetched, digest): see `version_of`."""

NO_VERSION: Version = (0, 0, 0, "")

# No message refers back to what refers to it, so the cycle collector may pass them by (gc=False).

Verdict = Literal["same", "different", "withdrawn"]

PERSONAL, SHARED, HOT = range(3)
"""A mailbox or number is one person's as far as is known; a household's, an office's or a
switchboard's; or nobody's, as too many records have it."""

OBSERVED_SOURCES = ("gmail:", "dialpad:number:")
"""Records that are a sighting of an address or a number, not somebody's entry in a register."""


def is_observed(record_key: str) -> bool:
    """True for a participant of mails or calls."""
    return record_key.startswith(OBSERVED_SOURCES)


def version_of(record: IdentityRecord) -> Version:
    """What orders the versions of a record: newest wins.

    Of a sighting, one with a name counts above one without: the same address stands in one header
    with its name and in the next without, which says nothing new and must not undo the name.
    """
    named = 1
    if is_observed(record.record_key) and not record.deleted:
        named = int(bool(record.full_name or record.given_name or record.family_name))
    return (named, record.stamp, record.fetched, record.digest)


class Signature(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a block must know of a member to weigh it against the others. Names are folded."""

    kind: str
    given: str = ""
    family: str = ""
    observed: bool = False
    packed: bytes = b""
    """All that is weighed of it, where more than names is; as bytes, since a record has a member in
    each of its blocks and is seldom looked at."""
    internal: bool = False
    """On our side."""


class Digest(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the component layer must know of a record."""

    kind: str
    rank: int
    """Place in the order of sources: the first member names the entity."""
    given: str = ""
    """Folded, of a register's record alone: what a person may be held apart by."""
    suffix: int = 0
    """Generation: 1 senior, 2 junior or second, and so on; 0 unknown."""
    name: str = ""
    email: str = ""
    domains: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    internal: bool = False
    shared: bool = False
    ghost: bool = False
    """Merged away at its source: carries on what others say of it, and is no member."""
    packed: bytes = b""
    """As in `Signature`."""


class Membership(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="m"):
    """To a block: a record joins (with its signature) or leaves (without)."""

    key: str
    record_key: str
    version: Version
    signature: Signature | None
    count: int = 0
    """In the log of blocks: how many decisions the block had made with this one."""
    since: int = 0
    """In the log of blocks: as in `Answer`."""


class Standing(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="s"):
    """To components: a record's version. `keys` is how many blocks will answer for it."""

    record_key: str
    version: Version
    digest: Digest | None
    """None: deleted."""
    keys: int


class Edge(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Evidence that two records are one; 0 bits take it back. `left` < `right`."""

    left: str
    right: str
    left_version: Version
    right_version: Version
    bits: int
    """In 1/256 bit, so that sums are exact."""


class Answer(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="a"):
    """To components: a block has taken in a version of a record, and these edges changed."""

    key: str
    count: int
    """Decisions of this block so far: of two about one pair, the later counts."""
    record_key: str
    """Empty where no join is answered."""
    version: Version
    edges: tuple[Edge, ...]
    crowd: int = PERSONAL
    """What the block says of the value that its key is made of."""
    since: int = 0
    """The count at which that last changed; 0: never. The answer of that count brings it."""
    turned: tuple[str, ...] = ()
    """Whom the block's word concerns anew: where it changes all of its records, else whoever joins
    one that ever changed it. For them other evidence weighs anew once the change has come."""


class Decision(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="d"):
    """To components: what a person decided about two records; the newest counts."""

    left: str
    right: str
    verdict: Verdict
    version: Version


class PublishedEntity(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a row of identity.entities says, without its revision."""

    entity_id: str
    kind: str
    display_name: str | None
    primary_email: str | None
    primary_domain: str | None
    account_entity_id: str | None
    account_confidence: float | None
    is_internal: bool
    is_shared: bool
    record_count: int


class PublishedLink(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a row of identity.links says, without its revision."""

    kind: str
    entity_id: str
    confidence: float
    method: str


class Published(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="p"):
    """To components, when state is rebuilt: what the tables hold for a record."""

    record_key: str
    link: PublishedLink | None
    entity: PublishedEntity | None
    revision: int


class SeedEnd(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="e"):
    """To components: so many records were seeded; decisions are silent until all stand."""

    seeded: int


class Spoken(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="r"):
    """In the log of components: the revision up to which decisions were published."""

    revision: int
    awake: bool


class Forget(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="f"):
    """To blocks and components, alone: those who bear these marks have left for good, and no log
    may hold what was known of them."""

    marks: tuple[str, ...]


ToBlocks = Membership | Forget
ToComponents = Standing | Answer | Decision | Published | SeedEnd | Forget
Entry = ToComponents | Spoken

_PACK = msgspec.msgpack.Encoder()
_MEMBERSHIPS = msgspec.msgpack.Decoder(list[ToBlocks])
_ENTRIES = msgspec.msgpack.Decoder(list[Entry])


def pack(messages: Sequence[ToBlocks] | Sequence[Entry]) -> bytes:
    """Bytes of messages that travel together."""
    return _PACK.encode(messages)


def unpack_memberships(packed: bytes) -> list[ToBlocks]:
    """Messages to blocks; a msgspec error where the bytes are not that."""
    return _MEMBERSHIPS.decode(packed)


def unpack_entries(packed: bytes) -> list[Entry]:
    """Messages to components; a msgspec error where the bytes are not that."""
    return _ENTRIES.decode(packed)
