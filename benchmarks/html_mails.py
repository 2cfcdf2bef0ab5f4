"""HTML mails of 20 KB and more, as Outlook, a newsletter and a Gmail reply look; seeded."""

import random
from email.message import EmailMessage

from sandbox.company.words import SENTENCES

SMALLEST, LARGEST = 20_000, 60_000
"""Characters of HTML."""

_ENCODINGS = ("quoted-printable", "base64", "8bit")
_STYLE = (
    "@font-face{font-family:Calibri;panose-1:2 15 5 2 2 2 4 3 2 4;} "
    "p.MsoNormal,li.MsoNormal{margin:0cm;font-size:11.0pt;font-family:Calibri,sans-serif} "
    "a:link{color:#0563C1;text-decoration:underline} @media (max-width:600px){.w{width:100%}} "
)


def html_mail(number: int, seed: int = 5) -> bytes:
    """A mail whose only text is HTML; no two are alike."""
    rng = random.Random(seed * 1_000_003 + number)
    mail = EmailMessage()
    mail["From"] = f'"Byron{number}, Ada" <ada.byron{number}@customer{number % 90}.example>'
    mail["To"] = "Rex Roe <rex.roe@own.example>, sales@own.example"
    mail["Subject"] = f"{rng.choice(SENTENCES)[:50]} ({number})"
    mail["Date"] = "Sat, 31 Jan 2026 08:00:00 +0000"
    mail["Message-ID"] = f"<{number}.{rng.getrandbits(64):x}@mail.customer.example>"
    block = (_outlook, _newsletter, _reply)[number % 3]
    wanted = rng.randrange(SMALLEST, LARGEST)
    blocks, size = [], 0
    while size < wanted:
        blocks.append(block(rng))
        size += len(blocks[-1])
    body = "\r\n".join(blocks)
    if block is _reply:
        body = f'<div dir="ltr">{body}</div>{_history(rng)}'
    html = f"<html><head><style>{_STYLE * 3}</style></head><body>{body}</body></html>"
    mail.set_content(html, subtype="html", cte=_ENCODINGS[number // 3 % 3])
    return mail.as_bytes()


def _outlook(rng: random.Random) -> str:
    text = f"{rng.choice(SENTENCES)} <b>{rng.choice(SENTENCES)}</b>&nbsp;{rng.choice(SENTENCES)}"
    return (
        '<p class="MsoNormal"><span lang="EN-US" style="font-size:11.0pt;color:#1F497D">'
        f"{text}<o:p></o:p></span></p>"
    )


def _newsletter(rng: random.Random) -> str:
    link = f"https://click.example/t/{rng.getrandbits(160):040x}?a=1&amp;b={rng.getrandbits(32)}"
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" width="100%"><tr>'
        '<td style="padding:12px 24px;font-family:Arial,sans-serif;line-height:1.5" class="w">'
        f'<a href="{link}" style="color:#0a66c2"><img src="{link}" alt="" width="1"></a>'
        f"{rng.choice(SENTENCES)} caf\u00e9 &amp; more &ndash; {rng.choice(SENTENCES)}</td>"
        f"<td>{rng.randrange(9_999)}.00&nbsp;&euro;</td></tr></table><!-- block -->"
    )


def _reply(rng: random.Random) -> str:
    return f"<div>{rng.choice(SENTENCES)}<br>{rng.choice(SENTENCES)} &gt; 5&#37;</div>"


def _history(rng: random.Random) -> str:
    said = "".join(f"<div>{rng.choice(SENTENCES)}</div>" for _ in range(40))
    return (
        '<div class="gmail_quote"><div class="gmail_attr">On Sat, Rex Roe wrote:<br></div>'
        f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex">{said}</blockquote></div>'
    )
