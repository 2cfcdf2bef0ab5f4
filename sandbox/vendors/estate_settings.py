"""The settings file that leads to an estate, and the secrets that it names."""

import json
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.dialpad.settings import PER_MINUTE
from sandbox.company import Company
from sandbox.company.world import OWN_DOMAIN
from sandbox.vendors.dialpad.app import PREFIX
from sandbox.vendors.gmail.state import ADMIN
from sandbox.vendors.gmail.tokens import PUSH_ACCOUNT, Tokens

FILE = "salesintel.toml"
TOPIC = "projects/salesintel-local/topics/gmail-watch"
ENDLESS = 1e9
"""A rate that nobody reaches."""
ALL_DAYS = 4_000
"""From the first of the company's mails and calls up to now."""


class Access:
    """The secrets of an estate: the same for the same seed."""

    def __init__(self, rng: random.Random) -> None:
        self.salesforce_key = _made(rng)
        self.salesforce_secret = _made(rng)
        self.hubspot = _made(rng)
        self.hubspot_webhook = _made(rng)
        self.dialpad = _made(rng)
        self.dialpad_webhook = _made(rng)


def _made(rng: random.Random) -> str:
    return f"{rng.getrandbits(160):040x}"


def written(
    folder: Path,
    access: Access,
    tokens: Tokens,
    company: Company,
    addresses: Mapping[str, str],
    *,
    webhooks: str,
    scale: float,
    details_s: float,
    first_days: int,
) -> Path:
    """Writes the file and the secrets, and returns its path. `scale`: how many times the vendors'
    limits are in force; 0: none."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)

    def kept(name: str, value: str) -> str:
        path = secrets.resolve() / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(f"{value}\n")
        return f"file:{path}"

    google = addresses["gmail"]
    tables: dict[str, dict[str, Any]] = {
        "sources.gmail": {
            "service_account_key": kept("gmail.json", tokens.key_file(f"{google}/token")),
            "directory_admin": ADMIN,
            "first_days": first_days,
            "units_a_minute": int(6_000 * scale) or int(ENDLESS),
            "project_units_a_minute": int(1_200_000 * scale) or int(ENDLESS),
        },
        "sources.gmail.endpoints": {
            "gmail": google,
            "directory": google,
            "iam": google,
            "token": f"{google}/token",
            "push_keys": f"{google}/certs",
        },
        "sources.salesforce": {
            "instance_url": addresses["salesforce"],
            "consumer_key": kept("salesforce-key", access.salesforce_key),
            "consumer_secret": kept("salesforce-secret", access.salesforce_secret),
            "rate": [20 if scale else ENDLESS, 1],
            "deleted_every_s": 60,
        },
        "sources.hubspot": {
            "base_url": addresses["hubspot"],
            "token": kept("hubspot", access.hubspot),
            "searches_per_s": 4.0 * scale or ENDLESS,
            "calls_per_10_s": 90.0 * scale or ENDLESS,
            "calls_per_day": 225_000.0 * scale or ENDLESS,
            "delayed_every_s": 5,
            "sweep_every_s": 5,
        },
        "sources.dialpad": {
            "base_url": addresses["dialpad"] + PREFIX,
            "token": kept("dialpad", access.dialpad),
            "company_per_s": 15.0 * scale or ENDLESS,
            "per_minute": {name: most * scale or ENDLESS for name, most in PER_MINUTE.items()},
            "first_days": first_days,
            "details_days": first_days,
            "details_per_round": 10 if scale else 10_000,
            "details_after_min": [details_s / 60 * times for times in (1.2, 6.5, 13.0)],
        },
    }
    if webhooks:
        tables["webhooks"] = {"public_url": webhooks}
        tables["sources.gmail"] |= {
            "topic": TOPIC,
            "push_audience": f"{webhooks}/webhooks/gmail",
            "push_account": PUSH_ACCOUNT,
        }
        tables["sources.hubspot"]["webhook_secrets"] = [
            kept("hubspot-webhook", access.hubspot_webhook)
        ]
        tables["sources.dialpad"] |= {
            "webhook_secrets": [kept("dialpad-webhook", access.dialpad_webhook)],
            "webhook_url": f"{webhooks}/webhooks/dialpad",
        }
    own = {
        "own_domains": [OWN_DOMAIN],
        "own_numbers": [company.own_number, *(rep.number for rep in company.reps)],
        "region": "US",
    }
    parts = [_lines(own), *(f"[{name}]\n{_lines(one)}" for name, one in tables.items())]
    path = folder / FILE
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {_toml(value)}\n" for name, value in table.items())


def _toml(value: Any) -> str:
    """Texts, numbers, lists and tables in TOML: but for tables the same as in JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    return json.dumps(value)
