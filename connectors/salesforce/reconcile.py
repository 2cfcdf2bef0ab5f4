"""Compares the ids that we hold with those that the org has: finds what no event told.

Records that were purged while nobody looked are gone; records that we lack are read.
"""

from collections.abc import Callable, Iterable, Iterator

from connectors.exclusions import Excluder
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.fetch import chunks, fetched, records_by_id
from connectors.salesforce.keyset import opened
from connectors.salesforce.records import gone
from connectors.salesforce.shapes import Shape
from connectors.salesforce.soql import quoted_id, select
from connectors.stream import Page
from schemas.errors import RetriableError, SkippableError
from schemas.salesforce_id import to18

Known = Callable[[str], Iterable[str]]
"""Object type to the ids of the records that we hold and that are not gone: from the warehouse."""

FEW = 20
"""So many may vanish whatever their share: of a small object one record is much."""


class OutOfSight(SkippableError):
    """So many records are missing at once that nothing is said to be gone."""


def reconciliation(
    client: SalesforceClient, shape: Shape, known: Known, excluder: Excluder
) -> Iterator[Page]:
    """Pages without a cursor. OutOfSight where so many are missing that it is more likely that
    we lost sight of them: then nothing is said to be gone."""
    ours = {record_id for one in known(shape.object_type) if (record_id := to18(one))}
    held = len(ours)
    lacking: list[str] = []
    for theirs, is_deleted in _ids(client, shape):
        if theirs in ours:
            ours.discard(theirs)
        elif not is_deleted:
            lacking.append(theirs)
    if len(ours) > max(FEW, held * client.settings.most_gone_share):
        raise OutOfSight(
            f"salesforce {shape.name}: {len(ours)} of {held} records are out of sight at once: "
            "does the integration user still have View All Data?"
        )
    for chunk in chunks(sorted(ours)):
        # Asked for by name, too: a list that was read over minutes may have missed one.
        found, moment = records_by_id(client, shape, ("Id",), chunk)
        there = {one.get("Id") for one in found}
        if moment is None:
            raise RetriableError(f"salesforce {shape.name}: an answer without a Date")
        changes = [gone(shape, one, moment, moment) for one in chunk if one not in there]
        kept = tuple(one for one in changes if not excluder.record(one))
        yield Page(kept, {}, excluded=len(changes) - len(kept), notes={"vanished": len(kept)})
    for chunk in chunks(lacking):
        page = fetched(client, shape, chunk, excluder)
        yield page._replace(notes={**page.notes, "lacked": len(page.changes)})


def _ids(client: SalesforceClient, shape: Shape) -> Iterator[tuple[str, bool]]:
    """Every id of the org, in the order of ids: a long reading misses none that stays."""
    after = ""
    while True:
        condition = f" WHERE Id > {quoted_id(after)}" if after else ""
        rest = f"{condition} ORDER BY Id LIMIT {client.settings.page_rows}"
        answer = client.query(select(("Id", "IsDeleted"), shape.name, rest))
        page, done, _ = opened(answer, shape.name)
        for one in page:
            yield str(one.get("Id")), one.get("IsDeleted") is True
        # A page may be shorter than was asked for, and still not be the last.
        if not page or (done and len(page) < client.settings.page_rows):
            return
        after = str(page[-1].get("Id"))
