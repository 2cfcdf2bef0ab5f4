"""The records of a warehouse, or of a file, in the engine that weighs them, with what people
decided: what the commands on identity ask."""

import gc
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from google.cloud import bigquery
from rich.progress import track

from operations.console import console, errors
from operations.identity.reading_whole import BYTES_A_RECORD, check_room, reading_whole
from operations.identity.record_files import read_records
from operations.identity.resolve import model_of, show_unreadable
from operations.identity.settings_in_use import settings_in_use
from operations.place import Place, warehouse_at
from schemas.decision import Verdict
from schemas.errors import ConfigurationError
from schemas.identity import IdentityRecord, Link, Override, StoredRecord
from transforms.identity.records import from_stored
from transforms.identity.weighed.explain import Verdicts
from transforms.identity.weighed.extraction import NO_SETTINGS
from transforms.identity.weighed.messages import Ruling
from transforms.identity.weighed.resolver import Resolver
from transforms.identity.weighed.weights import Model
from transforms.settings import Settings
from warehouse.latest import latest

NO_RECORDS = "the warehouse has no records yet: import or poll something first"


class Known(NamedTuple):
    """All records as weighed; `links` are the published ones, by record, none of a file."""

    resolver: Resolver
    every: Sequence[IdentityRecord]
    """Also those that were merged away, and what was deleted."""
    settings: Settings
    overrides: Sequence[Override]
    """The newest decision on each pair that is not taken back."""
    alone: dict[str, str]
    """Record to the entity that it had if nobody had decided anything."""
    links: dict[str, Link]

    @property
    def records(self) -> list[IdentityRecord]:
        """Those that live."""
        return [record for record in self.every if not record.deleted]

    @property
    def model(self) -> Model:
        """The model that the records are weighed with."""
        return self.resolver.judge.model

    @property
    def verdicts(self) -> Verdicts:
        """What people decided, by pair."""
        return {(one.left_key, one.right_key): one.verdict for one in self.overrides}

    @property
    def audited(self) -> dict[str, str | int]:
        """As ops.audit may hold it: under which model, and how many were read."""
        return {"model": self.model.version, "records": len(self.every)}

    @property
    def by_key(self) -> dict[str, IdentityRecord]:
        """The records by key."""
        return {record.record_key: record for record in self.records}


def known(
    place: Place,
    file: Path | None,
    model: str | None,
    region: str = "US",
    bytes_a_record: int = BYTES_A_RECORD,
) -> Known:
    """What a command on identity asks: the warehouse of a place, or a file of records.

    `model` is shipped, fit or a file, as of `resolve`; by default a file of records has a model
    fitted to it, and the warehouse is weighed as its stream weighs: with the model of the settings,
    or the shipped one where these go by exact identifiers. ConfigurationError where this machine
    has no room for `bytes_a_record` of each.
    """
    if file is not None:
        return of_records(records_of_file(file, region), model or "fit")
    # Before the warehouse is read, which may take minutes: what is amiss with them is told at once.
    with settings_in_use(place) as settings:
        with (
            warehouse_at(place) as client,
            errors.status("reading the warehouse"),
            reading_whole(place),
        ):
            check_room(client, bytes_a_record)
            records = [from_stored(row) for row in latest(client, StoredRecord)]
            overrides = standing(client)
            links = {
                link.record_key: link for link in latest(client, Link) if link.entity_id is not None
            }
        if not records:
            raise ConfigurationError(NO_RECORDS)
        return of_records(records, model or model_in_use(settings), settings, overrides, links)


def model_in_use(settings: Settings) -> str:
    """The model of a stack, as `of_records` takes it."""
    return "shipped" if settings.identity_model == "exact" else settings.identity_model


def records_of_file(file: Path, region: str = "US") -> list[IdentityRecord]:
    """The records of a CSV; unreadable rows are told."""
    bad: list[tuple[int, str]] = []
    records = list(
        track(read_records(file, region, bad), "reading", console=errors, transient=True)
    )
    show_unreadable(bad)
    if not records:
        raise ConfigurationError(f"{file}: no row could be read")
    return records


def standing(client: bigquery.Client) -> list[Override]:
    """The newest decision on each pair, without those that are taken back."""
    return [one for one in latest(client, Override) if one.verdict != "withdrawn"]


def of_records(
    records: Iterable[IdentityRecord],
    model: str,
    settings: Settings = NO_SETTINGS,
    overrides: Sequence[Override] = (),
    links: dict[str, Link] | None = None,
) -> Known:
    """Weighs records under a model, first as if nobody had decided anything."""
    every = list(records)
    resolver = resolved(every, model_of(model, every, settings), settings)
    alone = {key: placed.entity_id for key, placed in resolver.placed().items()}
    rule(resolver, overrides)
    return Known(resolver, every, settings, overrides, alone, links or {})


def resolved(records: Sequence[IdentityRecord], model: Model, settings: Settings) -> Resolver:
    """The records in the engine."""
    resolver = Resolver(model, settings=settings)
    # The engine makes no cycles: to look for them among millions of records only takes time.
    gc.disable()
    try:
        for record in track(records, "weighing", console=errors, transient=True):
            resolver.receive(record)
    finally:
        gc.enable()
    return resolver


def rule(resolver: Resolver, overrides: Iterable[Override]) -> None:
    """Tells the engine what people decided."""
    resolver.rule(
        Ruling(
            one.left_key,
            one.right_key,
            cast(Verdict, one.verdict),
            (one.decided_at, 0, one.decision_id),
        )
        for one in overrides
    )


def say(text: str) -> None:
    """Prints text that others have written parts of: no markup, no control characters."""
    console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """The text without what would command a terminal; lines stay."""
    return "\n".join(
        "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
        for line in text.split("\n")
    )
