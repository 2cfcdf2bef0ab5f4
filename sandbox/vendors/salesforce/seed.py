"""The org as the seeded company has it: the rows of its exports, and some of its mails."""

import email
import random
from email.message import MIMEPart
from email.policy import default
from email.utils import getaddresses
from typing import Any

from sandbox.company import Company
from sandbox.company.ids import salesforce_id
from sandbox.company.world import AS_OF_US, Mail
from sandbox.vendors.salesforce.state import Org, Row, Terms, stamped
from schemas.clock import Clock

_PREFIX = "salesforce/"
MAILS = 40
"""How many mails the org has logged."""


def seeded(company: Company, clock: Clock, terms: Terms | None = None) -> Org:
    """An org that holds the company's records."""
    org = Org(clock, terms or Terms(), random.Random(company.seed))
    for name, rows in company.tables.items():
        if not name.startswith(_PREFIX):
            continue
        entity = name.removeprefix(_PREFIX).removesuffix(".csv")
        for cells in rows:
            if cells["Id"] not in org.table(entity):
                org.put(entity, _row(org, entity, cells), 0)
    for place, mail in enumerate(company.mails[:MAILS]):
        org.put("EmailMessage", _mail(place, mail, company), 0)
    return org


def _row(org: Org, entity: str, cells: dict[str, str]) -> Row:
    types = org.entities[entity].types
    row: Row = {name: _value(types[name], cell) for name, cell in cells.items()}
    row["CreatedDate"] = row["LastModifiedDate"] = row["SystemModstamp"]
    if "IsDeleted" in types:
        row["IsDeleted"] = False
    if "LastName" in types:
        row["Name"] = f"{row.get('FirstName') or ''} {row.get('LastName') or ''}".strip()
    return row


def _value(kind: str, cell: str) -> Any:
    if cell == "":
        return None
    if kind == "boolean":
        return cell == "true"
    if kind == "int":
        return int(cell)
    return float(cell) if kind in ("double", "currency", "percent") else cell


def _mail(place: int, mail: Mail, company: Company) -> Row:
    read = email.message_from_bytes(mail.source, policy=default)
    own = {rep.email for rep in company.reps}
    sender = getaddresses([str(read.get("From", ""))])[0]
    body = read.get_body(("plain",))
    when = stamped(mail.stamp_us)
    return {
        "Id": salesforce_id("EmailMessage", 10_000 + place),
        "IsDeleted": False,
        "CreatedDate": when,
        "LastModifiedDate": when,
        "SystemModstamp": stamped(min(mail.stamp_us, AS_OF_US)),
        "FromAddress": sender[1] or None,
        "FromName": sender[0] or None,
        "ToAddress": _addresses(read.get_all("To", [])),
        "CcAddress": _addresses(read.get_all("Cc", [])),
        "Subject": str(read.get("Subject", "")) or None,
        "TextBody": _text(body) if body is not None else None,
        "Incoming": sender[1] not in own,
        "MessageDate": when,
        "MessageIdentifier": str(read.get("Message-ID", "")).strip() or None,
        "Status": "3",
    }


def _text(part: MIMEPart) -> str:
    """What a mail says; of a few nobody knows the charset."""
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    try:
        return raw.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")


def _addresses(headers: list[Any]) -> str | None:
    found = [address for _, address in getaddresses([str(one) for one in headers]) if address]
    return "; ".join(found) or None
