"""`salesintel resolve`: a file of records resolved on this machine, without the stack."""

import csv
import gc
import time
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.progress import track

from operations.console import console, counted, errors
from operations.identity.record_files import opened, read_records
from schemas.errors import ConfigurationError
from schemas.identity import IdentityRecord
from transforms.identity.weighed.explain import why
from transforms.identity.weighed.extraction import NO_SETTINGS, Extraction
from transforms.identity.weighed.fitting import fit
from transforms.identity.weighed.resolver import Resolver
from transforms.identity.weighed.weights import SHIPPED, Model, read_model, write_model
from transforms.settings import Settings

MOST_SHOWN = 20
"""Unreadable rows that are shown one by one; all are counted."""


def resolve(
    source: Path,
    out: Path,
    model: str,
    explain: Sequence[str] = (),
    save_model: Path | None = None,
    region: str = "US",
) -> int:
    """Writes id,entity_id,confidence of every record; returns how many rows were unreadable."""
    if out.resolve() == source.resolve():
        raise ConfigurationError("--out would overwrite the records: name another file")
    for file in filter(None, (out, save_model)):
        if file.is_dir() or not file.parent.is_dir():
            raise ConfigurationError(f"{file} cannot be written: name a file in a folder there is")
    bad: list[tuple[int, str]] = []
    records = list(
        track(read_records(source, region, bad), "reading", console=errors, transient=True)
    )
    show_unreadable(bad)
    if not records and bad:
        raise ConfigurationError(f"{source}: no row could be read")
    chosen = model_of(model, records)
    if save_model is not None:
        write_model(chosen, save_model)
    resolver = Resolver(chosen)
    begun = time.perf_counter()
    # The engine makes no cycles: to look for them among millions of records only takes time.
    gc.disable()
    for record in track(records, "resolving", console=errors, transient=True):
        resolver.receive(record)
    gc.enable()
    took = time.perf_counter() - begun
    placed = resolver.placed()
    with opened(out, "wt") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("id", "entity_id", "confidence"))
        for key in resolver.records.keys:
            found = placed[key]
            writer.writerow((key, found.entity_id, f"{found.confidence:.4f}"))
    entities = resolver.components.entities()
    repeated = len(records) - len(placed)
    repeat = "repeats" if repeated == 1 else "repeat"
    again = f"{counted(repeated, 'row')} {repeat} an id and the last counts, " if repeated else ""
    console.print(
        f"[green]{counted(len(placed), 'record')} {'is' if len(placed) == 1 else 'are'} "
        f"{counted(entities, 'entity', 'entities')}[/green], {again}{counted(len(bad), 'row')} "
        f"unreadable; model {escape(chosen.version)}; {len(records) / max(took, 1e-9):,.0f} "
        f"records a second; written to {escape(str(out))}",
        soft_wrap=True,
    )
    for key in explain:
        console.print(why(resolver, key), markup=False, highlight=False, soft_wrap=True)
    return len(bad)


def model_of(
    name: str, records: Sequence[IdentityRecord], settings: Settings = NO_SETTINGS
) -> Model:
    """The shipped model, one fitted to these records (fit), or that of a file."""
    if name == "shipped":
        return SHIPPED
    if name != "fit":
        if not Path(name).exists():
            raise ConfigurationError(f"--model {name}: it is shipped, fit, or a model's file")
        return read_model(Path(name))
    known = Extraction(settings).all_features(records)
    with errors.status("fitting a model") as status:
        return fit(known.items(), lambda text: status.update(text))


def show_unreadable(bad: Sequence[tuple[int, str]]) -> None:
    """Tells of rows that could not be read, the first of many one by one."""
    for line, what in bad[:MOST_SHOWN]:
        errors.print(f"line {line:,}: {what}", markup=False, highlight=False, soft_wrap=True)
    if len(bad) > MOST_SHOWN:
        errors.print(f"… and {len(bad) - MOST_SHOWN:,} more")
