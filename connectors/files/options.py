"""What the one who imports decides."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from unicodedata import normalize

import msgspec

from connectors.files.kinds import OBJECT_TYPES, Kind
from schemas.change import Source
from schemas.errors import ConfigurationError

_ENDINGS = re.compile(r"(?:\.(?:csv|tsv|txt|tab))?(?:\.gz)?\Z", re.IGNORECASE)
NO_MAPPING: Mapping[str, str] = MappingProxyType({})


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of an import; every default is what most people want."""

    as_of: int | None = None
    """Microseconds since the epoch: the stamp of rows that have none. None: when the file was last
    written, so that the same file gives the same changes."""
    mailbox: str = ""
    """Address of the mailbox that mails come from; empty: as their Delivered-To has it."""
    mapping: Mapping[str, str] = NO_MAPPING
    """Our field (`email`) to the heading (`E-Mail`) that holds it, for CSVs of one's own."""
    kind: str = ""
    """`source.object_type` of CSVs, as in `files.account`, where it cannot be seen."""
    zone: str = "UTC"
    """IANA zone of times that name none."""
    namespace: str | None = None
    """Put before the ids of CSVs of one's own, for two files may number their rows alike. None: the
    name of the file; empty: nothing, ids are the same in all files."""

    def namespace_of(self, file_name: str) -> str:
        """The namespace of a file: the same wherever it lies, and packed or not."""
        if self.namespace is not None:
            return self.namespace
        # A file keeps its name on the way to another system, not how its accents are composed.
        name = normalize("NFC", file_name.replace("\\", "/").rpartition("/")[2])
        return _ENDINGS.sub("", name) or name

    def csv_kind(self) -> Kind | None:
        """The kind that `kind` names; ConfigurationError where there is no such one."""
        if not self.kind:
            return None
        source, _, object_type = self.kind.partition(".")
        if source == "gmail" or object_type not in OBJECT_TYPES.get(source, ()):
            known = ", ".join(
                f"{name}.{one}"
                for name, many in OBJECT_TYPES.items()
                for one in many
                if name != "gmail"
            )
            raise ConfigurationError(f"{self.kind!r} is no kind of CSV: choose one of {known}")
        return Kind("csv", _SOURCES[source], object_type)


_SOURCES: dict[str, Source] = {
    "salesforce": "salesforce",
    "hubspot": "hubspot",
    "dialpad": "dialpad",
    "files": "files",
}
