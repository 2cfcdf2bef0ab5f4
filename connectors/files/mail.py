"""A mail from a file as the change that Gmail's API would have given.

The payload is a users.messages resource in format `raw`, with the mailbox.
https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

import re
from base64 import urlsafe_b64encode
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import PurePosixPath

import msgspec

from connectors.files.stamps import parse_mail_date
from schemas.change import Change, new_change, opaque_id
from schemas.errors import InvalidPayload

MAX_HEADER_BYTES = 1024 * 1024
LONGEST_VALUE = 8_000
"""Characters of a header that are read."""

# Takeout: "From 1790000000000000000@xxx Sat Jan 31 08:00:00 +0000 2026", the id in decimal.
_GMAIL_FROM = re.compile(rb"From (\d{15,20})@xxx\b")
_ASCTIME = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+([A-Z][a-z]{2})\s+(\d{1,2})\s+(\d{1,2}:\d{2}(?::\d{2})?)"
    rb"\s*([+-]\d{4})?\s*[A-Z]{0,5}\s*(\d{4})"
)
_TAKEOUT_HEADERS = re.compile(
    rb"^X-(?:GM-THRID|Gmail-Labels):.*\r?\n(?:[ \t].*\r?\n)*", re.M | re.I
)
_ADDRESS = re.compile(r"[^\s<>@,;\"]+@[^\s<>@,;\"]+\.[^\s<>@,;\"]+")
_MESSAGE_ID = re.compile(r"<([^<>]+)>")
_LABEL = re.compile(r'(?:"[^"]*"|[^,])+')
_LABELS = {
    "inbox": "INBOX",
    "sent": "SENT",
    "draft": "DRAFT",
    "drafts": "DRAFT",
    "spam": "SPAM",
    "trash": "TRASH",
    "bin": "TRASH",
    "unread": "UNREAD",
    "starred": "STARRED",
    "important": "IMPORTANT",
    "chat": "CHAT",
    "category personal": "CATEGORY_PERSONAL",
    "category social": "CATEGORY_SOCIAL",
    "category promotions": "CATEGORY_PROMOTIONS",
    "category updates": "CATEGORY_UPDATES",
    "category forums": "CATEGORY_FORUMS",
}
"""Takeout's English names of Gmail's own labels to the ids that the API has."""

_JSON = msgspec.json.Encoder()


def mail_change(
    source: bytes, from_line: bytes, *, mailbox: str, file_name: str, as_of: int
) -> Change:
    """The change of one mail; InvalidPayload where there is nothing in it.

    Its id is Gmail's own where Takeout gives it, else a hash of the Message-ID, else of the bytes.
    Its stamp is when the mailbox got it, else its Date, else `as_of`.
    """
    if not source.strip():
        raise InvalidPayload("a mail without a byte in it")
    head, rest = _parted(source)
    headers = _headers(head)
    box = mailbox or _address(headers.get("delivered-to", ""))
    box = (box or _address(PurePosixPath(file_name).stem)).lower()
    gmail_id = (
        _hexadecimal(found.group(1).decode()) if (found := _GMAIL_FROM.match(from_line)) else ""
    )
    received = _from_date(from_line)
    thread = headers.get("x-gm-thrid", "")
    known = {"x-gm-thrid", "x-gmail-labels"}.intersection(headers)
    raw = _TAKEOUT_HEADERS.sub(b"", head) + rest if known else source
    payload = {
        "mailbox": box or None,
        "id": gmail_id or None,
        "threadId": _hexadecimal(thread) or None,
        "labelIds": _labels(headers.get("x-gmail-labels", "")),
        "internalDate": None if received is None else str(received // 1_000),
        "raw": urlsafe_b64encode(raw).decode("ascii"),
    }
    bracketed = _MESSAGE_ID.search(headers.get("message-id", ""))
    message_id = bracketed.group(1).strip() if bracketed else ""
    if gmail_id:
        object_id = gmail_id
    elif message_id:
        object_id = opaque_id("message-id", message_id, box)
    else:
        object_id = opaque_id("bytes", raw.decode("latin-1"), box)
    stamp = received if received is not None else parse_mail_date(headers.get("date", ""))
    stamp = as_of if stamp is None else stamp
    return new_change(
        "gmail",
        "message",
        object_id,
        _JSON.encode(payload),
        stamp=stamp,
        fetched=stamp,
        lane="import",
    )


def _parted(source: bytes) -> tuple[bytes, bytes]:
    """Header block with its last line end, and the rest."""
    found = re.compile(rb"\r?\n(?=\r?\n)").search(source, 0, MAX_HEADER_BYTES)
    end = found.end() if found else min(len(source), MAX_HEADER_BYTES)
    return source[:end], source[end:]


def _headers(head: bytes) -> dict[str, str]:
    """Lower-case name to the first value of that name, unfolded."""
    headers: dict[str, list[str]] = {}
    name = ""
    for line in head.decode("utf-8", "replace").split("\n"):
        if line[:1] in " \t\r" and name:
            headers[name].append(line.strip())
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower() if colon else ""
        if name in headers:
            name = ""
        if name:
            headers[name] = [value.strip()]
    return {name: " ".join(lines).strip()[:LONGEST_VALUE] for name, lines in headers.items()}


def _hexadecimal(decimal: str) -> str:
    is_number = decimal.isascii() and decimal.isdecimal() and len(decimal) <= 20
    return f"{int(decimal):x}" if is_number else ""


def _address(text: str) -> str:
    found = _ADDRESS.search(text)
    return found.group() if found else ""


def _from_date(line: bytes) -> int | None:
    found = _ASCTIME.search(b" ".join(line[:LONGEST_VALUE].split()))
    if not found:
        return None
    month, day, time, zone, year = (part.decode() if part else "" for part in found.groups())
    return parse_mail_date(f"{day} {month} {year} {time} {zone or '+0000'}")


def _labels(text: str) -> list[str]:
    if "=?" in text:
        try:
            text = str(make_header(decode_header(text)))
        except (HeaderParseError, LookupError, UnicodeError, ValueError):
            return []
    names = [part.strip().strip('"') for part in _LABEL.findall(text)]
    return [_LABELS.get(name.lower(), name) for name in names if name]
