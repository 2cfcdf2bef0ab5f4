"""`salesintel export-person`: everything that is held of a person, for who asks for access.

GDPR, articles 15 and 20: a copy, in a structured and common format, with what each column means.
"""

import base64
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from google.cloud import bigquery

from connectors.objects import ObjectStore
from operations.audit import audited
from operations.console import console
from operations.payloads import claim_of, objects_of, with_payload
from operations.place import Place
from operations.privacy.person import Asked, Scene
from operations.runs import noted_run
from schemas.clock import from_us, wall_clock
from schemas.columns import Column, Row, Table, columns
from schemas.errors import ConfigurationError
from schemas.tables import TABLES
from warehouse.clients import bigquery_client
from warehouse.traced import Person, rows

GONE = "not kept any more"
FORMATS = (".json", ".zip")
HOW = (
    "What is held of you, a list of rows for each table that has any. A column is explained under "
    "'columns'. Payloads above 7 MB, which are kept apart, stand in the rows that they belong to. "
    "Rows also name others who took part in the same interactions: whoever answers the request "
    "decides what of that may be given (GDPR, article 15, paragraph 4)."
)


def export_person(place: Place, asked: Asked, out: Path, *, by: str | None = None) -> int:
    """Writes the file, for its owner alone; rows in it. ConfigurationError where it is not clear
    who is meant, or where the file is there."""
    if out.suffix not in FORMATS:
        raise ConfigurationError(f"--out {out.name}: end it in {' or '.join(FORMATS)}")
    if out.exists():
        raise ConfigurationError(f"{out} is there: name another file")
    if not os.access(out.parent, os.W_OK | os.X_OK) or not out.parent.is_dir():
        raise ConfigurationError(
            f"--out {out}: {out.parent} is no folder that you may write to: make it first"
        )
    scene, objects = Scene.of(place), objects_of(place)
    client = bigquery_client(scene.endpoint)
    try:
        with (
            audited(
                scene.endpoint, "export-person", asked.audited(scene.key), must=True, by=by
            ) as deed,
            noted_run(scene.endpoint, "export-person") as run,
            console.status("reading what is held …") as status,
        ):
            person = scene.person(scene.subject(client, asked))
            tables = dict(held_of(client, person, objects, status.update))
            count = sum(map(len, tables.values()))
            _write(out, document(person, tables))
            deed.rows_given = run.changes = count
    finally:
        client.close()
    console.print(f"{count:,} rows of {len(tables)} tables: {out}", highlight=False)
    return count


def held_of(
    client: bigquery.Client,
    person: Person,
    objects: ObjectStore,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Tables in which something is held of a person, each with its rows as they are shown."""
    complete = partial(with_payload, objects)
    for table in TABLES:
        say(f"reading {table.id} …")
        found = rows(client, table, person, theirs=True, complete=complete)
        if held := [shown(one.row) for one in found]:
            yield table.id, held


def document(person: Person, tables: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The whole export."""
    known = person.subject.identifiers
    by_id = {table.id: table for table in TABLES}
    return {
        "about": HOW,
        "made_at": from_us(wall_clock()).isoformat(timespec="seconds"),
        "known_by": {
            "E-mail addresses": known.emails,
            "Phone numbers": known.phones,
            "Names": known.names,
            "Records": known.records,
        },
        "tables": [
            {
                "table": table_id,
                "description": by_id[table_id].description,
                "columns": dict(_explained(by_id[table_id])),
                "rows": held,
            }
            for table_id, held in tables.items()
        ],
    }


def shown(row: Row) -> dict[str, Any]:
    """A row with the names that people read, without what is empty."""
    told = {
        human(column): _value(column, value)
        for column in columns(type(row))
        if (value := getattr(row, column.name)) not in (None, "", (), b"")
    }
    # What was kept apart is gone, and nobody has to guess it.
    return {"Payload": GONE, **told} if claim_of(row) else told


def human(column: Column) -> str:
    """`is_deleted` as `Is deleted`."""
    return column.name.replace("_", " ").capitalize()


def _explained(table: Table) -> Iterator[tuple[str, str]]:
    yield from ((human(column), column.description) for column in columns(table.row))


def _value(column: Column, value: Any) -> Any:
    if column.kind == "TIMESTAMP":
        return from_us(value).isoformat()
    if column.kind == "DATE":
        return from_us(value * 86_400_000_000).date().isoformat()
    if column.kind == "JSON":
        return json.loads(value)
    if column.kind == "BYTES":
        try:
            return value.decode()
        except UnicodeDecodeError:
            return f"base64: {base64.b64encode(value).decode()}"
    return value


def _write(out: Path, whole: Mapping[str, Any]) -> None:
    text = json.dumps(whole, ensure_ascii=False, indent=2)
    data = text.encode("utf-8", "backslashreplace")
    if out.suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("what-is-held.json", data)
        data = packed.getvalue()
    # Of nobody else on this machine.
    made = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(made, "wb") as stream:
        stream.write(data)
