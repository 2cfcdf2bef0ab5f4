"""What a deployment decides: own domains, region of phone numbers, custom fields, field policy,
how long what is kept.

One TOML file (`salesintel.toml`, or the path in SALESINTEL_CONFIG); every key has a default, an
unknown key is an error. Nothing here is a secret.
"""

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from schemas.errors import ConfigurationError
from schemas.retention import DAYS, RetentionClass

Treatment = Literal["keep", "drop", "truncate", "hash"]
OTHERS = ("sources", "webhooks", "quality", "notifications")
"""Tables of the file that others read."""
MODELS = ("exact", "shipped")
"""Of identity, those that no file holds."""


class CustomField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A custom CRM field that fills a declared column: `salesforce.contact` `Linked_In__c`."""

    record: str
    """`source.object_type`, as in `hubspot.contact`."""
    field: str
    """Its name at the source, as the API has it."""
    column: str
    """The column that it fills, of the record's table."""


class FieldPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to a column after Normalise: `sales.bodies.body` = truncate to 2,000."""

    column: str
    """`dataset.table.column`."""
    treatment: Treatment
    """What happens to each value."""
    length: int = 0
    """Of `truncate`: characters that stay."""


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Table `[retention]`: days by class of data (schemas/retention.py), and what is on hold."""

    facts: int = DAYS["facts"]
    """Days for interactions and who took part."""
    bodies: int = DAYS["bodies"]
    """For what was written and said."""
    raw: int = DAYS["raw"]
    """For payloads as they came."""
    dead_letters: int = DAYS["dead_letters"]
    """For what could not be processed."""
    operations: int = DAYS["operations"]
    """For runs, counts and checks."""
    history: int = DAYS["history"]
    """For versions that another has superseded."""
    audit: int = DAYS["audit"]
    """For who did what."""
    legal_hold: bool | tuple[str, ...] = False
    """Nothing expires and nobody is erased: true, of all; or of these record keys and mailboxes."""

    def days(self, of: RetentionClass) -> int:
        """Days that rows of a class are kept."""
        return int(getattr(self, of))

    @property
    def holds_all(self) -> bool:
        """Whether nothing at all may go."""
        return self.legal_hold is True

    @property
    def held(self) -> tuple[str, ...]:
        """The record keys and mailboxes whose rows may not go."""
        return self.legal_hold if isinstance(self.legal_hold, tuple) else ()


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a deployment."""

    own_domains: tuple[str, ...] = ()
    """Domains of our own people: whoever writes from them is internal."""
    own_numbers: tuple[str, ...] = ()
    """Our own phone numbers, E.164: never the counterpart, never evidence."""
    region: str = "US"
    """ISO 3166 code under which a national phone number is read."""
    retention: Retention = Retention()
    custom_fields: tuple[CustomField, ...] = ()
    field_policies: tuple[FieldPolicy, ...] = ()
    identity_model: str = "shipped"
    """What makes records one: every field under the `shipped` model or that of a file, or `exact`
    identifiers alone; a path is meant from the settings file on."""


def load_settings(path: Path | None) -> Settings:
    """The settings in a TOML file; the defaults where `path` is None."""
    if path is None:
        return Settings()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        # Not the graph's: connectors and commands read them from the same file.
        for table in OTHERS:
            found.pop(table, None)
        settings = msgspec.convert(found, Settings)
    except FileNotFoundError:
        raise ConfigurationError(f"{path} does not exist: name a settings file that does") from None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}): name a settings file that can"
        ) from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    if settings.identity_model in MODELS:
        return settings
    model = path.parent / settings.identity_model
    return msgspec.structs.replace(settings, identity_model=str(model))
