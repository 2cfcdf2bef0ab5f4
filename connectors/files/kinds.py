"""What a file is: which format, and which objects of which source it holds."""

from typing import Literal, NamedTuple

from schemas.change import Source

Format = Literal["mbox", "eml", "csv", "zip", "folder"]

OBJECT_TYPES: dict[str, tuple[str, ...]] = {
    "salesforce": ("account", "contact", "lead", "opportunity", "task", "event", "user"),
    "hubspot": ("contact", "company", "deal"),
    "dialpad": ("call",),
    "files": ("contact", "account"),
    "gmail": ("message",),
}
"""Source to the object types that files of it may hold."""


class Kind(NamedTuple):
    """`source` and `object_type` are empty for zips and folders: their entries have their own."""

    format: Format
    source: Source | Literal[""] = ""
    object_type: str = ""

    @property
    def label(self) -> str:
        """For people: `CSV of salesforce contact`, `mbox of gmail message`, `zip`."""
        name = "CSV" if self.format == "csv" else self.format
        return f"{name} of {self.source} {self.object_type}" if self.source else name

    def __str__(self) -> str:
        return self.label


MBOX = Kind("mbox", "gmail", "message")
EML = Kind("eml", "gmail", "message")
ZIP = Kind("zip")
FOLDER = Kind("folder")
