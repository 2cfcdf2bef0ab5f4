"""One e-mail address in a field, as people and programs write it (RFC 5322, 6531, 5891)."""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

import msgspec

from transforms.identifiers import domain as domains
from transforms.identifiers.clean import as_typed, shown
from transforms.mime.words import decode_words

MOST_LOCAL_OCTETS = 64
"""RFC 5321, 4.5.3.1.1."""
MOST_CHARACTERS = 254
"""RFC 5321, 4.5.3.1.3, less the angle brackets."""
LONGEST_FIELD = 1_000
"""What is longer is prose, not a field with one address in it."""

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_PLAIN = re.compile(rf"({_ATEXT}++(?:\.{_ATEXT}++)*+)@([A-Za-z0-9.-]++)")
_DOT_ATOM = re.compile(
    r'[^\x00-\x20\x7f"(),.:;<>@\[\\\]]++(?:\.[^\x00-\x20\x7f"(),.:;<>@\[\\\]]++)*+'
)
_QUOTED_LOCAL = re.compile(r'"((?:[^"\\\x00-\x1f\x7f]++|\\[ -~])*+)"\s*@([^@]++)')
_ESCAPED = re.compile(r"\\(.)")
_ROUTE = re.compile(r"\s*@[^:<>]*:")
_AROUND_AT = re.compile(r"[ \t\r\n]*@[ \t\r\n]*")
_IN_BRACKETS = re.compile(r"\[(mailto:[^\]\s]*)\]", re.IGNORECASE)
_TOKEN = re.compile(r'"((?:[^"\\]++|\\.)*+)"|([()<>,;"])|([^()<>,;"]++)', re.DOTALL)


class Email(msgspec.Struct, frozen=True, kw_only=True):
    """An e-mail address.

    `address` is the identity: domain in lower-case A-labels, and the local part in lower case too.
    RFC 5321 leaves case to the receiving host, but no provider that we know tells two people apart
    by it, while the sources write one person's address in every case there is. `match_key` is for
    matching alone: without the plus tag, and with Gmail's dots and second domain folded.
    """

    address: str
    match_key: str
    domain: str
    registrable_domain: str
    display_name: str = ""

    @property
    def local(self) -> str:
        """The part before the at sign."""
        return self.address[: -len(self.domain) - 1]


def parse(text: str) -> Email | None:
    """The one address in a field; None where there is none, a broken one, or more than one.

    Read: display names, comments, angle brackets, `mailto:`, routes, quoted local parts, full-width
    and invisible characters, internationalised domains and local parts, a trailing root dot.
    Refused: empty labels and atoms (double or leading dots), labels edged by hyphens, IP literals,
    single-label domains, local parts above 64 octets.
    """
    return None if len(text) > LONGEST_FIELD else _parse(text)


@lru_cache(maxsize=20_000)
def _parse(text: str) -> Email | None:
    plain = _PLAIN.fullmatch(text)
    if plain:
        return _email(plain[1].lower(), plain[2], "")
    if "<" not in text or "@" not in text:
        text = as_typed(text)
    if "[" in text:
        text = _IN_BRACKETS.sub(r"<\1>", text)
    apart = _take_apart(text)
    if apart is None:
        return None
    display, spec = apart
    found = addr_spec(spec)
    if found is None:
        return None
    if "@" in display:
        # Unquoted text before an address may be the same address again, not a second one.
        again = addr_spec(display.strip(" ,;"))
        if again is not None and again.address != found.address:
            return None
    return named(found, display)


def named(email: Email, display: str) -> Email:
    """The address with the name that stands beside it; an address is no name."""
    name = display_name(display)
    if not name or name.lower() == email.address or _PLAIN.fullmatch(name):
        return email
    return msgspec.structs.replace(email, display_name=name)


def display_name(raw: str) -> str:
    """A display name for showing: encoded words decoded, quotes and escapes gone."""
    text = raw.strip()
    if "\\" in text:
        text = _ESCAPED.sub(r"\1", text)
    if "=?" in text:
        text = decode_words(text)
    text = shown(text.replace('"', " ")).strip(" ,;")
    if len(text) > 1 and text[0] == text[-1] == "'":
        text = text[1:-1].strip()
    return text


def _take_apart(text: str) -> tuple[str, str] | None:
    """Display name and address of a field; None where it holds more than one address."""
    outside: list[str] = []
    quoted: list[str] = []
    comments: list[str] = []
    angle: list[str] | None = None
    depth, inside = 0, False
    for token in _TOKEN.finditer(text):
        mark = token[2]
        whole = token[0]
        if depth:
            depth += (mark == "(") - (mark == ")")
            if depth:
                comments.append(whole)
        elif inside and mark != ">":
            assert angle is not None
            angle.append(whole)
        elif mark == "(":
            depth = 1
        elif mark == "<":
            if angle is not None:
                return None
            angle, inside = [], True
        elif mark == ">":
            inside = False
        elif token[1] is not None:
            quoted.append(token[1])
            outside.append(whole)
        elif mark != '"':
            outside.append(whole)
    beside = "".join(outside)
    if angle is not None:
        return beside, "".join(angle)
    spec = beside.strip(" \t\r\n,;")
    if len(quoted) == 1 and spec == f'"{quoted[0]}"':
        spec = quoted[0]
    return "".join(comments), spec


@lru_cache(maxsize=20_000)
def addr_spec(spec: str) -> Email | None:
    """The address that stands alone, or between angle brackets; None where it is none."""
    plain = _PLAIN.fullmatch(spec)
    if plain:
        return _email(plain[1].lower(), plain[2], "")
    if len(spec) > LONGEST_FIELD:
        return None
    text = as_typed(spec).strip()
    if text[:7].lower() == "mailto:":
        text = unquote(text[7:].partition("?")[0]).strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        text = text[1:-1]
    text = _ROUTE.sub("", text, count=1) if text.startswith("@") else text
    quoted = _QUOTED_LOCAL.fullmatch(text)
    if quoted:
        bare = _ESCAPED.sub(r"\1", quoted[1])
        if not _DOT_ATOM.fullmatch(bare):
            escaped = bare.replace("\\", "\\\\").replace('"', '\\"')
            return _email(f'"{_folded(escaped)}"', quoted[2], "") if bare.isprintable() else None
        local, name = bare, quoted[2]
    else:
        local, at, name = _AROUND_AT.sub("@", text).rpartition("@")
        if not at or not _DOT_ATOM.fullmatch(local):
            return None
    return _email(_folded(local), name, "") if local.isprintable() else None


def _folded(local: str) -> str:
    if local.isascii():
        return local.lower()
    for _ in range(3):
        again = unicodedata.normalize("NFC", local.lower())
        if again == local:
            break
        local = again
    return local


def _email(local: str, name: str, display: str) -> Email | None:
    if len(local) > MOST_LOCAL_OCTETS or (
        not local.isascii() and len(local.encode("utf-8", "replace")) > MOST_LOCAL_OCTETS
    ):
        return None
    domain = domains.canonical(name)
    if not domain or len(local) + len(domain) >= MOST_CHARACTERS:
        return None
    key, key_domain = local, domain
    if "+" in local and local[0] not in '+"':
        key = local.partition("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        key, key_domain = key.replace(".", ""), "gmail.com"
    return Email(
        address=f"{local}@{domain}",
        match_key=f"{key}@{key_domain}",
        domain=domain,
        registrable_domain=domains.registrable(domain),
        display_name=display,
    )
