"""Settings held against what the graph would make of them, before anything starts."""

import re
from pathlib import Path

import msgspec
from phonenumbers import SUPPORTED_REGIONS

from schemas.errors import ConfigurationError
from schemas.retention import CLASSES, LONGEST_DAYS, SHORTEST_DAYS
from transforms.identifiers import domain, email, phone
from transforms.identity.weighed.choice import model_of
from transforms.normalise.context import Context
from transforms.redact import Redact
from transforms.settings import Retention, Settings, load_settings

ANY_KEY = b"any"
"""For who redacts nothing: settings are as right, or as wrong, under any key."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def checked_settings(path: Path | None, redaction_key: bytes) -> Settings:
    """The settings of a file, or the defaults where `path` is None; domains in lower case, numbers
    in E.164.

    ConfigurationError names the first thing that is wrong: a key that is none, a region, domain or
    number that is none, days of retention that are too few or too many, a custom field or a field
    policy of a column that there is not, a model of identity that cannot be read.
    """
    settings = load_settings(path)
    _check_region(settings.region)
    settings = msgspec.structs.replace(
        settings,
        own_domains=tuple(map(_own_domain, settings.own_domains)),
        own_numbers=tuple(_own_number(one, settings.region) for one in settings.own_numbers),
        retention=checked_retention(settings.retention),
    )
    Context(settings)
    Redact(settings.field_policies, redaction_key)
    model_of(settings)
    return settings


def _check_region(region: str) -> None:
    if region not in SUPPORTED_REGIONS:
        code = region.strip().upper()
        example = code if code in SUPPORTED_REGIONS else "US"
        raise ConfigurationError(
            f"region {region!r} is no region of phone numbers: write the two capitals of "
            f'ISO 3166, as in region = "{example}"'
        )


def _own_domain(written: str) -> str:
    """In the form that domains are compared in."""
    name = domain.canonical(written)
    if not name:
        meant = domain.of_url(written) or "ours.com"
        raise ConfigurationError(
            f"own_domains: {written!r} is no domain: write what stands behind the @ of an address, "
            f'as in "{meant}"'
        )
    if domain.registrable(f"any.{name}") == f"any.{name}":
        raise ConfigurationError(
            f"own_domains: everybody may have a name below {written!r}: write your own"
        )
    return name


def _own_number(written: str, region: str) -> str:
    """In E.164. One that is written so need not be in use: the plans of numbers grow."""
    found = phone.parse(written, region)
    if found is not None:
        return found.e164
    if _E164.fullmatch(written):
        return written
    raise ConfigurationError(
        f"own_numbers: {written!r} is no phone number: write it with its country code, as in "
        '"+14155550100"'
    )


def checked_retention(written: Retention) -> Retention:
    """With what is on hold as the tables have it: mailboxes in lower case. ConfigurationError where
    days are too few or too many, or what is on hold is none."""
    for name in CLASSES:
        days = written.days(name)
        if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
            raise ConfigurationError(
                f"retention: {name} is {days} days: write {SHORTEST_DAYS} to {LONGEST_DAYS}"
            )
    if written.bodies > written.facts:
        raise ConfigurationError(
            "retention: bodies are kept longer than facts, whose texts they are: let facts stay as "
            "long"
        )
    if not written.held:
        return written
    return msgspec.structs.replace(written, legal_hold=tuple(map(_held, written.held)))


def _held(written: str) -> str:
    if written.count(":") >= 2:
        return written
    found = email.parse(written)
    if found is None:
        raise ConfigurationError(
            f"retention.legal_hold: {written!r} is neither a record key (source:type:id) nor a "
            "mailbox: write true to hold everything"
        )
    return found.address
