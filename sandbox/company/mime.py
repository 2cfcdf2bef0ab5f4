"""Mails as bytes: plain and HTML, replies with what they quote, and a few that are broken."""

import base64
import random
import textwrap
from datetime import UTC, datetime
from email.utils import format_datetime

from sandbox.company.words import SENTENCES

LONG_HTML_PARAGRAPHS = 160


def header_text(text: str) -> str:
    """A header's text, as an encoded word where it is not ASCII."""
    if text.isascii():
        return text
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


def mailbox(name: str, address: str) -> str:
    """`"Family, Given" <address>`, quoted or encoded as need be."""
    shown = header_text(name)
    if shown == name and ("," in name or "." in name):
        shown = f'"{name}"'
    return f"{shown} <{address}>"


def prose(rng: random.Random, sentences: int) -> str:
    """Some sentences, wrapped as mail programs do."""
    text = " ".join(rng.choice(SENTENCES) for _ in range(sentences))
    return "\r\n".join(textwrap.wrap(text, 76))


def quoted(name: str, stamp_us: int, body: str) -> str:
    """What a reply carries of the mail before."""
    when = datetime.fromtimestamp(stamp_us / 1e6, UTC).strftime("%a, %b %d, %Y at %H:%M")
    lines = "\r\n".join("> " + line for line in body.split("\r\n"))
    return f"\r\n\r\nOn {when} {name} wrote:\r\n{lines}\r\n"


def html_of(rng: random.Random, body: str, long: bool) -> str:
    """The same text as a mail program would write it in HTML."""
    paragraphs = body.split("\r\n\r\n")
    if long:
        paragraphs += [rng.choice(SENTENCES) for _ in range(LONG_HTML_PARAGRAPHS)]
    inner = "".join(
        f'<p class="MsoNormal" style="margin:0;font-family:Calibri">{text}</p>\r\n'
        for text in paragraphs
    )
    style = "p.MsoNormal{margin:0cm;font-size:11.0pt;font-family:Calibri,sans-serif}"
    return f"<html><head><style>{style}</style></head><body>{inner}</body></html>"


def compose(
    rng: random.Random,
    *,
    sender: str,
    to: str,
    cc: str,
    subject: str,
    stamp_us: int,
    message_id: str,
    references: tuple[str, ...],
    body: str,
    extra: tuple[str, ...] = (),
    broken: str = "",
) -> bytes:
    """A mail; `broken` names what is wrong with it: date, message-id or charset."""
    date = format_datetime(datetime.fromtimestamp(stamp_us // 1_000_000, UTC))
    headers = [f"From: {sender}", f"To: {to}"]
    headers += [f"Cc: {cc}"] if cc else []
    headers += [f"Subject: {header_text(subject)}"]
    headers += [] if broken == "date" else [f"Date: {date}"]
    headers += [] if broken == "message-id" else [f"Message-ID: <{message_id}>"]
    if references:
        headers += [f"In-Reply-To: <{references[-1]}>"]
        headers += ["References: " + " ".join(f"<{one}>" for one in references)]
    headers += [*extra, "MIME-Version: 1.0"]
    kind = rng.random()
    if kind < 0.55 or broken:
        charset = "x-unknown-8bit" if broken == "charset" else "utf-8"
        headers += [
            f'Content-Type: text/plain; charset="{charset}"',
            "Content-Transfer-Encoding: 8bit",
        ]
        return ("\r\n".join(headers) + "\r\n\r\n" + body + "\r\n").encode()
    boundary = f"=_{rng.getrandbits(64):016x}"
    html = html_of(rng, body, long=kind > 0.94)
    encoded = base64.encodebytes(html.encode()).decode().replace("\n", "\r\n")
    inner = (
        f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n"
        f"--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}"
    )
    subtype = "alternative"
    if 0.85 < kind < 0.9:
        subtype = "mixed"
        inner += (
            f'--{boundary}\r\nContent-Type: application/pdf; name="offer.pdf"\r\n'
            "Content-Transfer-Encoding: base64\r\n"
            'Content-Disposition: attachment; filename="offer.pdf"\r\n\r\n'
            f"{base64.b64encode(rng.randbytes(600)).decode()}\r\n"
        )
    headers += [f'Content-Type: multipart/{subtype}; boundary="{boundary}"']
    return ("\r\n".join(headers) + f"\r\n\r\n{inner}--{boundary}--\r\n").encode()
