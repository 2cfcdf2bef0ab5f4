"""From a change to rows for the tables and records for the resolver, by source and object type."""

from schemas.change import Change
from schemas.columns import Row
from schemas.errors import InvalidPayload
from schemas.identity import IdentityRecord
from transforms.normalise.context import context_of
from transforms.normalise.dialpad import normalise_dialpad
from transforms.normalise.files import normalise_files
from transforms.normalise.gmail import normalise_message
from transforms.normalise.hubspot import normalise_hubspot
from transforms.normalise.salesforce import normalise_salesforce
from transforms.normalise.schema import SCHEMA, normalise_schema
from transforms.settings import Settings

__all__ = ["normalise"]

_CRM = {
    "salesforce": normalise_salesforce,
    "hubspot": normalise_hubspot,
    "dialpad": normalise_dialpad,
    "files": normalise_files,
}


def normalise(
    change: Change, settings: Settings, written_at: int
) -> tuple[tuple[Row, ...], tuple[IdentityRecord, ...]]:
    """All that a change says.

    `written_at` (microseconds) is the moment of all its rows. InvalidPayload where the payload is
    not what source and object type promise, or the object type is none that we know;
    ConfigurationError where a custom field names a column that is none.
    """
    if change.object_type == SCHEMA:
        return normalise_schema(change, written_at)
    read = _CRM.get(change.source)
    if read is not None:
        if change.operation == "upsert" and not change.payload:
            raise InvalidPayload("the payload is empty")
        return read(change, context_of(settings), written_at)
    return normalise_message(change, settings, written_at)
