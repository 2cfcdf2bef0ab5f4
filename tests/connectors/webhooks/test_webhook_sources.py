"""Which webhooks are taken and whose hints are followed, as the settings file has it."""

import re
import tomllib
from pathlib import Path

import pytest

from connectors.secrets import SecretStore
from connectors.sources import NAMES, Sources, fetcher_of, sources_of
from connectors.webhooks.receivers import receivers_of
from connectors.webhooks.settings import WebhookSettings, load_webhook_settings
from schemas.errors import ConfigurationError
from schemas.topology import HINT_SOURCES
from transforms.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[3]
SECRETS = SecretStore(cloud=False)
GMAIL = {"service_account_key": "file:k", "mailboxes": ["ada@ours.example"]}
PUSHED = {"push_audience": "https://hooks.example", "push_account": "push@p.example"}
SIGNED = {"token": "file:t", "webhook_secrets": ["file:s"]}
UNSIGNED = {"token": "file:t"}


def test_each_source_that_can_be_told_by_its_signature_has_a_route() -> None:
    sources = sources_of({"gmail": GMAIL | PUSHED, "hubspot": SIGNED, "dialpad": SIGNED})
    found = receivers_of(sources, SECRETS)
    assert {name: one.source for name, one in found.items()} == {
        "gmail": "gmail",
        "hubspot": "hubspot",
        "dialpad": "dialpad",
    }


def test_a_source_without_what_its_webhook_needs_has_none() -> None:
    for name, whole, bare in (
        ("gmail", GMAIL | PUSHED, GMAIL),
        ("hubspot", SIGNED, UNSIGNED),
        ("dialpad", SIGNED, UNSIGNED),
    ):
        other = "dialpad" if name != "dialpad" else "hubspot"
        sources = sources_of({name: bare, other: SIGNED})
        assert set(receivers_of(sources, SECRETS)) == {other}
        assert set(receivers_of(sources_of({name: whole}), SECRETS)) == {name}


def test_dialpad_without_signatures_is_taken_only_where_one_says_so() -> None:
    sources = sources_of({"dialpad": UNSIGNED | {"allow_unsigned": True}})
    assert set(receivers_of(sources, SECRETS)) == {"dialpad"}


@pytest.mark.parametrize("given", [{}, {"gmail": GMAIL, "hubspot": UNSIGNED}], ids=["none", "bare"])
def test_no_webhook_at_all_is_refused_with_what_to_write(given: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=r"webhook_secrets.*push_audience"):
        receivers_of(sources_of(given), SECRETS)


def test_hints_are_followed_of_those_whose_topics_there_are() -> None:
    sources = sources_of({"gmail": GMAIL, "hubspot": UNSIGNED, "dialpad": UNSIGNED})
    assert [fetcher_of(name, sources, SECRETS).source for name in HINT_SOURCES] == [*HINT_SOURCES]
    for name in sorted({*NAMES} - {*HINT_SOURCES}):
        with pytest.raises(ConfigurationError, match=r"sends no hints.*gmail, hubspot"):
            fetcher_of(name, sources, SECRETS)
    for name in HINT_SOURCES:
        with pytest.raises(ConfigurationError, match=rf"table \[sources.{name}\]"):
            fetcher_of(name, Sources(), SECRETS)
    with pytest.raises(ConfigurationError, match="pigeon"):
        fetcher_of("pigeon", sources, SECRETS)


def test_the_table_of_webhooks_is_read_beside_all_others(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    (block,) = re.findall(r"^```toml\n(\[webhooks\].*?)^```", page, re.DOTALL | re.MULTILINE)
    assert set(tomllib.loads(block)["webhooks"]) == set(WebhookSettings.__struct_fields__)
    path = tmp_path / "salesintel.toml"
    path.write_text(block)
    assert load_webhook_settings(path).public_url == "https://hooks.example.com"
    assert load_settings(path) == Settings()
    path.write_text('region = "DE"\n')
    assert load_webhook_settings(path) == load_webhook_settings(None) == WebhookSettings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("webhooks = 1", "webhooks is no table"),
        ("[webhooks]\nport = 1", "unknown field `port`"),
        ('[webhooks]\nlimit_bytes = "many"', "limit_bytes"),
        ("[webhooks", "salesintel.toml"),
        ("[webhooks]\nlimit_bytes = 0", "above 0"),
        ("[webhooks]\nbody_s = nan", "above 0"),
        ('[webhooks]\npublic_url = "hooks.example.com"', "with its scheme"),
    ],
    ids=[
        "no table",
        "unknown",
        "no number",
        "no TOML",
        "nothing is taken",
        "no time",
        "no scheme",
    ],
)
def test_what_is_wrong_in_the_table_is_said_with_the_file(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "salesintel.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=re.escape(words)) as raised:
        load_webhook_settings(path)
    assert str(path) in str(raised.value)
