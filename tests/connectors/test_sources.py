"""Table [sources] of the settings file, and the connectors that it sets up."""

import re
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connectors.dialpad.settings import DialpadSettings
from connectors.secrets import SecretStore
from connectors.sources import (
    NAMES,
    Sources,
    check_of,
    connector_of,
    load_sources,
    sources_of,
)
from schemas.errors import ConfigurationError
from transforms.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = """
own_domains = ["ours.example"]

[sources.exclusions]
domains = ["lawyers.example"]

[sources.gmail]
service_account_key = "file:key.json"
mailboxes = ["ada@ours.example"]

[sources.salesforce]
instance_url = "https://ours.my.salesforce.com"
consumer_key = "env:KEY"
consumer_secret = "env:SECRET"
rate = [5, 1]

[sources.hubspot]
token = "file:hubspot"
searches_per_s = 3

[sources.dialpad]
token = "file:dialpad"
objects = ["call"]
"""
SECRETS = SecretStore(cloud=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "salesintel.toml"
    file.write_text(FILE)
    return file


def test_all_four_stand_in_one_file_beside_what_the_graph_reads(path: Path) -> None:
    sources = load_sources(path)
    assert sources.exclusions.domains == ("lawyers.example",)
    assert sources.dialpad == DialpadSettings(token="file:dialpad", objects=("call",))
    for name in NAMES:
        assert connector_of(name, sources, SECRETS).source == name
    assert load_settings(path) == Settings(own_domains=("ours.example",))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_a_source_shows_settings_that_are_taken(name: str) -> None:
    page = (ROOT / "docs" / "setup" / f"{name}.md").read_text("utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    sources = sources_of(tomllib.loads("".join(blocks))["sources"])
    assert connector_of(name, sources, SECRETS).source == name


def test_the_page_of_the_configuration_shows_sources_that_are_taken() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    (block,) = re.findall(r"^```toml\n(\[sources.*?)^```", page, re.DOTALL | re.MULTILINE)
    sources = sources_of(tomllib.loads(block)["sources"])
    assert sources.hubspot and sources.dialpad and sources.exclusions.domains


def test_exclusions_reach_every_connector(path: Path) -> None:
    sources = load_sources(path)
    for name in NAMES:
        connector = connector_of(name, sources, SECRETS)
        assert connector.excluder.mail("a@lawyers.example", (), ()), name


def test_without_a_file_or_a_table_nothing_is_set_up(tmp_path: Path) -> None:
    file = tmp_path / "salesintel.toml"
    file.write_text('region = "DE"\n')
    assert load_sources(None) == load_sources(file) == Sources()


@pytest.mark.parametrize("name", NAMES)
def test_a_source_that_is_not_set_up_says_which_table_to_write(name: str) -> None:
    for make in (connector_of, partial(check_of, webhooks=SECRETS)):
        with pytest.raises(ConfigurationError, match=rf"table \[sources.{name}\].*{name}.md"):
            make(name, Sources(), SECRETS)


def test_an_unknown_source_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"'pigeon'.*gmail, salesforce, hubspot, dialpad"):
        connector_of("pigeon", Sources(), SECRETS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources = 1", "sources is no table"),
        ("[sources.pigeon]", "unknown field `pigeon`"),
        ("[sources.hubspot]\ntokken = 'env:A'", "unknown field `tokken`"),
        ("[sources.dialpad]", "missing required field `token`"),
        ("[sources]\ndialpad = 1", "dialpad"),
        ("[sources]\nsalesforce = 1", "salesforce"),
        ("[sources.salesforce]\npassword = 'p'", "retired"),
        ("[sources.salesforce]\ninstance_url = 'http://x'\nconsumer_key = 'env:A'", "no https"),
        ("[sources.gmail]", "service_account_key"),
        ("[sources", "Expected ']' at the end"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "salesintel.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=words) as refused:
        load_sources(file)
    assert str(refused.value).startswith(str(file))
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none.toml cannot be read"):
        load_sources(tmp_path / "none.toml")


def test_settings_of_another_kind_are_still_refused_by_the_graph(tmp_path: Path) -> None:
    file = tmp_path / "salesintel.toml"
    file.write_text("[source.hubspot]\n")
    with pytest.raises(ConfigurationError, match="unknown field `source`"):
        load_settings(file)


def test_nothing_of_a_secret_written_in_the_wrong_place_is_repeated() -> None:
    sources = sources_of({"hubspot": {"token": "pat-na1-secret"}})
    findings = list(check_of("hubspot", sources, SECRETS, SECRETS))
    assert not findings[0].ok
    assert "pat-na1-secret" not in str(findings)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"hubspot": {"objects": ["contacts"]}}, "no contacts"),
        ({"hubspot": {"signatures": ["v9"]}}, "v1, v2, v3"),
        ({"hubspot": {"signatures": []}}, "v1, v2, v3"),
        ({"hubspot": {"delay_s": -5_000}}, "delay_s"),
        ({"hubspot": {"overlap_s": float("nan")}}, "overlap_s"),
        ({"dialpad": {"token": "env:T", "overlap_h": -48}}, "overlap_h"),
        ({"dialpad": {"token": "env:T", "details_after_min": []}}, "details_after_min"),
        ({"dialpad": {"token": "env:T", "details_per_round": 0}}, "details_per_round"),
    ],
)
def test_settings_that_would_lose_changes_in_silence_are_refused(
    table: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        sources_of(table)
