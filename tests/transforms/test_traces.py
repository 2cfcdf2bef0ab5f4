"""Whoever is looked for is found however they are wrapped, and nobody else is."""

import base64
import gzip
import html
import io
import json
import quopri
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import quote

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import wrappings
from transforms.traces import Identifiers, Trace, Traces

ANN = Identifiers(
    emails=("ann.lee@acme.test",),
    phones=("+14152340100",),
    names=("Ann Müller-Lee",),
    records=("salesforce:contact:0035g00001AbCdE",),
)
TRACES = Traces(ANN)
RE2 = duckdb.connect()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.bin", data)
    return out.getvalue()


def as_json(data: bytes) -> bytes:
    return json.dumps({"text": data.decode("utf-8", "replace")}).encode()


def as_html(data: bytes) -> bytes:
    escaped = html.escape(data.decode("utf-8", "replace"))
    return escaped.replace("@", "&#64;").replace("ü", "&uuml;").replace("+", "&#x2b;").encode()


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64 in lines": base64.encodebytes,
    "base64 for URLs": base64.urlsafe_b64encode,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zip": zipped,
    "quoted-printable": lambda data: quopri.encodestring(data, quotetabs=True),
    "percent": lambda data: quote(data, safe="").encode(),
}
TEXTS = {"json": as_json, "html": as_html}

written = st.sampled_from(
    [
        ("email", "ann.lee@acme.test"),
        ("email", "Ann.Lee+news@ACME.test"),
        ("phone", "+14152340100"),
        ("phone", "(415) 234-0100"),
        ("phone", "1-415-234-0100"),
        ("name", "ann müller-lee"),
        ("name", "Ann\n  Müller-Lee"),
        ("record", "salesforce:contact:0035g00001AbCdE"),
    ]
)
around = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=60)


@given(written, around, around, st.lists(st.sampled_from([*BYTES, *TEXTS]), max_size=5))
@settings(max_examples=60, deadline=None)
def test_whoever_is_written_is_found_in_any_nesting(
    one: tuple[str, str], before: str, after: str, ways: list[str]
) -> None:
    data = wrapped_in(f"{before} {one[1]} {after}".encode(), ways)
    assert TRACES.find(data) is not None


def wrapped_in(data: bytes, ways: list[str]) -> bytes:
    for way in ways:
        is_text = way in TEXTS
        if is_text and _is_binary(data):
            data = base64.b64encode(data)
        data = (TEXTS[way] if is_text else BYTES[way])(data)
    return data


def _is_binary(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return b"\0" in data


@given(st.binary(max_size=400), st.sampled_from([*BYTES]))
@settings(deadline=None)
def test_nobody_is_found_in_noise(noise: bytes, way: str) -> None:
    assert TRACES.find(BYTES[way](noise)) is None


@given(st.binary(max_size=100), st.binary(max_size=100))
@settings(deadline=None)
def test_between_the_values_of_a_database_somebody_is_found_without_edges(
    before: bytes, after: bytes
) -> None:
    assert TRACES.find(before + b"ann.lee@acme.test" + after, "none") == Trace("email")


@given(st.binary(max_size=100), st.binary(max_size=100))
@settings(deadline=None)
def test_in_what_is_no_text_somebody_is_found_right_beside_anything(
    before: bytes, after: bytes
) -> None:
    data = b"\x00" + before + b"ann.lee@acme.test" + after
    assert TRACES.find(data, "texts") == Trace("email")


apart = st.sampled_from([*" \n\t<>()[]{}\"',;:|/=&?!*~", "\r\n", "_", "...", "--"])
words = st.text("abcXYZ019éß", max_size=6)
all_ways = st.lists(st.sampled_from([*BYTES, *TEXTS]), max_size=3)


@given(written, words, apart, apart, words, all_ways)
@settings(max_examples=200, deadline=None)
def test_a_token_of_theirs_is_found_between_whatever_may_stand_around_one(
    one: tuple[str, str], before: str, left: str, right: str, after: str, ways: list[str]
) -> None:
    left = left if left != "_" else " _"
    data = wrapped_in(f"{before}{left}{one[1]}{right}{after}".encode(), ways)
    assert TRACES.find(data, "texts") is not None


letters = st.text("abcxyz019", min_size=1, max_size=4)
longer = st.one_of(
    st.tuples(st.from_regex(r"[a-z0-9]([a-z0-9]|[.+_-][a-z0-9]){0,5}[.+_-]?", fullmatch=True)).map(
        lambda one: f"{one[0]}ann.lee@acme.test"
    ),
    st.from_regex(r"[a-z0-9]{1,4}|[.-][a-z0-9]{1,6}(\.com)?", fullmatch=True).map(
        lambda one: f"ann.lee@acme.test{one}"
    ),
)
to_the_letter = st.lists(
    st.sampled_from([w for w in (*BYTES, *TEXTS) if "lines" not in w]), max_size=3
)


@given(longer, st.text("abcXYZ019", max_size=6), to_the_letter)
@settings(max_examples=200, deadline=None)
def test_an_address_of_somebody_else_that_has_theirs_in_it_is_not_theirs(
    other: str, around: str, ways: list[str]
) -> None:
    known = TRACES.but_for([other])
    data = wrapped_in(f"{around} {other} {around}".encode(), ways)
    assert known.find(data, "texts") is None
    assert known.find(data) is None
    beside = wrapped_in(f"{other}, ann.lee@acme.test".encode(), ways)
    assert known.find(beside, "texts") is not None


@given(letters, letters, to_the_letter)
@settings(max_examples=200, deadline=None)
def test_letters_and_digits_right_beside_it_make_another_address(
    before: str, after: str, ways: list[str]
) -> None:
    for other in (f"{before}ann.lee@acme.test", f"ann.lee@acme.test{after}"):
        data = wrapped_in(f"to {other} now".encode(), ways)
        assert TRACES.find(data, "texts") is None
        assert TRACES.find(data) is None


@pytest.mark.parametrize(
    "text",
    [
        "ann.lee@acme.test.eml",
        "backup ann.lee@acme.test.zip",
        "ann.lee@acme.test-2026.csv",
        "export-ann.lee@acme.test",
        "invoice_ann.lee@acme.test",
        "ann.lee@acme.test.thanks",
        "/users/u.ann.lee@acme.test",
        "ann.lee@acme.test.example",
    ],
)
def test_where_it_may_be_a_name_of_a_file_or_the_next_sentence_it_is_theirs(text: str) -> None:
    assert TRACES.find(text.encode()) == Trace("email")
    assert TRACES.find(text.encode(), "texts") == Trace("email")


def test_what_theirs_is_only_a_part_of_is_told_as_it_is_written() -> None:
    data = b"joann.lee@acme.test, ann.lee@acme.test; am9hbm4ubGVlQGFjbWUudGVzdC5leGFtcGxl"
    assert TRACES.around(data) == {"joann.lee@acme.test", "joann.lee@acme.test.example"}


@pytest.mark.parametrize(
    "text",
    [
        rb'{"text": "Hi\nann.lee@acme.test\u003e"}',
        rb"b'\x3cann.lee@acme.test\x3e'",
        b"so write to ann.lee@acme.test.Yours, Bo",
        b"to=hi+ann.lee%40acme.test",
        b"_ann.lee@acme.test_ and more",
        b"cc: =3Cann.lee@acme.test=3E",
        b"a line is broken here: ann.=\r\nlee@acme.test",
        b"and&nbsp;ann.lee@acme.test&nbsp;here",
    ],
)
def test_an_escape_is_no_letter_of_an_address(text: bytes) -> None:
    assert TRACES.find(text) is not None
    assert TRACES.find(text, "texts") is not None


@pytest.mark.parametrize(
    "text",
    [
        "joann.lee@acme.test",
        "ann.lee@acme.testing",
        "+1 415 234 01001",
        "Ann Lee",
        "Joann Müller-Leeds",
        "salesforce:contact:0035g00001AbCdEFGH",
    ],
)
def test_others_are_not_found(text: str) -> None:
    assert TRACES.find(text.encode()) is None


def test_a_mailbox_of_gmail_is_found_however_it_is_dotted() -> None:
    traces = Traces(Identifiers(emails=("ann.lee@gmail.com",)))
    assert traces.find(b"<A.n.nLee+x@googlemail.com>") == Trace("email")


def test_an_old_mail_in_latin_1_names_people_too() -> None:
    assert TRACES.find("Grüße, Ann Müller-Lee".encode("latin-1")) == Trace("name")
    assert TRACES.find(b"Ann M=FCller-Lee") == Trace("name", ("quoted-printable",))


def test_the_wrappings_are_told_from_outside_to_inside() -> None:
    wrapped = base64.b64encode(gzip.compress(b"to ann.lee@acme.test"))
    assert TRACES.find(b"data: " + wrapped) == Trace("email", ("base64", "gzip"))


def test_a_bomb_is_not_followed_and_nobody_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrappings, "MOST_INFLATED", 1_000_000)
    bomb = gzip.compress(b"\0" * 5_000_000)
    assert TRACES.find(bomb) is None
    assert Traces(Identifiers()).find(b"ann.lee@acme.test") is None


@given(written, around, around)
@settings(max_examples=40, deadline=None)
def test_the_warehouse_finds_at_least_as_much_in_a_plain_text(
    one: tuple[str, str], before: str, after: str
) -> None:
    text = f"{before} {one[1]} {after}"
    [found] = (
        RE2.execute("SELECT regexp_matches(?, ?)", [text, TRACES.sql_pattern]).fetchone() or ()
    )
    assert found


SHORT = {
    "email": Identifiers(emails=("a@b.co",)),
    "mailbox": Identifiers(emails=("ann.b@gmail.com",)),
    "phone": Identifiers(phones=("+14152340100",)),
    "short phone": Identifiers(phones=("+4930123456",)),
    "name": Identifiers(names=("Annabel Li",)),
    "name of few letters": Identifiers(names=("Ann Lee",)),
    "name beyond ASCII": Identifiers(names=("Zoë Ölk",)),
}
WRITTEN = {
    "email": st.just("a@b.co"),
    "mailbox": st.sampled_from(["annb@gmail.com", "a.nnb@gmail.com"]),
    "name": st.sampled_from(["Annabel Li", "annabel\N{NO-BREAK SPACE}li"]),
    "name of few letters": st.sampled_from(["Ann Lee", "Ann\N{EN DASH}Lee"]),
    "name beyond ASCII": st.just("Zoë Ölk"),
}
blanks = st.lists(st.sampled_from(["", "", "-", "\N{NO-BREAK SPACE}"]), min_size=10, max_size=10)


def numbered(digits: str) -> st.SearchStrategy[str]:
    pairs = blanks.map(lambda found: zip(found, digits, strict=False))
    return pairs.map(lambda found: "".join(f"{blank}{digit}" for blank, digit in found).strip())


@given(st.data(), st.sampled_from([*SHORT]), st.text("abcXYZ019", max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_piece_as_short_as_a_word_is_read_wherever_somebody_may_be_in_it(
    data: st.DataObject, kind: str, before: str
) -> None:
    digits = {"phone": "4152340100", "short phone": "30123456"}
    way = numbered(digits[kind]) if kind in digits else WRITTEN[kind]
    text = data.draw(way)
    packed = before.encode() + base64.b64encode(text.encode())
    traces = Traces(SHORT[kind])
    assert traces.find(text.encode())
    assert traces.find(packed)
