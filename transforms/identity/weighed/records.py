"""First layer, keyed by record: the newest version wins, and the other layers are told of it."""

from schemas.identity import IdentityRecord
from transforms.identity.evidence import LAST_RANK, RANKS
from transforms.identity.weighed.features import features_of
from transforms.identity.weighed.keys import all_keys
from transforms.identity.weighed.messages import NEVER, Join, Stand, Version


class Records:
    """Which version of each record is the newest, and the record's number in the other layers."""

    __slots__ = ("_number", "_version", "keys")

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._version: list[Version] = []
        self.keys: list[str] = []
        """record_key by number."""

    def __len__(self) -> int:
        return len(self.keys)

    def number(self, record_key: str) -> int | None:
        """The number of a record; None of one never seen."""
        return self._number.get(record_key)

    def receive(self, record: IdentityRecord) -> tuple[Join, Stand] | None:
        """What follows from a version; None where it is late or repeated."""
        key = record.record_key
        version = (record.stamp, record.fetched, record.digest)
        number = self._number.get(key)
        if number is None:
            number = self._number[key] = len(self.keys)
            self.keys.append(key)
            self._version.append(NEVER)
        elif version <= self._version[number]:
            return None
        self._version[number] = version
        rank = rank_of(key)
        if record.deleted:
            return Join(number, version, None, ()), Stand(number, key, rank, version, None)
        features = features_of(record)
        keys = tuple(dict.fromkeys(all_keys(features)))
        return Join(number, version, features, keys), Stand(number, key, rank, version, features)


def rank_of(record_key: str) -> int:
    """Place of the record's source among those that may name an entity."""
    return RANKS.get(record_key[: record_key.find(":", record_key.find(":") + 1)], LAST_RANK)
