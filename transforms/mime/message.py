"""A mail as the rules need it: headers, text, names of attachments, and what was wrong with it."""

import re
from typing import NamedTuple

from transforms.mime import charsets, html
from transforms.mime.headers import Headers, read_block
from transforms.mime.parts import Leaf, Tree, payload
from transforms.mime.text import BODY_CUT, LONGEST_BODY, tidy, without_history
from transforms.mime.words import decode_words

LONGEST_SOURCE = 1_000_000
"""Bytes of a part's text that are read; beyond it no person wrote."""
MOST_NAMES = 200
LONGEST_NAME = 255

_HTML = frozenset(("text/html", "application/xhtml+xml"))
_NO_TEXT = frozenset(
    "text/calendar text/csv text/css text/vcard text/x-vcard text/directory text/javascript "
    "text/rfc822-headers text/xml text/x-amp-html".split()
)
_META_CHARSET = re.compile(rb"charset=[\"']?([\w-]{2,40})", re.IGNORECASE)


class Mail(NamedTuple):
    """A mail that was read."""

    headers: Headers
    text: str
    """Without quoted history; at most LONGEST_BODY characters."""
    attachment_names: tuple[str, ...]
    parts: int
    is_report: bool
    """A delivery report: sent by a machine."""
    defects: list[str]
    body: bytes
    """Everything below the headers, its line ends LF."""

    def all(self, name: str) -> list[str]:
        """Every value of a header, by its name in lower case, as it is written."""
        return self.headers.get(name, [])

    def first(self, name: str) -> str:
        """The first value of a header that is not blank, else ""."""
        return next((value for value in self.headers.get(name, ()) if value.strip()), "")


def read_mail(raw: bytes) -> Mail:
    """Reads any bytes as a mail; what is wrong is among the defects."""
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    raw = raw.lstrip(b"\n")
    block = read_block(raw)
    tree = Tree()
    tree.defects += block.defects
    if not block.headers:
        tree.defects.append("headers_missing")
    body = raw[block.body_start :]
    tree.read(block.headers, body)
    texts, names = _texts(tree)
    return Mail(
        headers=block.headers,
        text=_joined(texts, tree.defects),
        attachment_names=tuple(names[:MOST_NAMES]),
        parts=len(tree.leaves),
        is_report=tree.is_report,
        defects=tree.defects,
        body=body,
    )


def _texts(tree: Tree) -> tuple[list[str], list[str]]:
    """Texts in order and names of attachments; of alternatives the plain one, unless blank."""
    plain: dict[int, bool] = {}
    texts: list[tuple[int, bool, str]] = []
    names: list[str] = []
    for leaf in tree.leaves:
        is_html = leaf.content_type in _HTML
        if not _is_text(leaf, is_html, bool(texts)):
            name = " ".join(tidy(decode_words(leaf.file_name)).split())
            name = name[max(name.rfind("/"), name.rfind("\\")) + 1 :].strip()[:LONGEST_NAME]
            if name:
                names.append(name)
            continue
        if leaf.group and is_html and plain.get(leaf.group):
            continue
        text = _text(leaf, is_html, tree.defects)
        if leaf.group and not is_html and text.strip():
            plain[leaf.group] = True
        texts.append((leaf.group, is_html, text))
    kept = [text for group, is_html, text in texts if not (is_html and plain.get(group))]
    return kept, names


def _is_text(leaf: Leaf, is_html: bool, has_text: bool) -> bool:
    if leaf.disposition == "attachment" or leaf.in_related:
        return False
    if not is_html and (not leaf.content_type.startswith("text/") or leaf.content_type in _NO_TEXT):
        return False
    return not (leaf.file_name and has_text)


def _text(leaf: Leaf, is_html: bool, defects: list[str]) -> str:
    raw, is_cut = payload(leaf, LONGEST_SOURCE)
    if is_cut:
        _note(defects, BODY_CUT)
    charset = leaf.parameters.get("charset", "")
    if is_html and not charset and (found := _META_CHARSET.search(raw, 0, 2_000)):
        charset = found[1].decode("ascii")
    text, defect = charsets.decode(raw, charset)
    if defect:
        _note(defects, defect)
    return html.to_text(text) if is_html else text


def _joined(texts: list[str], defects: list[str]) -> str:
    text = texts[0] if len(texts) == 1 else "\n".join(texts)
    body = without_history(tidy(text))
    if len(body) > LONGEST_BODY:
        _note(defects, BODY_CUT)
        body = body[:LONGEST_BODY]
    return body


def _note(defects: list[str], defect: str) -> None:
    if defect not in defects:
        defects.append(defect)
