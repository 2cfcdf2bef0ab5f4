"""Settings that the graph could not work with are refused before anything starts."""

from pathlib import Path

import pytest

from pipelines.checks import checked_settings
from schemas.errors import ConfigurationError
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
