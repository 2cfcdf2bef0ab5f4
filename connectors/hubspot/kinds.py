"""The CRM objects that are read: their names, what dates a version, whom they are with.

https://developers.hubspot.com/docs/guides/crm/understanding-the-crm#object-type-ids
"""

from typing import NamedTuple

OWNER = "owner"
"""No CRM object: owners have a list of their own."""

MERGED = "hs_merged_object_ids"
"""Ids of the records that went into this one, separated by semicolons."""
ENROLLED = "hs_sequences_is_enrolled"
SEQUENCES = (
    ENROLLED,
    "hs_latest_sequence_enrolled",
    "hs_latest_sequence_enrolled_date",
    "hs_latest_sequence_ended_date",
    "hs_latest_sequence_finished_date",
    "hs_latest_sequence_unenrolled_date",
)
"""What a contact tells of its enrolments in sequences."""


class Kind(NamedTuple):
    """`stamp` is the property by which versions are searched and dated; it is another one for
    contacts. `related`: paths of the objects whose associations belong to the record."""

    name: str
    path: str
    type_id: str
    stamp: str = "hs_lastmodifieddate"
    related: tuple[str, ...] = ("contacts", "companies", "deals")
    created: str = "hs_createdate"
    """The property that says when it was made."""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("contact", "contacts", "0-1", "lastmodifieddate", ("companies",), "createdate"),
        Kind("company", "companies", "0-2", related=(), created="createdate"),
        Kind("deal", "deals", "0-3", related=("contacts", "companies"), created="createdate"),
        Kind("call", "calls", "0-48"),
        Kind("email", "emails", "0-49"),
        Kind("meeting", "meetings", "0-47"),
        Kind("note", "notes", "0-46"),
        Kind("task", "tasks", "0-27"),
        Kind("communication", "communications", "0-18"),
    )
}
BY_TYPE_ID: dict[str, Kind] = {kind.type_id: kind for kind in KINDS.values()}
