"""What a file holds, told from its name and its first bytes."""

import io
import re
from pathlib import PurePosixPath

from connectors.files.headings import distinct, mapped_fields, squash
from connectors.files.kinds import EML, MBOX, OBJECT_TYPES, ZIP, Kind
from connectors.files.mbox import is_from_line
from connectors.files.options import ImportOptions
from connectors.files.rows import RawRow, read_rows, sniff
from schemas.errors import SkippableError
from schemas.salesforce_id import OBJECT_OF_PREFIX, to18

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
TABLES = (".csv", ".tsv", ".txt", ".tab")
_HEADER_LINE = re.compile(
    rb"(?:Received|Return-Path|Delivered-To|From|To|Date|Subject|Message-ID|MIME-Version|"
    rb"Content-Type|Reply-To|Sender|X-[A-Za-z-]+|DKIM-Signature|ARC-[A-Za-z-]+):",
    re.IGNORECASE,
)
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
    header, rows = _sample(head)
    headings = header.cells
    wider = [row for row in rows if len(row.cells) > len(headings)]
    one_above_many = len(headings) == 1 and 2 * len(wider) > len(rows)
    if not headings or one_above_many:
        raise SkippableError(_taken_for_headings(header, wider))
    rows = [row for row in rows if not row.fault]
    known = {squash(heading) for heading in headings}
    found = options.csv_kind()
    found = found or _hubspot(known) or _dialpad(known) or _salesforce(headings, rows)
    if found is None or found.source == "files":
        fields = mapped_fields(distinct(headings), options.mapping)
        found = found or _own(fields, rows)
        if found is None or not any(fields):
            raise SkippableError(_taken_for_headings(header, wider))
    return found


def _taken_for_headings(header: RawRow, wider: list[RawRow]) -> str:
    # What the line says is not shown: where headings are missing it is somebody's row.
    than = f", line {wider[0].line} has {len(wider[0].cells)}" if wider else ""
    return (
        f"line {header.line} was taken for the headings (cells: {len(header.cells)}{than}), and "
        "they do not say what the rows are: delete what stands above the headings, or name the "
        "CSV's kind (--kind files.contact) and columns (--map email=Heading)"
    )


def _sample(head: bytes) -> tuple[RawRow, list[RawRow]]:
    """The headings and the rows of the head; a row of the wrong width has a fault."""
    rows = list(read_rows(io.BytesIO(head), sniff(head)))
    if not rows:
        raise SkippableError("a CSV without a row: its first line must be the headings")
    # The last may have been cut off with the head.
    return rows[0], rows[1:-1] if len(rows) > 2 else rows[1:]


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


def _own(fields: list[str], rows: list[RawRow]) -> Kind | None:
    filled = {
        field
        for place, field in enumerate(fields)
        if field and (not rows or any(row.cells[place].strip() for row in rows))
    }
    person = filled & {"given_name", "family_name", "birth_date"}
    # Beside an organisation a name may be its own or its contact's, an address too.
    if "full_name" in filled and filled & {"emails", "title"}:
        person.add("full_name")
    if "organisation" in filled and not person:
        return Kind("csv", "files", "account")
    if filled & {"given_name", "family_name", "full_name", "emails"}:
        return Kind("csv", "files", "contact")
    return None
