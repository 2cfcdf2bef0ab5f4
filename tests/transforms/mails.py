"""Mails as bytes, and the changes that bring them, for tests of the parser and the normaliser."""

import json
from base64 import urlsafe_b64encode
from typing import Any, cast

from crm_changes import SETTINGS, interaction

from schemas.change import Change, Operation, new_change
from schemas.identity import IdentityRecord
from schemas.records import Interaction, Participant
from transforms.mime.message import Mail, read_mail
from transforms.settings import Settings

STAMP = 1_769_846_400_000_000
"""2026-01-31 08:00 UTC."""
DATE = "Sat, 31 Jan 2026 08:00:00 +0000"
MAILBOX = "rep@own.example"


def a_mail(*headers: str, body: str | bytes = "Hello there\n") -> bytes:
    """A mail of these header lines; a header that is given goes before the usual one."""
    given = {line.partition(":")[0].lower() for line in headers}
    usual = {
        "from": "From: Ada Byron <ada@their.example>",
        "to": f"To: {MAILBOX}",
        "date": f"Date: {DATE}",
        "message-id": "Message-ID: <one@their.example>",
        "subject": "Subject: Hello",
    }
    lines = [*headers, *(line for name, line in usual.items() if name not in given)]
    # A header without a value stands for one that is not there.
    lines = [line for line in lines if not line.endswith(": -")]
    raw = body if isinstance(body, bytes) else body.encode()
    return "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n\n" + raw


def a_part(body: str | bytes, *headers: str) -> bytes:
    raw = body if isinstance(body, bytes) else body.encode()
    return "".join(f"{line}\n" for line in headers).encode() + b"\n" + raw


def multipart(kind: str, *parts: bytes, boundary: str = "=_b") -> bytes:
    """A mail, or a part, that holds these parts."""
    mark = b"--" + boundary.encode()
    inner = b"".join(mark + b"\n" + part + b"\n" for part in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n'.encode()
    return head + inner + mark + b"--\n"


def text_of(raw: bytes) -> str:
    return read_mail(raw).text


def read(*headers: str, body: str | bytes = "Hello there\n") -> Mail:
    return read_mail(a_mail(*headers, body=body))


def a_message(
    raw: bytes, /, *, object_id: str = "18f", operation: str = "upsert", **fields: Any
) -> Change:
    """The change of a Gmail message; a field that is None is left out."""
    resource = {
        "id": object_id,
        "threadId": "17a",
        "labelIds": ["INBOX"],
        "internalDate": str(STAMP // 1_000),
        "mailbox": MAILBOX,
        "raw": urlsafe_b64encode(raw).decode(),
        **fields,
    }
    payload = json.dumps({name: one for name, one in resource.items() if one is not None}).encode()
    return new_change(
        "gmail",
        "message",
        object_id,
        payload if operation == "upsert" else b"",
        stamp=STAMP,
        fetched=STAMP + 1,
        operation=cast(Operation, operation),
    )


def normalised(
    *headers: str,
    body: str | bytes = "Hello there\n",
    settings: Settings = SETTINGS,
    **fields: Any,
) -> tuple[Interaction, list[Participant], tuple[IdentityRecord, ...]]:
    """Interaction, participants and records of a mail with these headers."""
    return interaction(a_message(a_mail(*headers, body=body), **fields), settings)
