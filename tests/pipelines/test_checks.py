"""Settings that the graph could not work with are refused before anything starts."""

from pathlib import Path

import pytest

from pipelines.checks import checked_settings
from schemas.errors import ConfigurationError
from transforms.normalise.context import Context
from transforms.settings import Settings

KEY = b"k"


def test_no_file_means_the_defaults() -> None:
    assert checked_settings(None, KEY) == Settings()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('own_domain = ["x"]', "own_domain"),
        ("own_domains = [", "salesintel.toml"),
        (
            '[[custom_fields]]\nrecord = "salesforce.contact"\nfield = "X__c"\ncolumn = "nope"',
            "no column nope",
        ),
        (
            '[[custom_fields]]\nrecord = "zoho.contact"\nfield = "x"\ncolumn = "title"',
            "no records zoho.contact",
        ),
        ('[[field_policies]]\ncolumn = "sales.people.nope"\ntreatment = "drop"', "does not exist"),
        (
            '[[field_policies]]\ncolumn = "sales.people.title"\ntreatment = "truncate"',
            "length above 0",
        ),
        ('identity_model = "two.json"', "two.json cannot be read"),
        ('identity_model = "salesintel.toml"', "is no model file"),
        ("[retention]\nraw = 7", "raw is 7 days: write 8 to 36500"),
        ("[retention]\nfacts = 100", "bodies are kept longer than facts"),
        ('[retention]\nlegal_hold = ["ada"]', "'ada' is neither a record key"),
        ("[retention]\nlegal_hold = 5", "legal_hold"),
        ("[retention]\nmails = 5", "mails"),
        ('region = "ZZ"', "region 'ZZ' is no region"),
        ('region = "us"', 'region = "US"'),
        ('region = "Germany"', "two capitals"),
        ('own_domains = ["@ours.example"]', "'@ours.example' is no domain.*as in \"ours.example\""),
        ('own_domains = ["https://www.ours.example/a"]', 'as in "ours.example"'),
        ('own_domains = ["ann@ours.example"]', 'as in "ours.example"'),
        ('own_domains = ["ours"]', "'ours' is no domain"),
        ('own_domains = [""]', "'' is no domain"),
        ('own_domains = ["co.uk"]', "everybody may have a name below 'co.uk'"),
        ('own_numbers = ["our number"]', "'our number' is no phone number.*country code"),
        ('own_numbers = ["12"]', "'12' is no phone number"),
        ('own_numbers = [""]', "'' is no phone number"),
    ],
)
def test_what_is_wrong_is_named(text: str, names: str, tmp_path: Path) -> None:
    path = tmp_path / "salesintel.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=names):
        checked_settings(path, KEY)


def test_hashing_needs_a_key(tmp_path: Path) -> None:
    path = tmp_path / "salesintel.toml"
    path.write_text('[[field_policies]]\ncolumn = "sales.people.emails"\ntreatment = "hash"')
    assert checked_settings(path, KEY).field_policies
    with pytest.raises(ConfigurationError, match="no key is set"):
        checked_settings(path, b"")


def test_domains_and_numbers_are_taken_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "salesintel.toml"
    path.write_text(
        'region = "GB"\nown_domains = ["Ours.Example", "müller.de", "sales.ours.co.uk"]\n'
        'own_numbers = ["+14155550100", "020 7946 0018"]\n'
    )
    settings = checked_settings(path, KEY)
    assert settings.own_domains == ("ours.example", "xn--mller-kva.de", "sales.ours.co.uk")
    assert settings.own_numbers == ("+14155550100", "+442079460018")
    context = Context(settings)
    assert context.is_internal("ann@ours.example")
    assert context.is_internal("ann@mail.ours.example")
    assert context.is_internal("ann@xn--mller-kva.de")
    assert not context.is_internal("ann@ours.co.uk")


def test_what_is_on_hold_is_named_as_the_tables_name_it(tmp_path: Path) -> None:
    path = tmp_path / "salesintel.toml"
    path.write_text('[retention]\nlegal_hold = ["files:contact:7", "Ada@Own.example"]', "utf-8")
    retention = checked_settings(path, KEY).retention
    assert retention.held == ("files:contact:7", "ada@own.example")
    assert not retention.holds_all
    path.write_text("[retention]\nlegal_hold = true", "utf-8")
    assert checked_settings(path, KEY).retention.holds_all
