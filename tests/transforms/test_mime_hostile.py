"""Mails that nobody wrote: any bytes are read, and malice takes no longer than as much prose.

What takes time by the square of these sizes takes minutes at least, so the limit of the time of
every test is the assertion; what is linear takes milliseconds.
"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import a_mail, a_message, a_part, interaction, multipart

from connectors.files.mail import mail_change
from schemas.errors import InvalidPayload, SkippableError
from transforms.mime import dates, html, parameters, words
from transforms.mime.charsets import LONGEST_NAME, codec
from transforms.mime.message import LONGEST_NAME as LONGEST_FILE_NAME
from transforms.mime.message import MOST_NAMES, Mail, read_mail
from transforms.mime.parts import MOST_PARTS
from transforms.mime.text import LONGEST_BODY, tidy, without_history

MANY = 300_000

pytestmark = pytest.mark.timeout(30)


def check(mail: Mail) -> None:
    """What holds of every mail, whatever it was read from."""
    assert len(mail.text) <= LONGEST_BODY
    assert mail.parts <= MOST_PARTS
    assert len(mail.attachment_names) <= MOST_NAMES
    assert all(0 < len(name) <= LONGEST_FILE_NAME for name in mail.attachment_names)
    assert len(set(mail.defects)) == len(mail.defects)
    for text in (mail.text, *mail.attachment_names, *mail.defects):
        text.encode()
        assert "\0" not in text
    for name, values in mail.headers.items():
        assert values and name == name.lower()


FRAGMENTS = (
    *(b"\n", b"\n\n", b"\r\n", b" ", b"\t", b"--b", b"--b--", b"--c", b"\0", b"\xff", b"\xc3"),
    *(b"From: a@b.example\n", b"To: ", b"Date: ", b"Message-ID: <", b">", b"References: <a@b>\n"),
    *(b"Content-Type: ", b"multipart/mixed; boundary=b\n", b"multipart/alternative; boundary=c\n"),
    *(b"text/html; charset=", b"utf-7\n", b"x-no\n", b"message/rfc822\n", b"multipart/report\n"),
    *(b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n"),
    *(b"Content-Disposition: attachment; filename*0*=utf-8''", b"%C3", b"name=", b'"', b"=?utf-8?"),
    *(b"B?w7w=?=", b"Q?=C3=BC?=", b"<p>", b"<script>", b"<blockquote type=cite>", b"&#99999;"),
    *(b"prose ", b"> quoted\n", b"On 1 Jan 2026 Ada wrote:\n", b"w7w=\n", b"=C3=\n", b"+2D/YPQ-"),
)
mails = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=12), max_size=40).map(b"".join)


@given(mails)
def test_any_bytes_are_a_mail(raw: bytes) -> None:
    mail = read_mail(raw)
    check(mail)
    assert mail == read_mail(raw)
    # The line ends of the wire say nothing.
    assert read_mail(raw.replace(b"\r\n", b"\n")) == mail


@given(mails)
def test_any_bytes_are_an_interaction_or_refused_by_policy(raw: bytes) -> None:
    try:
        row, participants, records = interaction(a_message(raw))
    except SkippableError as error:
        assert not raw.strip() and isinstance(error, InvalidPayload)
        return
    assert row.interaction_id and row.thread_id
    assert {one.participant_key for one in participants} == {one.record_key for one in records}


@given(mails)
def test_a_part_is_read_no_worse_than_a_mail(raw: bytes) -> None:
    check(read_mail(multipart("mixed", raw, a_part("end"), boundary="outermost")))


def test_a_mail_with_bytes_changed_at_random_is_still_one() -> None:
    rng = random.Random(11)
    whole = a_mail(
        "Content-Type: multipart/mixed; boundary=b",
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        body=b"--b\nContent-Type: text/html; charset=utf-8\n\n<p>a&nbsp;b</p>\n--b\n"
        b"Content-Type: a/b; name*=utf-8''%C3%BC\nContent-Transfer-Encoding: base64\n\nw7w=\n--b--",
    )
    for _ in range(1_500):
        spoilt = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(spoilt))
            spoilt[place : place + rng.randrange(4)] = rng.randbytes(rng.randrange(4))
        check(read_mail(bytes(spoilt)))


LONG_LINES = {
    "blanks after a word": ("Sat" + " " * MANY + "x"),
    "blanks before a year": ("Sat Jan 31 10:00" + " " * MANY + "x"),
    "digits": "1" * MANY,
    "letters": "a" * MANY,
    "opened": "(" * MANY,
    "quotes": '"' * MANY,
    "commas": "," * MANY,
    "semicolons": ";" * MANY,
    "equals": ";=" * (MANY // 2),
    "pieces": ";a*0*=b" * (MANY // 7),
    "comments": "; a=b" + " (c)" * (MANY // 4),
    "blanks in a value": "; a=b" + " " * MANY + "c",
    "brackets": "<" * MANY,
    "bracket and blanks": "<" + " " * MANY + "x",
    "ids": "<a@b>" * (MANY // 5),
    "words": "=?utf-8?q?x?=" * (MANY // 13),
    "one charset, then another": "=?utf-8?q?x?==?a?q?y?=" * (MANY // 22),
    "words never closed": "=?utf-8?q?" * (MANY // 10),
    "a path": "; filename=" + "a" * MANY,
    "a charset": "text/plain; charset=" + "a" * MANY,
    "a boundary": "multipart/mixed; boundary=" + "a" * MANY,
    "boundaries": "multipart/mixed; boundary" * (MANY // 25),
    "folds": "\n a" * (MANY // 3),
}
READ = ("Date", "Received", "Message-ID", "References", "Subject", "From", "Content-Type")
IMPORTED = ("Date", "Message-ID", "Delivered-To", "X-Gmail-Labels", "X-GM-THRID", "Subject")


@pytest.mark.parametrize("value", LONG_LINES.values(), ids=LONG_LINES)
def test_a_long_header_costs_what_it_weighs(value: str) -> None:
    for name in READ:
        interaction(a_message(a_mail(f"{name}: {value}")))
    disposition = f"Content-Disposition: attachment; {value}"
    check(read_mail(multipart("mixed", a_part("x", "Content-Type: a/b", disposition))))
    dates.parse_date(value)
    parameters.parse(value)
    words.decode_words(value)


@pytest.mark.parametrize("value", LONG_LINES.values(), ids=LONG_LINES)
def test_a_long_header_costs_an_import_what_it_weighs(value: str) -> None:
    for name in IMPORTED:
        raw = a_mail(f"{name}: {value}")
        change = mail_change(raw, value.encode(), mailbox="", file_name="x.eml", as_of=1)
        assert change.object_id


LONG_BODIES = {
    "tags never closed": "<a " * MANY,
    "less than": "<" * MANY,
    "comments": "<!--" * (MANY // 4),
    "comments closed": "<!---->" * (MANY // 7),
    "scripts": "<script>" * (MANY // 8),
    "scripts closed": "<script></script>" * (MANY // 17),
    "other ends": "<script>" + "</style>" * (MANY // 8),
    "quotes of Outlook": "id= <a " + "class=WordSection1" * (MANY // 18),
    "history": "border-top <a " + "id=" * (MANY // 3),
    "prefixes": "<a id=" + "x_" * (MANY // 2),
    "attribution": '<div class="gmail_attr">' + "-" * MANY + "<blockquote type=cite>",
    "dashes and blanks": '<div class="gmail_attr">' + "----- " * (MANY // 6) + "<blockquote cite=>",
    "divs before a quotation": '<div class="' * (MANY // 12) + "<blockquote type=cite>",
    "blockquotes": "<blockquote type=cite>" * (MANY // 22),
    "blockquotes closed": "<blockquote type=cite></blockquote>" * (MANY // 35),
    "references": "&" * MANY,
    "numbers": "&#" + "9" * MANY,
    "quoted and empty lines": ">\n\n" * (MANY // 3),
    "quoted and not": "> a\nb\n" * (MANY // 6),
    "who wrote": " wrote:\n" * (MANY // 8),
    "on whom wrote": "On 1 wrote:\n" * (MANY // 12),
    "on one line": "On 1" + "x" * MANY + " wrote:\n",
    "headings": "From: a\n" * (MANY // 8),
    "dashes": "-" * MANY,
    "lines of dashes": "-----\n" * (MANY // 6),
    "underscores": "_" * MANY,
    "empty lines": "\n" * MANY,
    "blank lines": " \n" * (MANY // 2),
    "colons": ":\n>\n" * (MANY // 4),
}


@pytest.mark.parametrize("body", LONG_BODIES.values(), ids=LONG_BODIES)
def test_a_long_body_costs_what_it_weighs(body: str) -> None:
    assert len(tidy(html.to_text(body))) <= len(body)
    assert len(without_history(tidy(body))) <= len(body)


BOMBS = {
    "parts": b"--b\n\nx\n" * (MANY // 7),
    "parts without end": b"--b\n" * (MANY // 4),
    "nearly parts": b"--bb\n" * (MANY // 5),
    "parts in parts": b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * (MANY // 48),
    "mails in mails": b"--b\nContent-Type: message/rfc822\n\n" * (MANY // 34),
    "one line": b"x" * MANY,
    "headers of a part": b"--b\n" + b"a: b\n" * (MANY // 5),
    "no headers of a part": b"--b\n" + b"a\n" * (MANY // 2),
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_bomb_of_parts_costs_what_it_weighs(body: bytes) -> None:
    check(read_mail(b"Content-Type: multipart/mixed; boundary=b\n\n" + body))
    check(
        read_mail(
            b"Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=b\n" + body
        )
    )


def test_what_is_kept_from_mail_to_mail_is_small() -> None:
    long = "a" * MANY
    kept = (dates._parsed, parameters._cached, codec)
    misses = [one.cache_info().currsize for one in kept]
    parameters.parse(long)
    read_mail(f"Content-Type: text/plain; charset={long}\n\nü".encode())
    dates.parse_date(long)
    dates.parse_date(long + "b")
    assert [one.cache_info().currsize for one in kept] <= [misses[0] + 1, *misses[1:]]
    assert LONGEST_NAME < 100


@pytest.mark.parametrize("digits", ["٣", "१२३", "1²"])
def test_digits_of_other_scripts_are_no_thread_of_gmail(digits: str) -> None:
    raw = a_mail(f"X-GM-THRID: {digits}")
    change = mail_change(raw, b"", mailbox="", file_name="x.eml", as_of=1)
    assert b'"threadId":null' in change.payload
