"""The sandbox's small company as messages that were never published."""

from pathlib import Path
from typing import NamedTuple

from connectors.bad_input import BadInput, bad_input_message
from connectors.files import ImportOptions, plan, read
from sandbox.company import SMALL, export, generate
from sandbox.company.world import AS_OF_US
from schemas.envelope import encode
from schemas.flow import Received
from transforms.settings import Settings, load_settings


class CompanyMessages(NamedTuple):
    """Messages, and the settings that go with them."""

    messages: list[Received]
    settings: Settings
    bad: int
    """How many carry an input that no reader could take."""


def company_messages(directory: Path, seed: int = 7) -> CompanyMessages:
    """Every export of the company as an import publishes it."""
    manifest = export(generate(seed, SMALL), directory)
    options = ImportOptions(as_of=AS_OF_US)
    messages = []
    for number, found in enumerate(read(plan(list(manifest.imports), options), options)):
        message = bad_input_message(found)[1:] if isinstance(found, BadInput) else encode(found)
        messages.append(Received(*message, f"m-{number}", AS_OF_US + number))
    return CompanyMessages(messages, load_settings(manifest.settings), manifest.bad)
