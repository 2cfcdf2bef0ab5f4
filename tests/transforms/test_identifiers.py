"""Every hard form of an address, number or name comes out right, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.identifiers import domain, email, name, phone

ADDRESSES = {
    "jane@acme.com": "jane@acme.com",
    "Jane@ACME.com": "jane@acme.com",
    '"Doe, Jane" <jane@acme.com>': "jane@acme.com",
    "Jane Doe <jane@acme.com>": "jane@acme.com",
    "mailto:jane@acme.com": "jane@acme.com",
    "mailto:jane@acme.com?subject=hi": "jane@acme.com",
    "<jane@acme.com>": "jane@acme.com",
    "jane@acme.com (Jane at work)": "jane@acme.com",
    "  jane@acme.com\t": "jane@acme.com",
    "jane@acme.com.": "jane@acme.com",
    "jane+news@acme.com": "jane+news@acme.com",
    "o'brien@acme.com": "o'brien@acme.com",
    "a/b@acme.com": "a/b@acme.com",
    "jane@bücher.de": "jane@xn--bcher-kva.de",
    "用户@例子.公司": "用户@xn--fsqu00a.xn--55qx5d",
    "ｊａｎｅ＠ａｃｍｅ.com": "jane@acme.com",
    "ja\u200bne@acme.com": "jane@acme.com",
    "\u00a0jane@acme.com\u00a0": "jane@acme.com",
    "josé@acme.com": "josé@acme.com",
    "jane@mail.sales.acme.co.uk": "jane@mail.sales.acme.co.uk",
}
NO_ADDRESSES = [
    "",
    "jane",
    "jane@",
    "@acme.com",
    "jane@acme",
    "ja..ne@acme.com",
    ".jane@acme.com",
    "jane.@acme.com",
    "jane@-acme.com",
    "jane@acme-.com",
    "jane@[127.0.0.1]",
    "jane@127.0.0.1",
    "x" * 65 + "@acme.com",
    "jane@acme.com, joe@acme.com",
    "jane@acme.com joe@acme.com",
    "jane@acme.com;joe@acme.com",
    "jane @acme.com x",
    "jane@ac me.com",
    "a" * 2_000,
    "jane@" + "a" * 64 + ".com",
]
NUMBERS = {
    ("+12127365000", "US"): "+12127365000",
    ("(212) 736-5000", "US"): "+12127365000",
    ("212.736.5000", "US"): "+12127365000",
    ("1-212-736-5000", "US"): "+12127365000",
    ("2127365000", "US"): "+12127365000",
    ("tel:+12127365000", "US"): "+12127365000",
    ("011 44 20 7946 0958", "US"): "+442079460958",
    ("0044 20 7946 0958", "FR"): "+442079460958",
    ("+44 (0)20 7946 0958", "US"): "+442079460958",
    ("020 7946 0958", "GB"): "+442079460958",
    ("01 42 68 53 00", "FR"): "+33142685300",
    ("55 1234 5678", "MX"): "+525512345678",
    ("98765 43210", "IN"): "+919876543210",
    ("+39 06 698 12345", "US"): "+390669812345",
    ("+54 9 11 2345 6789", "US"): "+5491123456789",
    ("＋１（２１２）７３６－５０００", "US"): "+12127365000",
    ("212\u00a0736\u00a05000", "US"): "+12127365000",
    ("212–736–5000", "US"): "+12127365000",
    ("\u202a+1 212 736 5000\u202c", "US"): "+12127365000",
    ("212-736-5000 / 212-736-5001", "US"): "+12127365000",
    ("212-736-5000 or 212-736-5001", "US"): "+12127365000",
    ("1-800-FLOWERS", "US"): "+18003569377",
}
NO_NUMBERS = [
    "",
    "anonymous",
    "Restricted",
    "unknown",
    "911",
    "12345",
    "555-0123",
    "(212) 555-0123",
    "212-555-1234",
    "0000000000",
    "1111111111",
    "+19999999999",
    "n/a",
    "12127365000123456789",
    "jane@acme.com",
    "x" * 500,
]
EXTENSIONS = [
    "x123",
    " x 123",
    " ext. 123",
    " ext 123",
    ";ext=123",
    " extension 123",
    ", 123",
    " #123",
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_found(text: str) -> None:
    found = email.parse(text)
    assert found is not None and found.address == ADDRESSES[text]


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert email.parse(text) is None


def test_a_match_key_unites_spellings_and_the_address_keeps_them_apart() -> None:
    spellings = ["j.doe@gmail.com", "jdoe+x@googlemail.com", "JDoe@gmail.com"]
    found = [email.parse(text) for text in spellings]
    assert {e.match_key for e in found if e} == {"jdoe@gmail.com"}
    assert len({e.address for e in found if e}) == 3
    other = email.parse("j.doe+tag@acme.com")
    assert other is not None and other.match_key == "j.doe@acme.com"


def test_a_display_name_is_read_and_its_domain_is_cut_to_what_was_registered() -> None:
    found = email.parse('"Doe, Jane" <jane@mail.acme.co.uk>')
    assert found is not None
    assert (found.display_name, found.registrable_domain) == ("Doe, Jane", "acme.co.uk")


@pytest.mark.parametrize(
    ("text", "role", "bulk"),
    [
        ("info@a.com", True, False),
        ("accounts-payable@a.com", True, False),
        ("no-reply@a.com", True, True),
        ("newsletter@a.com", True, True),
        ("mary@a.com", False, False),
    ],
)
def test_roles_and_machines_are_told_from_people(text: str, role: bool, bulk: bool) -> None:
    found = email.parse(text)
    assert found is not None
    local = found.address.partition("@")[0]
    assert (email.is_role(local), email.is_bulk_sender(local)) == (role, bulk)


@given(st.text(max_size=80) | st.from_regex(r"[a-z.+\"<> ]{0,9}@[a-z.\-]{1,9}", fullmatch=True))
def test_any_text_is_an_address_or_none_and_an_address_stays_what_it_is(text: str) -> None:
    found = email.parse(text)
    if found is not None:
        again = email.parse(found.address)
        assert again is not None and again.address == found.address
        assert "@" in found.match_key


@pytest.mark.parametrize(("text", "region"), NUMBERS)
def test_a_number_is_found(text: str, region: str) -> None:
    found = phone.parse(text, region)
    assert found is not None and found.e164 == NUMBERS[text, region]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_cannot_be_dialled_is_refused(text: str) -> None:
    assert phone.parse(text, "US") is None


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_an_extension_is_kept_apart(extension: str) -> None:
    found = phone.parse("212-736-5000" + extension, "US")
    assert found == phone.Phone(e164="+12127365000", region="US", extension="123")


def test_ten_indian_digits_never_become_american() -> None:
    found = phone.parse("9876543210", "IN")
    assert found is not None and found.e164 == "+919876543210"


@given(st.text(max_size=60) | st.from_regex(r"[+0-9() .x\-]{0,25}", fullmatch=True))
def test_any_text_is_a_number_or_none_and_a_number_stays_what_it_is(text: str) -> None:
    found = phone.parse(text, "US")
    if found is not None:
        again = phone.parse(found.e164, "DE")
        assert again is not None and again.e164 == found.e164


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jane Doe", name.Name(given="Jane", family="Doe")),
        ("Doe, Jane", name.Name(given="Jane", family="Doe")),
        ("Doe, Jane (Acme)", name.Name(given="Jane", family="Doe")),
        ("Dr. Jane van der Doe", name.Name(given="Jane", family="van der Doe")),
        ("John Smith Jr.", name.Name(given="John", family="Smith", suffix="Jr.")),
        ("John Smith, Jr.", name.Name(given="John", family="Smith", suffix="Jr.")),
        ("Mary Ann Smith", name.Name(given="Mary Ann", family="Smith")),
        ("Madonna", name.Name(given="Madonna", family="")),
        ("jane@acme.com", name.Name(given="", family="")),
        ("+1 212 736 5000", name.Name(given="", family="")),
        ("", name.Name(given="", family="")),
    ],
)
def test_a_name_is_split(text: str, expected: name.Name) -> None:
    assert name.split(name.personal(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://www.acme.com/about?x=1", "acme.com"),
        ("acme.co.uk", "acme.co.uk"),
        ("HTTP://shop.acme.co.uk:8080", "acme.co.uk"),
        ("www.bücher.de", "xn--bcher-kva.de"),
        ("localhost", None),
        ("", None),
        ("http://127.0.0.1/", None),
    ],
)
def test_a_web_address_gives_its_domain(text: str, expected: str | None) -> None:
    assert (domain.of_url(text) or None) == expected


@given(st.text(max_size=80))
def test_any_text_is_a_domain_or_none(text: str) -> None:
    found = domain.canonical(text)
    assert not found or domain.canonical(found) == found
    name.split(text)
