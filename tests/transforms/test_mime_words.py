"""Encoded words and charsets: as mail programs write them, and as nobody should."""

import base64
from email.header import Header
from encodings.aliases import aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.mime.charsets import LONGEST_NAME, UNKNOWN, WRONG, codec, decode, whole
from transforms.mime.words import base64_bytes, decode_words


def b(text: str, charset: str = "utf-8") -> str:
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe_an_alle?=", "Grüße an alle"),
        ("=?UTF-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=\t =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= and =?utf-8?q?b?=", "a and b"),
        ("Re: =?utf-8?q?a?=", "Re: a"),
        ("=?utf-8?q?a?= (b)", "a (b)"),
        ("=?iso-8859-1*de?q?Gr=FC=DFe?=", "Grüße"),
        ("=?utf-8?b??=", ""),
        ("=?utf-8?q?a?= =?utf-8?b??= =?utf-8?q?b?=", "ab"),
        ("=?iso-8859-1?q?=FC?= =?utf-8?q?=C3=BC?=", "üü"),
        ("=?utf-8?q?naïve?=", "naïve"),
        ("=?utf-8?q?two words?=", "two words"),
        ("=?utf-8?q?=ZZ=?=", "=ZZ"),
    ],
)
def test_encoded_words_are_read(written: str, read: str) -> None:
    assert decode_words(written) == read


@pytest.mark.parametrize(
    "written",
    ["=?utf-8?x?abc?=", "=?utf-8?q?abc", "=?", "=??q?abc?=", "=?utf 8?q?a?=", "a =? b ?= c"],
)
def test_what_is_no_encoded_word_stays(written: str) -> None:
    assert decode_words(written) == written


@pytest.mark.parametrize("broken", ["=?utf-8?B?!!!!?=", "=?utf-8?B?A?=", "=?utf-8?b?====?="])
def test_base64_of_nothing_stays_as_it_is_written(broken: str) -> None:
    assert decode_words(f"Re: {broken} x") == f"Re: {broken} x"
    assert decode_words(f"{b('ü')} {broken} {b('ö')}") == f"ü {broken} ö"


@pytest.mark.parametrize(
    "written", ["R3LDvMOfZQ", "R3LDvMOfZQ=", "R3LD vMOf ZQ==", "R3LDvMOfZQ==!"]
)
def test_base64_without_its_padding_or_with_blanks_is_read(written: str) -> None:
    assert decode_words(f"=?utf-8?B?{written}?=") == "Grüße"


def test_a_character_may_be_cut_between_two_words() -> None:
    raw = "Grüße".encode()
    words = " ".join(f"=?utf-8?B?{base64.b64encode(raw[i : i + 1]).decode()}?=" for i in range(7))
    assert decode_words(words) == "Grüße"


def test_a_charset_that_nobody_knows_is_guessed() -> None:
    assert decode_words("=?x-no-such?q?Gr=C3=BC=C3=9Fe?=") == "Grüße"
    assert decode_words("=?x-no-such?q?Gr=FC=DFe?=") == "Grüße"
    assert decode_words("=?utf-8?q?Gr=FC=DFe?=") == "Gr\ufffd\ufffde"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))))
def test_what_the_standard_library_encodes_is_read(text: str) -> None:
    if not text.strip() or "=?" in text:
        return
    written = Header(text, "utf-8", maxlinelen=75).encode(linesep="\n").replace("\n", "")
    assert decode_words(written) == text


@given(st.text(max_size=80))
def test_text_without_encoded_words_is_not_touched(text: str) -> None:
    if "=?" not in text:
        assert decode_words(text) == text


fragments = st.sampled_from(
    ["=?", "?=", "utf-8", "?q?", "?B?", "=C3", "w7w=", " ", "\t", "\udcff", "x", "idna", "_", "é"]
)


@given(st.lists(fragments, max_size=24).map("".join))
def test_whatever_the_pieces_decoding_never_fails(text: str) -> None:
    decoded = decode_words(text)
    if "\udcff" not in text:
        decoded.encode()


NOT_CHARSETS = (
    *("hex", "base64", "zip", "rot13", "idna", "punycode", "undefined", "unicode_escape"),
    *("raw_unicode_escape", "a\0b", "é", "../x", "\ud800"),
)


@pytest.mark.parametrize(
    ("charset", "python"),
    [
        ("utf-8", "utf-8"),
        (" 'UTF8' ", "utf-8"),
        ('"Windows-1252"', "cp1252"),
        ("iso-8859-1", "cp1252"),
        ("US-ASCII", "cp1252"),
        ("gb2312", "gb18030"),
        ("ks_c_5601-1987", "cp949"),
        ("shift_jis", "cp932"),
        ("unicode-1-1-utf-7", "utf-7"),
        ("koi8-r", "koi8-r"),
        ("iso-8859-8-i", "iso8859-8"),
        ("", ""),
        ("x-unknown", ""),
        ("8bit", ""),
        *((name, "") for name in NOT_CHARSETS),
    ],
)
def test_a_charset_has_the_name_that_python_knows(charset: str, python: str) -> None:
    assert codec(charset) == python


@pytest.mark.parametrize(
    ("raw", "charset", "text", "defect"),
    [
        (b"abc", "", "abc", ""),
        (b"abc", "us-ascii", "abc", ""),
        (b"abc", "x-unknown", "abc", UNKNOWN),
        ("ü".encode(), "", "ü", ""),
        ("ü".encode("cp1252"), "", "ü", WRONG),
        ("ü".encode(), "us-ascii", "ü", ""),
        ("ü".encode("cp1252"), "us-ascii", "ü", WRONG),
        ("ü".encode("cp1252"), "iso-8859-1", "ü", ""),
        ("“ü”".encode("cp1252"), "iso-8859-1", "“ü”", ""),
        ("ü".encode(), "x-unknown", "ü", UNKNOWN),
        ("ü".encode("cp1252"), "x-unknown", "ü", UNKNOWN),
        ("日本".encode(), "iso-2022-jp", "日本", WRONG),
        ("日本".encode("iso2022_jp"), "ISO-2022-JP", "日本", ""),
        (b"\xff\xfe\x00", "utf-16", "\ufffd", WRONG),
        (b"a\xffb", "utf-8", "a\ufffdb", WRONG),
        (b"\x81", "windows-1252", "\ufffd", ""),
        (b"abc", "x" * (LONGEST_NAME + 1), "abc", UNKNOWN),
    ],
)
def test_bytes_become_text_and_a_defect_says_what_was_guessed(
    raw: bytes, charset: str, text: str, defect: str
) -> None:
    assert decode(raw, charset) == (text, defect)


def test_a_charset_of_many_letters_is_looked_up_nowhere() -> None:
    before = codec.cache_info().misses
    decode(b"abc", "y" * 1_000_000)
    assert codec.cache_info().misses == before


def test_surrogates_become_the_character_they_mean_or_none() -> None:
    assert whole("\ud83d\ude00 a") == "😀 a"
    assert whole("\ud83d a") == "\ufffd a"
    assert whole("é") == "é"


encodings = sorted(set(aliases.values()))


@pytest.mark.parametrize("name", encodings)
def test_every_codec_of_python_reads_any_bytes(name: str) -> None:
    for raw in (b"", b"abc\n", bytes(range(256)), b"\xff\xfe\x00\xd8", b"+2D/-\x1b$B\x0e~{"):
        text, _ = decode(raw, name)
        text.encode()


@given(st.binary(max_size=80), st.sampled_from([*encodings, "", "x-unknown", "US-ASCII"]))
def test_any_bytes_under_any_charset_are_text_that_a_table_can_hold(
    raw: bytes, charset: str
) -> None:
    text, defect = decode(raw, charset)
    text.encode()
    assert defect in ("", UNKNOWN, WRONG)


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.sampled_from(encodings))
def test_text_comes_back_from_the_charset_it_was_written_in(text: str, charset: str) -> None:
    name = codec(charset)
    if not name or name == "cp1252":
        return
    try:
        raw = text.encode(name)
        if raw.decode(name) != text:
            return
    except (UnicodeError, ValueError):
        return
    assert decode(raw, charset)[0] == text


@given(st.binary(max_size=90))
def test_base64_is_read_as_far_as_it_goes(raw: bytes) -> None:
    written = base64.encodebytes(raw)
    assert base64_bytes(written) == raw
    assert base64_bytes(written.rstrip().rstrip(b"=")) == raw
    assert base64_bytes(written + b"\n--\nscanned by a gateway") == raw
    assert base64_bytes(written.replace(b"\n", b"\r\n \t")) == raw


@given(st.binary(max_size=90))
def test_bytes_that_are_no_base64_are_no_error(raw: bytes) -> None:
    assert isinstance(base64_bytes(raw), bytes)
