"""Plain text of a mail: tidy lines, and no quoted history."""

import re

LONGEST_BODY = 100_000
"""Characters of a body that are kept."""
SNIPPET = 200
"""Characters of a snippet, as the column says."""
BODY_CUT = "body_truncated"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_WROTE_LINE = " wrote:\n"
LONGEST_ATTRIBUTION = 500
_DIGIT = re.compile(r"\d")
_BLANKS = re.compile(r"\n{3,}")
_WROTE = (
    r"(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|napisał\(a\)|"
    r"написал|пишет|kirjoitti|yazdı)"
)
_ATTRIBUTION = re.compile(rf"(?:[^\n]{{0,300}}\s)?{_WROTE}\b[^\n]{{0,120}}:\s*\Z")
_OPENINGS = ("On ", "Am ", "Le ", "El ")
# From here on everything is somebody else's older mail.
_HISTORY = re.compile(
    r"^(?:-{2,} ?(?:Original Message|Original Appointment|Ursprüngliche Nachricht|"
    r"Message d'origine|Mensaje original|Messaggio originale|Mensagem original|"
    r"Oorspronkelijk bericht|Исходное сообщение) ?-{2,}"
    r"|_{20,}\n+(?:From|Von|De|Da|Van): "
    r"|(?:-{5,}+ ?[^\n-]{1,60}-{2,}+\n+)?"  # Forwarded message
    r"\*?(?:From|Von|De|Da|Van):\*? [^\n]+\n(?:\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado|"
    r"Inviato|Verzonden|Data):))",
    re.MULTILINE,
)


def tidy(text: str) -> str:
    """Lines without trailing space, never more than one empty line, no control characters."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.replace("\n", " ").replace("\t", " ").isprintable():
        text = _CONTROL.sub("", text)
    text = "\n".join([line.rstrip() for line in text.split("\n")])
    return _BLANKS.sub("\n\n", text).strip()


def without_history(text: str) -> str:
    """The text without what it quotes; all of it where nothing else is left (a bare forward)."""
    kept = text
    history = _HISTORY.search(kept)
    if history is not None:
        kept = kept[: history.start()]
    attributed = _attribution(kept)
    if attributed >= 0:
        kept = kept[:attributed]
    if kept.startswith(">") or "\n>" in kept:
        kept = _without_quoted_lines(kept)
    kept = kept.strip()
    return kept or text


def _attribution(text: str) -> int:
    """Where `On <date>, <name> wrote:` begins, on one line or two, if what follows is not marked
    as a quotation; -1 where there is none."""
    end = text.find(_WROTE_LINE)
    while end >= 0:
        line = text.rfind("\n", 0, end) + 1
        if not text.startswith("On ", line) and line:
            line = text.rfind("\n", 0, line - 1) + 1
        after = text[end + len(_WROTE_LINE) : end + len(_WROTE_LINE) + 3].lstrip()
        stamped = text.startswith("On ", line) and end - line <= LONGEST_ATTRIBUTION
        if stamped and not after.startswith(">") and _DIGIT.search(text, line, end):
            return line
        end = text.find(_WROTE_LINE, end + 1)
    return -1


def _without_quoted_lines(text: str) -> str:
    kept: list[str] = []
    quoting = False
    for line in text.split("\n"):
        if line.startswith(">"):
            if not quoting:
                _drop_attribution(kept)
            quoting = True
        else:
            quoting = False
            if line or (kept and kept[-1]):
                kept.append(line)
    return "\n".join(kept)


def _drop_attribution(lines: list[str]) -> None:
    """Takes `On <date>, <name> wrote:` off the end, on one line or two."""
    place = len(lines)
    while place and not lines[place - 1]:
        place -= 1
    if not place or not lines[place - 1].endswith(":"):
        return
    last = lines[place - 1]
    before = lines[place - 2] if place > 1 else ""
    is_second = before.startswith(_OPENINGS) and not last.startswith(_OPENINGS)
    whole = f"{before} {last}"
    if len(last) <= LONGEST_ATTRIBUTION and _ATTRIBUTION.match(last):
        del lines[place - 1 - is_second :]
    elif (
        is_second
        and len(whole) <= LONGEST_ATTRIBUTION
        and _DIGIT.search(before)
        and _ATTRIBUTION.match(whole)
    ):
        # `Am <date> schrieb <name>`, and on the next line `<address>:`.
        del lines[place - 2 :]


def snippet(text: str) -> str:
    """The first 200 characters on one line."""
    return " ".join(text[: SNIPPET * 4].split())[:SNIPPET].rstrip()
