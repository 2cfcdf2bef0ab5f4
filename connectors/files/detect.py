"""What a file holds, told from its name and its first bytes."""

import io
import re
from pathlib import PurePosixPath

from connectors.files.headings import own_fields, squash
from connectors.files.kinds import EML, MBOX, OBJECT_TYPES, ZIP, Kind
from connectors.files.mbox import is_from_line
from connectors.files.options import NO_MAPPING, ImportOptions
from connectors.files.rows import RawRow, read_rows, sniff
from schemas.errors import ConfigurationError, SkippableError
from schemas.salesforce_id import OBJECT_OF_PREFIX, to18

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
TABLES = (".csv", ".tsv", ".txt", ".tab")
_HEADER_LINE = re.compile(
    rb"(?:Received|Return-Path|Delivered-To|From|To|Date|Subject|Message-ID|MIME-Version|"
    rb"Content-Type|Reply-To|Sender|X-[A-Za-z-]+|DKIM-Signature|ARC-[A-Za-z-]+):",
    re.IGNORECASE,
)
_PERSON_FIELDS = {"given_name", "family_name", "full_name", "emails", "birth_date", "title"}
WHAT_CAN_BE_READ = (
    "mbox, mails (.eml), CSV exports of Salesforce, HubSpot and Dialpad, CSVs of contacts or "
    "accounts, each also as .gz, and zips and folders of these"
)


def kind_of(name: str, head: bytes, options: ImportOptions) -> Kind:
    """The kind of a file by its name and first bytes (unpacked, of a .gz); SkippableError says why
    it is none, and what can be done."""
    name = name.lower().removesuffix(".gz")
    suffix = PurePosixPath(name).suffix
    if not head.strip():
        raise SkippableError("empty")
    if head.startswith(ZIP_MAGIC):
        return ZIP
    if suffix == ".eml":
        return EML
    first_line = head.partition(b"\n")[0]
    if is_from_line(first_line) or (suffix == ".mbox" and head.startswith(b"From ")):
        return MBOX
    if suffix == ".mbox":
        raise SkippableError("no mbox: it does not begin with a From line")
    if suffix not in TABLES and _HEADER_LINE.match(head):
        return EML
    if suffix in TABLES or not suffix:
        return _table(head, options)
    raise SkippableError(f"not a kind that can be read: {WHAT_CAN_BE_READ}")


def _table(head: bytes, options: ImportOptions) -> Kind:
    rows = _sample(head)
    if not rows:
        raise SkippableError("a CSV without a row: its first line must be the headings")
    chosen = options.csv_kind()
    if chosen:
        return chosen
    headings = rows[0].cells
    known = {squash(heading) for heading in headings}
    found = _hubspot(known) or _dialpad(known) or _salesforce(headings, rows[1:])
    found = found or _own(headings, rows[1:], options)
    if found is None:
        raise SkippableError(
            "a CSV with headings that are not known: name its kind (--kind files.contact) and "
            "columns (--map email=Heading)"
        )
    return found


def _sample(head: bytes) -> list[RawRow]:
    layout = sniff(head)
    rows = [row for row in read_rows(io.BytesIO(head), layout) if not row.fault]
    # The last may have been cut off with the head.
    return rows[:-1] if len(rows) > 2 else rows


def _hubspot(known: set[str]) -> Kind | None:
    if not any(name.startswith("recordid") for name in known):
        return None
    if "dealname" in known:
        return Kind("csv", "hubspot", "deal")
    if known & {"firstname", "lastname", "email"}:
        return Kind("csv", "hubspot", "contact")
    if known & {"companydomainname", "companyname"}:
        return Kind("csv", "hubspot", "company")
    return None


def _dialpad(known: set[str]) -> Kind | None:
    if {"callid", "direction"} <= known and known & {"externalnumber", "internalnumber"}:
        return Kind("csv", "dialpad", "call")
    return None


def _salesforce(headings: list[str], rows: list[RawRow]) -> Kind | None:
    places = {squash(heading): place for place, heading in enumerate(headings)}
    # A report names its object's id after the object; one of contacts has Account ID beside it.
    order = ("opportunity", "lead", "contact", "activity", "user", "account")
    for name in ("id", *(f"{one}id" for one in order)):
        place = places.get(name)
        if place is None:
            continue
        for row in rows:
            known = to18(row.cells[place].strip()) if len(row.cells) > place else None
            object_type = OBJECT_OF_PREFIX.get(known[:3]) if known else None
            if object_type not in OBJECT_TYPES["salesforce"]:
                continue
            if object_type and (name in ("id", "activityid") or name == f"{object_type}id"):
                return Kind("csv", "salesforce", object_type)
    return None


def _own(headings: list[str], rows: list[RawRow], options: ImportOptions) -> Kind | None:
    try:
        fields = own_fields(headings, options.mapping)
    except KeyError:
        # Of several files one may lack the heading; whoever reads it says so.
        fields = own_fields(headings, NO_MAPPING)
    except ValueError as error:
        raise ConfigurationError(f"--map {error}: there is no such field") from None
    places = {field: place for place, field in enumerate(fields) if field}
    filled = {
        field
        for field, place in places.items()
        if not rows or any(row.cells[place].strip() for row in rows if len(row.cells) > place)
    }
    if "organisation" in filled and not filled & (_PERSON_FIELDS - {"full_name", "title"}):
        return Kind("csv", "files", "account")
    if filled & (_PERSON_FIELDS - {"title", "birth_date"}):
        return Kind("csv", "files", "contact")
    return None
