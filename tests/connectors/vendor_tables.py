"""The sandboxes as a settings file names them: a table of [sources] each, secrets in files."""

import sys
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parent / one)
    for one in ("", "hubspot", "dialpad", "gmail", "salesforce")
]

from dialpad_harness import PREFIX, DialpadHarness  # noqa: E402
from gmail_harness import GmailHarness  # noqa: E402
from hubspot_harness import HubSpotHarness  # noqa: E402
from salesforce_harness import SalesforceHarness  # noqa: E402

from sandbox.vendors.gmail.state import ADMIN  # noqa: E402


def _secret(folder: Path, name: str, value: str) -> str:
    (folder / name).write_text(value)
    return f"file:{folder / name}"


def gmail_table(folder: Path, mail: GmailHarness) -> str:
    """[sources.gmail]: all mailboxes of the directory."""
    key = mail.sandbox.tokens.key_file(f"{mail.address}/token")
    return f"""
[sources.gmail]
service_account_key = "{_secret(folder, "gmail", key)}"
directory_admin = "{ADMIN}"
first_days = 4000
units_a_minute = 1000000
project_units_a_minute = 1000000
[sources.gmail.endpoints]
gmail = "{mail.address}"
directory = "{mail.address}"
token = "{mail.address}/token"
"""


def salesforce_table(folder: Path, org: SalesforceHarness) -> str:
    """[sources.salesforce]: client credentials."""
    return f"""
[sources.salesforce]
instance_url = "{org.settings["instance_url"]}"
consumer_key = "{_secret(folder, "key", "key")}"
consumer_secret = "{_secret(folder, "salesforce", "secret")}"
rate = [1e9, 1]
"""


def hubspot_table(folder: Path, crm: HubSpotHarness) -> str:
    """[sources.hubspot]."""
    return f"""
[sources.hubspot]
base_url = "{crm.address}"
token = "{_secret(folder, "hubspot", "token-1")}"
searches_per_s = 1e9
calls_per_10_s = 1e9
calls_per_day = 1e9
"""


def dialpad_table(folder: Path, phones: DialpadHarness) -> str:
    """[sources.dialpad]: what is listed, without transcripts and recaps."""
    rates = ", ".join(f"{name} = 1e9" for name in phones.settings.per_minute)
    return f"""
[sources.dialpad]
base_url = "{phones.address}{PREFIX}"
token = "{_secret(folder, "dialpad", "sandbox-key")}"
objects = ["call", "user", "contact"]
company_per_s = 1e9
per_minute = {{ {rates} }}
"""
