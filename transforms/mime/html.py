"""Text from HTML mail: fast, linear in the input, no markup is believed.

This is for reading and searching, not for showing: no layout survives but line breaks. Quoted
history is cut off where a mail program marks it as such.
"""

import html
import re

_COMMENT_START, _COMMENT_END = "<!--", "-->"
_UNSEEN = re.compile(r"<(style|script|title|noscript|template)\b", re.IGNORECASE)
_UNSEEN_END = {
    name: re.compile(rf"</{name}\b[^<>]*>?", re.IGNORECASE)
    for name in ("style", "script", "title", "noscript", "template")
}
_BREAK = re.compile(
    r"<(?:br|/?(?:p|div|tr|li|ul|ol|h[1-6]|table|blockquote|hr|pre|section|article|header|footer))"
    r"(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)
_CELL = re.compile(r"</t[dh]\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z!?][^<>]*>")
_NO_CHARACTER = re.compile(r"&#[0-9]{8,};?")
_BLOCKQUOTE = re.compile(r"<(/?)blockquote\b([^<>]*)>", re.IGNORECASE)
_QUOTING = re.compile(r"gmail_quote|type=[\"']?cite|cite=", re.IGNORECASE)

# Where mail programs put what they quote: Outlook (three kinds), Yahoo, Thunderbird, Zimbra.
_HISTORY = re.compile(
    r"<[a-z]+ [^<>]*(?:"
    r"id=[\"']?(?:x_)*(?:appendonsend|divRplyFwdMsg|mail-editor-reference-message-container|"
    r"stopSpelling|OLK_SRC_BODY_SECTION)|"
    r"class=[\"']?(?:x_)*(?:OutlookMessageHeader|yahoo_quoted|zmail_extra|protonmail_quote|"
    r"WordSection1[^<>]{0,200}quote)|"
    r"border:none;\s?border-top:solid #(?:E1E1E1|B5C4DF) 1\.0pt)",
    re.IGNORECASE,
)
_ATTRIBUTION = re.compile(
    r"<div[^<>]*class=[\"'](?:gmail_attr|gmail_quote_attribution|moz-cite-prefix|gmail_extra)\b",
    re.IGNORECASE,
)
_FORWARDED = re.compile(r"(?<!-)-{5,}+\s*+(?:Forwarded message|Original-Nachricht)", re.IGNORECASE)


def to_text(source: str) -> str:
    """The text of an HTML document, one line a block, without quoted history.

    A mail that is nothing but history (a forward without a word) keeps it.
    """
    seen = _without_unseen(_without_comments(source))
    own = _without_history(seen)
    text = _plain(own)
    if len(own) != len(seen) and not text.strip():
        text = _plain(seen)
    return text


def _plain(source: str) -> str:
    # Space runs and line ends of the source are one space; NBSP counts as one too.
    flat = " ".join(source.split())
    flat = _TAG.sub("", _CELL.sub(" ", _BREAK.sub("\n", flat)))
    return _unescaped(flat) if "&" in flat else flat


def _unescaped(text: str) -> str:
    try:
        text = html.unescape(text)
    except ValueError:  # a reference with more digits than int() takes
        text = html.unescape(_NO_CHARACTER.sub("\ufffd", text))
    return text.replace("\xa0", " ")


def _without_comments(source: str) -> str:
    start = source.find(_COMMENT_START)
    if start < 0:
        return source
    out, end = [], 0
    while start >= 0:
        out.append(source[end:start])
        end = source.find(_COMMENT_END, start + len(_COMMENT_START) - 2)
        if end < 0:
            return "".join(out)
        end += len(_COMMENT_END)
        start = source.find(_COMMENT_START, end)
    out.append(source[end:])
    return "".join(out)


def _without_unseen(source: str) -> str:
    match = _UNSEEN.search(source)
    if match is None:
        return source
    out, end = [], 0
    while match is not None:
        out.append(source[end : match.start()])
        closing = _UNSEEN_END[match[1].lower()].search(source, match.end())
        if closing is None:
            return "".join(out)
        end = closing.end()
        match = _UNSEEN.search(source, end)
    out.append(source[end:])
    return "".join(out)


def _without_history(source: str) -> str:
    marked = _HISTORY.search(source) if "id=" in source or "border-top" in source else None
    if marked is not None:
        source = source[: marked.start()]
    if "blockquote" not in source and "BLOCKQUOTE" not in source:
        return source
    out, end, depth = [], 0, 0
    for tag in _BLOCKQUOTE.finditer(source):
        if tag[1]:
            if depth:
                depth -= 1
                if not depth:
                    end = tag.end()
        elif depth:
            depth += 1
        elif _QUOTING.search(tag[2]):
            before = source[end : tag.start()]
            attribution = _ATTRIBUTION.search(before)
            if attribution is not None and not _FORWARDED.search(before, attribution.start()):
                before = before[: attribution.start()]
            out.append(before)
            depth = 1
    if not depth:
        out.append(source[end:])
    return "".join(out)
