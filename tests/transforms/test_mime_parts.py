"""The parts of a mail: which of them is its text, which are attachments, whatever the damage."""

import base64

import pytest
from mails import a_mail, a_part, multipart, text_of

from transforms.mime.message import LONGEST_NAME, LONGEST_SOURCE, MOST_NAMES, read_mail
from transforms.mime.parts import DEEPEST, MOST_PARTS, NO_PARTS, TOO_DEEP, TOO_MANY, UNCLOSED, split
from transforms.mime.text import BODY_CUT, LONGEST_BODY

PLAIN = a_part("plain", "Content-Type: text/plain")
HTML = a_part("<p>html</p>", "Content-Type: text/html")
BLANK = a_part(" \n", "Content-Type: text/plain")


def a_file(name: str, *headers: str, kind: str = "application/pdf") -> bytes:
    disposition = f'Content-Disposition: attachment; filename="{name}"'
    return a_part("JVBERi0=", f"Content-Type: {kind}", disposition, *headers)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (multipart("alternative", PLAIN, HTML), "plain"),
        (multipart("alternative", HTML, PLAIN), "plain"),
        (multipart("alternative", BLANK, HTML), "html"),
        (multipart("alternative", HTML), "html"),
        (multipart("mixed", PLAIN, HTML), "plain\n\nhtml"),
        (multipart("mixed", PLAIN, PLAIN), "plain\nplain"),
        (multipart("mixed", a_file("a.pdf"), PLAIN), "plain"),
        (multipart("mixed", multipart("alternative", PLAIN, HTML, boundary="in")), "plain"),
        (multipart("related", HTML, HTML), "html"),
        (multipart("alternative", PLAIN, multipart("related", HTML, boundary="in")), "plain"),
        (multipart("alternative", BLANK, multipart("related", HTML, boundary="in")), "html"),
        (multipart("signed", PLAIN, a_part("sig", "Content-Type: x/pgp-signature")), "plain"),
        (multipart("mixed", a_part("no headers at all")), "no headers at all"),
        (multipart("mixed", a_part("x", "Content-Type: nonsense")), "x"),
        (multipart("mixed", a_part("x", "Content-Type: text/x-own")), "x"),
        (multipart("mixed", a_part("BEGIN", "Content-Type: text/calendar")), ""),
        (multipart("digest", a_part("Subject: x\n\nhi")), ""),
        (b"Content-Type: message/rfc822\n\nSubject: inner\n\ninner text", "inner text"),
        (b"Content-Type: text/html; charset=utf-8\n\n<b>x</b>", "x"),
        (b"Content-Type: text/html\n\n<meta charset='koi8-r'>" + "Да".encode("koi8-r"), "Да"),
        (b"Content-Type: application/pdf\n\nJVBERi0=", ""),
    ],
)
def test_the_text_is_the_plainest_that_says_something(raw: bytes, text: str) -> None:
    mail = read_mail(raw)
    assert (mail.text, mail.defects) == (text, [])


def test_attachments_are_named_in_order() -> None:
    raw = multipart(
        "mixed",
        PLAIN,
        a_file("offer.pdf"),
        a_file(r"C:\\Users\\ada\\b.pdf"),
        a_file("../../etc/passwd"),
        a_file("=?utf-8?q?Gr=C3=BC=C3=9Fe?=.pdf"),
        a_file("two   words\t.pdf"),
        a_file("a\x00b\x1b.pdf"),
        a_part("x", 'Content-Type: image/png; name="inline.png"', "Content-Disposition: inline"),
        a_part("x", 'Content-Type: text/plain; name="notes.txt"'),
        a_part("x", "Content-Type: image/png", "Content-Disposition: attachment"),
        a_file("x" * 999),
    )
    mail = read_mail(raw)
    assert mail.attachment_names == (
        *("offer.pdf", "b.pdf", "passwd", "Grüße.pdf", "two words .pdf", "ab.pdf"),
        *("inline.png", "notes.txt", "x" * LONGEST_NAME),
    )
    assert (mail.text, mail.parts, mail.defects) == ("plain", 11, [])


def test_a_text_file_before_any_text_is_the_text() -> None:
    named = a_part("written elsewhere", 'Content-Type: text/plain; name="mail.txt"')
    assert text_of(multipart("mixed", named)) == "written elsewhere"
    assert text_of(multipart("mixed", a_file("a.txt", kind="text/plain"), PLAIN)) == "plain"


def test_a_delivery_report_is_one() -> None:
    status = a_part("Action: failed", "Content-Type: message/delivery-status")
    assert read_mail(multipart("report", PLAIN, status)).is_report
    assert not read_mail(multipart("mixed", PLAIN, status)).is_report


GERMAN = "Grüße, und mehr = viel\n"


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("base64", base64.encodebytes(GERMAN.encode()), GERMAN),
        ("BASE64 ", base64.encodebytes(GERMAN.encode()), GERMAN),
        ('"base64"', base64.encodebytes(GERMAN.encode()), GERMAN),
        ("base64", base64.b64encode(GERMAN.encode()).rstrip(b"="), GERMAN),
        ("base64", base64.encodebytes(GERMAN.encode()) + b"\n--\nscanned", GERMAN),
        ("base64", b"R3LD****vMOfZQ==", "Grüße"),
        ("base64", b"R3LDvMOfZQ", "Grüße"),
        ("base64", b"!!!", ""),
        ("base64", b"", ""),
        ("quoted-printable", b"Gr=C3=BC=C3=\n=9Fe", "Grüße"),
        ("quoted-printable", b"=ZZ a=3Db =", "=ZZ a=b"),
        ("8bit", GERMAN.encode(), GERMAN),
        ("7bit", GERMAN.encode(), GERMAN),
        ("x-unknown", GERMAN.encode(), GERMAN),
        ("", GERMAN.encode(), GERMAN),
    ],
)
def test_a_transfer_encoding_is_undone_however_damaged(
    encoding: str, body: bytes, text: str
) -> None:
    head = f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n"
    assert text_of(head.encode() + body) == text.strip()


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r", b"\n"])
def test_lines_may_end_as_they_like(line_end: bytes) -> None:
    raw = multipart("alternative", PLAIN, HTML).replace(b"\n", line_end)
    assert (text_of(raw), text_of(line_end * 3 + raw)) == ("plain", "plain")


@pytest.mark.parametrize(
    ("raw", "text", "defects"),
    [
        (b"", "", ["headers_missing"]),
        (b"\n\n\n", "", ["headers_missing"]),
        (b"\nbody", "body", ["headers_broken", "headers_missing"]),
        (b"Content-Type: multipart/mixed\n\nbody", "body", [NO_PARTS]),
        (b"Content-Type: multipart/mixed; boundary=b\n\nbody", "body", [NO_PARTS]),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b", "--b", [UNCLOSED, NO_PARTS]),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b--\n", "--b--", [NO_PARTS]),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx", "x", [UNCLOSED]),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--bc\n--b--", "x\n--bc", []),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b  \n\nx\n--b-- \nepilogue", "x", []),
        (b"Content-Type: multipart/mixed boundary=b\n\n--b\n\nx\n--b--", "x", []),
        (b'Content-Type: multipart/mixed; boundary="a b"\n\n--a b\n\nx\n--a b--', "x", []),
        (b"Content-Type: multipart/mixed; boundary=b\n\nx\n--b\n\n--b\n\ny\n--b--", "y", []),
    ],
)
def test_what_is_wrong_with_boundaries_costs_no_text(
    raw: bytes, text: str, defects: list[str]
) -> None:
    mail = read_mail(raw)
    assert (mail.text, mail.defects) == (text, defects)


def test_a_boundary_inside_that_is_the_one_outside_ends_the_part() -> None:
    raw = multipart("mixed", multipart("mixed", PLAIN, boundary="b"), PLAIN, boundary="b")
    mail = read_mail(raw)
    assert "plain" in mail.text
    assert NO_PARTS in mail.defects


def test_parts_are_what_lies_between_the_lines_of_a_boundary() -> None:
    assert split(b"pre\n--b\none\n--b\ntwo\n--b--\npost", "b") == ([b"one", b"two"], True)
    assert split(b"--b\none", "b") == ([b"one"], False)
    assert split(b"--b\n--b--", "b") == ([b""], True)
    assert split(b"nothing", "b") == ([], True)


def nested(depth: int) -> bytes:
    raw = PLAIN
    for level in range(depth):
        raw = multipart("mixed", raw, boundary=f"b{level}")
    return raw


@pytest.mark.parametrize("depth", [1, DEEPEST - 1, DEEPEST])
def test_parts_within_parts_are_read(depth: int) -> None:
    mail = read_mail(nested(depth))
    assert (mail.text, mail.parts, mail.defects) == ("plain", 1, [])


@pytest.mark.parametrize("depth", [DEEPEST + 1, 1_000])
def test_depth_is_bounded_and_says_so(depth: int) -> None:
    mail = read_mail(nested(depth))
    assert (mail.text, mail.parts, mail.defects) == ("", 1, [TOO_DEEP])


@pytest.mark.parametrize("count", [MOST_PARTS + 1, MOST_PARTS * 20])
def test_the_number_of_parts_is_bounded(count: int) -> None:
    mail = read_mail(multipart("mixed", *[a_part("x")] * count))
    assert mail.parts == MOST_PARTS
    assert set(mail.defects) == {TOO_MANY, UNCLOSED}


def test_parts_are_counted_over_all_levels() -> None:
    inner = [multipart("mixed", *[a_part("x")] * 90, boundary=f"i{n}") for n in range(90)]
    mail = read_mail(multipart("mixed", *inner, boundary="outer"))
    assert (mail.parts, mail.defects) == (MOST_PARTS, [TOO_MANY])


def test_names_are_bounded() -> None:
    mail = read_mail(multipart("mixed", *[a_file("a.pdf")] * (MOST_NAMES + 9)))
    assert len(mail.attachment_names) == MOST_NAMES


def test_a_body_is_cut_to_what_a_row_holds_and_says_so() -> None:
    whole = read_mail(a_mail(body="x" * LONGEST_BODY))
    assert (len(whole.text), whole.defects) == (LONGEST_BODY, [])
    cut = read_mail(a_mail(body="x" * (LONGEST_BODY + 1)))
    assert (len(cut.text), cut.defects) == (LONGEST_BODY, [BODY_CUT])


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
@pytest.mark.parametrize("surplus", [-8, 8, LONGEST_SOURCE * 3])
def test_a_source_is_cut_where_no_person_wrote_and_says_so(encoding: str, surplus: int) -> None:
    # Markup is long where text is short.
    source = b"<p>short</p>" + b"<br>" * ((LONGEST_SOURCE + surplus) // 4 - 3)
    body = {"base64": base64.encodebytes(source)}.get(encoding, source)
    head = f"Content-Type: text/html\nContent-Transfer-Encoding: {encoding}\n\n"
    mail = read_mail(head.encode() + body)
    assert (mail.text, mail.defects) == ("short", [BODY_CUT] if surplus > 0 else [])


def test_all_values_of_a_header_are_there_and_the_first_that_says_something() -> None:
    mail = read_mail(b"To: \nTO: a@b.example\nTo: c@d.example\n\n")
    assert mail.all("to") == ["", "a@b.example", "c@d.example"]
    assert (mail.first("to"), mail.first("cc"), mail.all("cc")) == ("a@b.example", "", [])
