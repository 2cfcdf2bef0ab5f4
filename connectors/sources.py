"""The sources that a deployment reads: table [sources] of its settings file, and their connectors.

A source is set up by its own table, as in [sources.hubspot]; what is not there is not read.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from connectors.cursors import CursorStore
from connectors.dialpad.settings import DialpadSettings
from connectors.exclusions import Exclusions
from connectors.finding import Finding
from connectors.gmail.settings import GmailSettings
from connectors.hubspot.settings import HubSpotSettings
from connectors.questions import Question
from connectors.salesforce.settings import SalesforceSettings, settings_of
from connectors.secrets import Secrets
from connectors.stream import Connector, Stream
from schemas.errors import ConfigurationError
from schemas.topology import HINT_SOURCES

# Each vendor's library is loaded by who reads that vendor: together they take as long to load as
# all the rest, and the webhook service needs none of them.
if TYPE_CHECKING:
    from connectors.dialpad.client import DialpadClient
    from connectors.fetching import Fetcher
    from connectors.gmail import GmailConnector
    from connectors.hubspot import HubSpotConnector
    from connectors.salesforce import SalesforceConnector
    from connectors.salesforce.reconcile import Known

T = TypeVar("T")

FILE = "salesintel.toml"


class Sources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is read, and what of it is never held."""

    gmail: GmailSettings | None = None
    salesforce: SalesforceSettings | None = None
    hubspot: HubSpotSettings | None = None
    dialpad: DialpadSettings | None = None
    exclusions: Exclusions = Exclusions()


NAMES = ("gmail", "salesforce", "hubspot", "dialpad")
"""Sources that can be read live."""

_LEAST = {
    "gmail": 'service_account_key = "file:…" and directory_admin = "…"',
    "salesforce": 'instance_url = "https://…", consumer_key = "file:…" and consumer_secret',
    "hubspot": 'token = "file:…"',
    "dialpad": 'token = "file:…"',
}
"""The least that a source's table says."""


class LiveConnector(Connector, Protocol):
    """A source that is polled, that can be filled back, and that is looked after each night."""

    def backfill(self, since: int, until: int, objects: Iterable[str] = (), /) -> Iterable[Stream]:
        """Streams of what lies within [since, until), microseconds since the epoch."""
        ...

    def questions(self, days: Iterable[int]) -> Iterable[Question]:
        """How many records it says it has, in all and of days (since the epoch, UTC)."""
        ...

    def drift(self, cursors: CursorStore) -> Iterable[Finding]:
        """What is no longer as it was set up there, so that events fail to come, in silence."""
        ...

    def comparison(self) -> Iterable[Stream]:
        """Streams that compare all that there is with what we hold, where no event tells."""
        ...


def load_sources(path: Path | None) -> Sources:
    """Table [sources] of a TOML file; none where there is no such table, or `path` is None.

    ConfigurationError names the file and what is wrong in it.
    """
    given = table_of(path, "sources")
    try:
        return sources_of(given)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def table_of(path: Path | None, name: str) -> Any:
    """What a TOML file has under a name; an empty table where it has nothing, or `path` is None."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")).get(name, {})
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}): name a settings file that can"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None


def sources_of(given: Any) -> Sources:
    """Sources from what table [sources] holds; ConfigurationError says what to mend."""
    if not isinstance(given, Mapping):
        raise ConfigurationError("sources is no table: write [sources.hubspot] and the like")
    salesforce = given.get("salesforce")
    if isinstance(salesforce, Mapping):
        # Its own words for what other tools had there, and for what contradicts itself.
        settings_of(salesforce)
    try:
        return msgspec.convert(dict(given), Sources)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"[sources]: {error}") from None


def known(source: str) -> str:
    """The source itself; ConfigurationError where there is none of that name."""
    if source not in NAMES:
        raise ConfigurationError(f"there is no source {source!r}: choose one of {', '.join(NAMES)}")
    return source


def connector_of(
    source: str, sources: Sources, secrets: Secrets, known_ids: "Known | None" = None
) -> LiveConnector:
    """The connector of a source; ConfigurationError where it is not set up, with what to write.

    `known_ids` gives the ids that we hold of an object of Salesforce.
    """
    making: dict[str, Callable[[], LiveConnector]] = {
        "gmail": lambda: _gmail(sources, secrets),
        "salesforce": lambda: _salesforce(sources, secrets, known_ids),
        "hubspot": lambda: _hubspot(sources, secrets),
        "dialpad": lambda: _dialpad_connector(sources, secrets),
    }
    return making[known(source)]()


def fetcher_of(source: str, sources: Sources, secrets: Secrets) -> "Fetcher":
    """What reads a source's hints; ConfigurationError as `connector_of`, and where its webhook
    carries whole records, or it has none."""
    from connectors.fetching import PageFetcher

    if known(source) == "gmail":
        from connectors.gmail.fetch import GmailFetcher

        return GmailFetcher(_gmail(sources, secrets))
    if source == "hubspot":
        return PageFetcher("hubspot", _hubspot(sources, secrets).fetcher().fetch)
    raise ConfigurationError(
        f"{source} sends no hints, so there is nothing to fetch: choose one of "
        f"{', '.join(HINT_SOURCES)}"
    )


def check_of(
    source: str, sources: Sources, secrets: Secrets, webhooks: Secrets | None
) -> Iterator[Finding]:
    """What a source says to harmless calls; ConfigurationError as `connector_of`. `webhooks`: where
    those of its webhooks are looked at; None where they are another account's to read."""
    if known(source) == "gmail":
        from connectors.gmail.check import check as check_gmail

        return check_gmail(_gmail(sources, secrets))
    if source == "salesforce":
        return _salesforce(sources, secrets).check()
    if source == "hubspot":
        from connectors.hubspot.check import check as check_hubspot

        hubspot = _hubspot(sources, secrets)
        return check_hubspot(hubspot.client, hubspot.settings, webhooks)
    from connectors.dialpad.check import check as check_dialpad

    return check_dialpad(_dialpad(sources, secrets), _of(sources.dialpad, "dialpad"), webhooks)


def _of(settings: T | None, source: str) -> T:
    if settings is None:
        raise ConfigurationError(
            f"{source} is not set up: write a table [sources.{source}] into {FILE}, with at least "
            f"{_LEAST[source]}; see docs/setup/{source}.md"
        )
    return settings


def _gmail(sources: Sources, secrets: Secrets) -> "GmailConnector":
    from connectors.gmail import GmailConnector

    return GmailConnector(_of(sources.gmail, "gmail"), secrets, sources.exclusions)


def set_up(sources: Sources) -> tuple[str, ...]:
    """The sources that are set up, in the order of `NAMES`."""
    return tuple(name for name in NAMES if getattr(sources, name) is not None)


def _salesforce(
    sources: Sources, secrets: Secrets, known_ids: "Known | None" = None
) -> "SalesforceConnector":
    from connectors.salesforce import SalesforceClient, SalesforceConnector

    client = SalesforceClient(_of(sources.salesforce, "salesforce"), secrets)
    return SalesforceConnector(client, sources.exclusions, known_ids)


def _hubspot(sources: Sources, secrets: Secrets) -> "HubSpotConnector":
    from connectors.hubspot import HubSpotConnector

    return HubSpotConnector(_of(sources.hubspot, "hubspot"), secrets, sources.exclusions)


def _dialpad(sources: Sources, secrets: Secrets) -> "DialpadClient":
    from connectors.dialpad.client import DialpadClient

    return DialpadClient(_of(sources.dialpad, "dialpad"), secrets)


def _dialpad_connector(sources: Sources, secrets: Secrets) -> LiveConnector:
    from connectors.dialpad.connector import DialpadConnector

    settings = _of(sources.dialpad, "dialpad")
    return DialpadConnector(settings, _dialpad(sources, secrets), sources.exclusions)
