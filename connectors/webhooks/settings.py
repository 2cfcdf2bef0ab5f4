"""What a deployment says of its webhooks: table [webhooks] of its settings file."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from connectors.sources import table_of
from schemas.errors import ConfigurationError


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a deployment."""

    public_url: str = ""
    """Scheme and host as vendors know us (`https://hooks.example.com`): what some of them sign.
    Empty: those of the request, which are not the same behind a proxy."""
    limit_bytes: int = 5_000_000
    """Larger bodies are refused before they are read. Below what a message holds."""
    body_s: float = 10.0
    """How long a body may take to arrive."""

    def __post_init__(self) -> None:
        """ConfigurationError for what would refuse every delivery, some of them for ever."""
        if self.limit_bytes < 1 or not self.body_s > 0:
            raise ConfigurationError("webhooks: limit_bytes and body_s are above 0")
        if self.public_url and not self.public_url.startswith(("https://", "http://")):
            raise ConfigurationError(
                "webhooks: public_url is written with its scheme, as in https://hooks.example.com: "
                "it is part of what HubSpot signs"
            )


def load_webhook_settings(path: Path | None) -> WebhookSettings:
    """Those in a TOML file, else the defaults; ConfigurationError says what to mend."""
    given = table_of(path, "webhooks")
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{path}: webhooks is no table: write [webhooks]")
    try:
        return msgspec.convert(dict(given), WebhookSettings)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: [webhooks]: {error}") from None
