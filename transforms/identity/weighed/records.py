"""First layer, keyed by record: the newest version wins, and the other layers are told of it."""

from schemas.identity import IdentityRecord
from transforms.identity.evidence import LAST_RANK, RANKS
from transforms.identity.messages import Version, version_of
from transforms.identity.weighed.extraction import Extraction
from transforms.identity.weighed.keys import all_keys
from transforms.identity.weighed.messages import NEVER, Join, Stand


class Records:
    """Which version of each record is the newest, and the record's number in the other layers."""

    __slots__ = ("_extraction", "_number", "_version", "keys")

    def __init__(self, extraction: Extraction) -> None:
        self._extraction = extraction
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
        version = version_of(record)
        number = self._number.get(key)
        if number is None:
            number = self._number[key] = len(self.keys)
            self.keys.append(key)
            self._version.append(NEVER)
        elif version <= self._version[number]:
            return None
        self._version[number] = version
        rank = rank_of(key)
        features = self._extraction.features(record)
        keys = tuple(dict.fromkeys(all_keys(features))) if features is not None else ()
        stand = Stand(number, key, rank, version, features, record.deleted)
        return Join(number, version, features, keys), stand


def rank_of(record_key: str) -> int:
    """Place of the record's source among those that may name an entity."""
    return RANKS.get(record_key[: record_key.find(":", record_key.find(":") + 1)], LAST_RANK)
