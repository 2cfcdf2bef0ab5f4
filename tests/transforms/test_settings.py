"""Settings: defaults, a file, and clear words where it is wrong."""

from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from transforms.settings import Settings, load_settings


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings(None) == Settings()


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "salesintel.toml"
    path.write_text(
        'own_domains = ["ours.example"]\nregion = "GB"\n'
        '[[custom_fields]]\nrecord = "salesforce.contact"\nfield = "Mobile__c"\ncolumn = "phones"\n'
    )
    settings = load_settings(path)
    assert settings.own_domains == ("ours.example",) and settings.region == "GB"
    assert settings.custom_fields[0].column == "phones"


def test_a_model_is_meant_from_the_settings_file_on(tmp_path: Path) -> None:
    path = tmp_path / "salesintel.toml"
    for written, meant in (
        ("shipped", "shipped"),
        ("models/two.json", str(tmp_path / "models/two.json")),
        ("/srv/two.json", "/srv/two.json"),
    ):
        path.write_text(f'identity_model = "{written}"\n')
        assert load_settings(path).identity_model == meant


@pytest.mark.parametrize(
    "text", ["own_domain = []", "region = 3", "= =", '[[field_policies]]\na="b"']
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "salesintel.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="salesintel.toml"):
        load_settings(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_settings(tmp_path / "none.toml")


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings(tmp_path)
