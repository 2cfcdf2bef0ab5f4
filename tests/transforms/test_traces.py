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
    data = f"{before} {one[1]} {after}".encode()
    for way in ways:
        is_text = way in TEXTS
        if is_text and _is_binary(data):
            data = base64.b64encode(data)
        data = (TEXTS[way] if is_text else BYTES[way])(data)
    found = TRACES.find(data)
    assert found is not None


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
    assert TRACES.find(before + b"ann.lee@acme.test" + after, edged=False) == Trace("email")


@pytest.mark.parametrize(
    "text",
    [
        "joann.lee@acme.test",
        "ann.lee@acme.test.example",
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
