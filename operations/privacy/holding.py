"""What is in the way of an erasure: a legal hold, or an order that would itself name the person."""

from google.cloud import bigquery

from operations.privacy.person import Scene
from schemas.errors import ConfigurationError
from warehouse.bounded import rows
from warehouse.catalogue import qualified
from warehouse.retention import held_records
from warehouse.subject import Subject, array
from warehouse.traced import Person

TIMEOUT_S = 600.0
_RECORDS = """
SELECT DISTINCT record_key FROM `sales.interactions` WHERE interaction_id IN UNNEST(@interactions)
"""


def refuse_held(scene: Scene, client: bigquery.Client, subject: Subject) -> None:
    """ConfigurationError where anything of the person, or an interaction of theirs, is on hold."""
    retention = scene.settings.retention
    says = f"[retention] legal_hold in {scene.settings_file or 'the settings'} says so"
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


def refuse_naming(person: Person, **said: str) -> None:
    """ConfigurationError where what is noted of the erasure, for ever, would name who is erased."""
    for name, text in said.items():
        if person.traces.find(text.encode()) is not None:
            raise ConfigurationError(
                f"--{name} names the person who is to be erased, and is kept: write the number of "
                "the case, or who does it"
            )
