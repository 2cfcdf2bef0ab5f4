"""Who may not be erased: what is on legal hold stays, and whoever wants it gone is told why."""

from google.cloud import bigquery

from operations.person import Scene
from schemas.errors import ConfigurationError
from warehouse.bounded import rows
from warehouse.catalogue import qualified
from warehouse.retention import held_records
from warehouse.subject import Subject, array

TIMEOUT_S = 600.0
_RECORDS = """
SELECT DISTINCT record_key FROM `sales.interactions` WHERE interaction_id IN UNNEST(@interactions)
"""


def refuse_held(scene: Scene, client: bigquery.Client, subject: Subject) -> None:
    """ConfigurationError where anything of the person, or an interaction of theirs, is on hold."""
    retention = scene.settings.retention
    says = f"[retention] legal_hold in {scene.stack.settings or 'the settings'} says so"
    if retention.holds_all:
        raise ConfigurationError(f"everything is on legal hold, {says}: nobody is erased meanwhile")
    if not retention.held:
        return
    asked = rows(
        client,
        qualified(_RECORDS, client.project),
        [array("interactions", subject.interactions)],
        timeout_s=TIMEOUT_S,
    )
    known = subject.identifiers
    theirs = {*known.records, *known.emails, *(row.record_key for row in asked)}
    held = theirs & {*held_records(client, retention.held), *retention.held}
    if held:
        raise ConfigurationError(
            f"{len(held):,} records or interactions of theirs are on legal hold, {says}: they are "
            "erased when it is over"
        )
