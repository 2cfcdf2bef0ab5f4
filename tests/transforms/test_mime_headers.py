"""Headers: folded, repeated, broken, in bytes of whatever charset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.mime.headers import CUT, LONGEST_BLOCK, NO_HEADERS, read_block


def headers_of(raw: bytes) -> dict[str, list[str]]:
    return read_block(raw).headers


def body_of(raw: bytes) -> bytes:
    return raw[read_block(raw).body_start :]


def test_a_folded_header_is_one_line_and_repeats_keep_their_order() -> None:
    raw = b"Received: one\n\tby two;\n  today\nX-A: 1\nRECEIVED: three\n\nbody"
    assert headers_of(raw) == {"received": ["one by two; today", "three"], "x-a": ["1"]}
    assert body_of(raw) == b"body"


@pytest.mark.parametrize("line", [b"Subject:x", b"Subject: x", b"Subject :x", b"Subject \t:\t x"])
def test_blanks_around_the_colon_are_no_value(line: bytes) -> None:
    assert headers_of(line + b"\n\n") == {"subject": ["x"]}


def test_a_header_may_be_empty_or_hold_colons() -> None:
    assert headers_of(b"A:\nB: c:d: e\n\n") == {"a": [""], "b": ["c:d: e"]}


def test_a_line_without_a_colon_ends_the_headers_and_begins_the_body() -> None:
    raw = b"Subject: x\nDear all,\nTo: nobody\n\nmore"
    assert read_block(raw).defects == ("headers_broken",)
    assert headers_of(raw) == {"subject": ["x"]}
    assert body_of(raw) == b"Dear all,\nTo: nobody\n\nmore"


def test_prose_alone_is_all_body() -> None:
    assert (headers_of(b"Dear all\n\nhi"), body_of(b"Dear all\n\nhi")) == ({}, b"Dear all\n\nhi")


def test_the_body_begins_where_it_does_behind_letters_of_several_bytes() -> None:
    raw = "Subject: Grüße 😀\nprose ü\n\nü".encode()
    assert body_of(raw) == "prose ü\n\nü".encode()


@pytest.mark.parametrize("first", [b"From jo Sat Jan 31 08:00:00 2026\n", b">From jo\n", b""])
@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_an_envelope_line_and_a_byte_order_mark_are_passed_over(first: bytes, mark: bytes) -> None:
    raw = mark + first + b"Subject: x\n\nbody"
    assert headers_of(raw) == {"subject": ["x"]}
    assert (body_of(raw), read_block(raw).defects) == (b"body", ())


def test_a_part_may_have_no_headers() -> None:
    assert read_block(b"\nbody") == (NO_HEADERS, 1, ())
    assert read_block(b"") == ({}, 0, ())


def test_headers_may_be_all_there_is() -> None:
    for raw in (b"Subject: x", b"Subject: x\n", b"Subject: x\n\n"):
        assert (headers_of(raw), body_of(raw)) == ({"subject": ["x"]}, b"")


@pytest.mark.parametrize(
    ("subject", "declared", "read", "defects"),
    [
        ("Grüße".encode(), b"", "Grüße", ()),
        ("Grüße".encode("cp1252"), b"", "Grüße", ("headers_8bit",)),
        ("Привет".encode("koi8-r"), b"koi8-r", "Привет", ("headers_8bit",)),
        ("こんにちは".encode("shift_jis"), b'"Shift_JIS"', "こんにちは", ("headers_8bit",)),
        ("Grüße".encode("cp1252"), b"no-such", "Grüße", ("headers_8bit",)),
        ("Grüße".encode("cp1252"), b"utf-16le", "Grüße", ("headers_8bit",)),
        ("Grüße".encode("cp1252"), b"utf-7", "Grüße", ("headers_8bit",)),
        ("Grüße".encode("cp1252"), b"cp037", "Grüße", ("headers_8bit",)),
    ],
)
def test_bytes_above_ascii_are_utf_8_or_what_the_mail_declares(
    subject: bytes, declared: bytes, read: str, defects: tuple[str, ...]
) -> None:
    raw = b"Content-Type: text/plain; charset=" + declared + b"\nSubject: " + subject + b"\n\nbody"
    assert headers_of(raw)["subject"] == [read]
    assert (body_of(raw), read_block(raw).defects) == (b"body", defects)


def test_one_header_in_another_charset_leaves_the_others_as_they_are() -> None:
    raw = "Subject: Grüße\n".encode() + "X-Spam: geprüft\n".encode("cp1252") + b"To: x\n\n"
    assert headers_of(raw) == {"subject": ["Grüße"], "x-spam": ["geprüft"], "to": ["x"]}


def test_a_charset_that_knows_no_colon_takes_no_header_away() -> None:
    assert headers_of(b"Subject: a charset=utf-16le \xfc\n\n")["subject"][0].startswith("a ")


def test_what_is_too_long_is_cut_at_a_line_and_says_so() -> None:
    long = b"".join(b"X-%d: y\n" % number for number in range(LONGEST_BLOCK // 8))
    raw = "Subject: Grüße\n".encode() + long + b"To: z\n\nbody"
    block = read_block(raw)
    assert block.defects == (CUT,)
    assert block.headers["subject"] == ["Grüße"]
    assert "to" not in block.headers
    assert {value for values in block.headers.values() for value in values} == {"Grüße", "y"}
    assert raw[block.body_start :] == b"body"


def test_one_endless_line_is_cut_anywhere() -> None:
    block = read_block(b"Subject: " + b"x" * (LONGEST_BLOCK + 99))
    assert block.defects == (CUT,)
    assert len(block.headers["subject"][0]) == LONGEST_BLOCK - len("Subject: ")


names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


@given(st.lists(st.tuples(names, texts), min_size=1, max_size=8), st.binary(max_size=60))
def test_what_is_written_is_what_is_read(pairs: list[tuple[str, str]], body: bytes) -> None:
    head = "".join(f"{name}: {value}\n" for name, value in pairs)
    block = read_block(head.encode() + b"\n" + body)
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name.lower(), []).append(value.lstrip(" "))
    assert block.headers == expected
    assert (head.encode() + b"\n" + body)[block.body_start :] == body
    assert block.defects == ()


@given(st.binary(max_size=300))
def test_whatever_the_bytes_the_body_lies_within_them(raw: bytes) -> None:
    block = read_block(raw)
    assert 0 <= block.body_start <= len(raw)
    assert all(values and "\n" not in "".join(values) for values in block.headers.values())
    assert all(name.isascii() and name == name.lower() for name in block.headers)


@given(st.lists(st.sampled_from([b"A: b\n", b" c\n", b"\n", b"prose\n", b"\xff: x\n", b":\n"])))
def test_nothing_of_the_body_is_lost(lines: list[bytes]) -> None:
    raw = b"".join(lines)
    body = body_of(raw)
    assert raw.endswith(body)
    # What was passed over were headers, their folds and one empty line.
    passed = raw[: len(raw) - len(body)]
    assert b"prose" not in passed
