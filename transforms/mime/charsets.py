"""Text from bytes: the charsets that mail programs name, and what they mean by them."""

import codecs
from functools import lru_cache

# What senders write for what they use, as browsers read it
# (https://encoding.spec.whatwg.org/#names-and-labels), and names that Python does not know.
_MEANT = dict(
    pair.split("=")
    for pair in """
    ascii=cp1252 us-ascii=cp1252 ansi_x3.4-1968=cp1252 iso-8859-1=cp1252 iso8859-1=cp1252
    latin1=cp1252 latin-1=cp1252 ansi=cp1252 iso-8859-9=cp1254 iso-8859-11=cp874
    iso-8859-8-i=iso8859-8 iso-8859-8-e=iso8859-8 gb2312=gb18030 gbk=gb18030 x-gbk=gb18030
    big5=big5hkscs shift_jis=cp932 shift-jis=cp932 sjis=cp932 x-sjis=cp932 windows-31j=cp932
    euc-kr=cp949 ks_c_5601-1987=cp949 ks_c_5601=cp949 iso-2022-jp=iso2022_jp_ext
    unicode-1-1-utf-7=utf-7 utf8=utf-8 utf8mb4=utf-8 x-utf-8=utf-8 macintosh=mac_roman
    x-mac-roman=mac_roman x-mac-cyrillic=mac_cyrillic win-1251=cp1251 koi8r=koi8-r cp-850=cp850
    """.split()
)
_NOT_CHARSETS = frozenset(("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"))
"""Codecs of Python that no mail means; some take quadratic time on hostile input."""

UNKNOWN = "charset_unknown"
WRONG = "charset_wrong"
LONGEST_NAME = 80
"""RFC 2978 allows 40; what is longer is looked up nowhere, and kept in no cache."""


@lru_cache(maxsize=1_000)
def codec(charset: str) -> str:
    """Python's name for a charset as a mail names it; empty for one that is unknown."""
    name = charset.strip(" \t'\"").lower().partition("*")[0]
    try:
        found = codecs.lookup(_MEANT.get(name, name))
    except (LookupError, ValueError):
        return ""
    is_text = getattr(found, "_is_text_encoding", True)
    return found.name if is_text and found.name.replace("_", "-") not in _NOT_CHARSETS else ""


def decode(raw: bytes, charset: str) -> tuple[str, str]:
    """The text, and the defect with which it was read, or "".

    Without a charset, or with one that is unknown or wrong, UTF-8 is tried and then Windows-1252;
    what no charset explains becomes U+FFFD. The text never holds a lone surrogate.
    """
    if raw.isascii() and charset.lower() in ("", "us-ascii", "utf-8", "iso-8859-1", "ascii"):
        return raw.decode("ascii"), ""
    name = codec(charset) if 0 < len(charset) <= LONGEST_NAME else ""
    if not name:
        text, guessed = _guess(raw)
        return text, UNKNOWN if charset else WRONG if guessed else ""
    if name == "cp1252":
        # Declared by default, by programs that send UTF-8.
        text, guessed = _guess(raw)
        return text, WRONG if guessed and charset.lower() in ("us-ascii", "ascii") else ""
    try:
        return whole(raw.decode(name)), ""
    except (UnicodeError, ValueError):
        pass
    if name != "utf-8":
        try:
            return raw.decode("utf-8"), WRONG
        except UnicodeDecodeError:
            pass
    try:
        return whole(raw.decode(name, "replace")), WRONG
    except (UnicodeError, ValueError):  # a stateful codec that cannot go on
        return _guess(raw)[0], WRONG


def _guess(raw: bytes) -> tuple[str, bool]:
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace"), True


def whole(text: str) -> str:
    """The text without lone surrogates, which no table can hold."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
