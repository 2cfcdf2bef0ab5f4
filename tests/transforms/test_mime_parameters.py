"""Content-Type and Content-Disposition: values, parameters, and those in pieces (RFC 2231)."""

from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.mime.parameters import LONGEST_CACHED, MOST_PARAMETERS, parse


@pytest.mark.parametrize(
    ("header", "value", "parameters"),
    [
        ("text/plain", "text/plain", {}),
        ("  TEXT/Plain  ", "text/plain", {}),
        ("", "", {}),
        (";", "", {}),
        ("text/plain; charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ("text/plain;charset = UTF-8 ;format=flowed", "text/plain", {"charset": "UTF-8"}),
        ('text/plain; CHARSET="us-ascii"', "text/plain", {"charset": "us-ascii"}),
        ("text/plain; charset=us-ascii (Plain text)", "text/plain", {"charset": "us-ascii"}),
        ("text/plain; name=a(1).pdf", "text/plain", {"name": "a(1).pdf"}),
        ("text/plain; name=a (1) (2)", "text/plain", {"name": "a (1)"}),
        ("text/plain; name=a) (b", "text/plain", {"name": "a) (b"}),
        ("text/plain; name=)", "text/plain", {"name": ")"}),
        ('a/b; name="x;y=z"; c=d', "a/b", {"name": "x;y=z", "c": "d"}),
        (r'a/b; name="say \"hi\" \\"', "a/b", {"name": r'say "hi" \\'[:-1]}),
        ('a/b; name="never closed; c=d', "a/b", {"name": "never closed; c=d"}),
        ("a/b; name=one; name=two", "a/b", {"name": "one"}),
        ("a/b; name=", "a/b", {"name": ""}),
        ('a/b; name="=?utf-8?q?Gr=C3=BC=C3=9Fe?="', "a/b", {"name": "Grüße"}),
        ("multipart/mixed; boundary=a=b", "multipart/mixed", {"boundary": "a=b"}),
        ("attachment;filename=two words.pdf", "attachment", {"filename": "two words.pdf"}),
        ("charset=utf-8", "charset", {}),
    ],
)
def test_values_and_parameters(header: str, value: str, parameters: dict[str, str]) -> None:
    found = parse(header)
    assert found.value == value
    assert found.parameters.items() >= parameters.items()
    assert set(found.parameters) - set(parameters) <= {"format"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"),
        ("filename*=iso-8859-1'en'Gr%FC%DFe.pdf", "Grüße.pdf"),
        ("filename*=''Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"),
        ("filename*=no-such''Gr%FC%DFe.pdf", "Grüße.pdf"),
        ("filename*=Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"),
        ('filename*0="a;"; filename*1="b.pdf"', "a;b.pdf"),
        ("filename*1=b; filename*0=a; filename*10=d; filename*2=c", "abcd"),
        ("filename*0*=utf-8''Gr%C3; filename*1*=%BC%C3%9F; filename*2=e%20.pdf", "Grüße%20.pdf"),
        ("filename*0*=utf-8''it's; filename*1*='s", "it's's"),
        ("filename=plain.pdf; filename*=utf-8''better.pdf", "better.pdf"),
        ("filename*=utf-8''better.pdf; filename=plain.pdf", "better.pdf"),
        ("filename*x=odd", "odd"),
        ("filename*99999=odd", "odd"),
        ("filename*=utf-8''%ZZ%4", "%ZZ%4"),
        ("filename*=utf-8''%FF%FE", "\ufffd\ufffd"),
        ("filename*0=naïve", "naïve"),
    ],
)
def test_a_parameter_in_pieces_or_in_another_charset_is_whole(written: str, name: str) -> None:
    assert parse("attachment; " + written).parameters["filename"] == name


def test_nobody_means_more_parameters_than_a_hundred() -> None:
    found = parse("a/b" + "".join(f"; p{number}=x" for number in range(5_000)))
    assert len(found.parameters) == MOST_PARAMETERS


def test_a_long_header_is_not_kept() -> None:
    long = "a/b; name=" + "x" * LONGEST_CACHED
    assert parse(long) == parse(long)
    assert parse(long) is not parse(long)
    assert parse("a/b; name=x") is parse("a/b; name=x")


names = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
printed = st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp"))


@given(st.dictionaries(names, st.text(printed, min_size=1, max_size=90), max_size=4))
def test_what_the_standard_library_writes_is_read(parameters: dict[str, str]) -> None:
    if any("=?" in value for value in parameters.values()):
        return
    mail = Message()
    written = {
        name: value if value.isascii() else ("utf-8", "", value)
        for name, value in parameters.items()
    }
    mail.add_header("X-Test", "attachment", **written)  # type: ignore[arg-type]
    assert parse(str(mail["X-Test"])).parameters == parameters


pieces = st.sampled_from(
    [";", "=", '"', "\\", "*", "*0", "*0*", "'", "name", "utf-8''", "%C3", "%", "(", ")", " ", "\t"]
)


@given(st.lists(pieces, max_size=40).map("".join))
def test_whatever_the_pieces_parsing_never_fails(header: str) -> None:
    found = parse("a/b;" + header)
    for name, value in found.parameters.items():
        (name + value).encode()
        assert name == name.lower()


@given(st.text(max_size=120))
def test_any_text_is_a_value_with_parameters(header: str) -> None:
    value, parameters = parse(header)
    assert not set(value) & set(' ;,="()')
    assert len(parameters) <= MOST_PARAMETERS
