"""What the pages tell people to type can be typed: commands, their options, make targets."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import typer

from connectors.dialpad.settings import DialpadSettings
from connectors.gmail.settings import GmailSettings
from connectors.hubspot.settings import HubSpotSettings
from connectors.salesforce.settings import SalesforceSettings
from operations import cli, settings_page
from operations.notifications.settings import Mail, Slack
from pipelines.options import SalesIntelOptions

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "runbooks/*.md")
    for path in ROOT.glob(pattern)
)
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\bsalesintel (?!-)([a-z][a-z-]*)([^`;|&\n]*)")
OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
TARGET = re.compile(r"\bmake ([a-z][a-z-]*(?: [a-z][a-z-]*)*)")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
EVERYWHERE = {"--help", "--debug"}


class Typed(NamedTuple):
    """A command as a page has it."""

    page: str
    name: str
    options: tuple[str, ...]


def code_of(page: Path) -> Iterator[str]:
    for found in CODE.finditer((ROOT / page).read_text("utf-8")):
        # A line that is broken in two goes on.
        yield found[0].replace("\\\n", " ").strip("`")


def typed() -> list[Typed]:
    return [
        Typed(str(page), found[1], tuple(OPTION.findall(found[2].partition(" #")[0])))
        for page in PAGES
        for code in code_of(page)
        for found in COMMAND.finditer(code)
    ]


def commands() -> dict[str, set[str]]:
    """Command to its options."""
    group: Any = typer.main.get_command(cli.app)
    return {
        name: {option for param in command.params for option in param.opts + param.secondary_opts}
        for name, command in group.commands.items()
    }


def test_the_pages_name_commands_and_options_that_there_are() -> None:
    known, found = commands(), typed()
    assert len(found) > 150
    wrong = [
        one
        for one in found
        if one.name not in known or set(one.options) - known[one.name] - EVERYWHERE
    ]
    assert not wrong


def test_the_pages_name_make_targets_that_there_are() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (str(page), target)
        for page in PAGES
        for code in code_of(page)
        for found in TARGET.findall(code)
        for target in found.split()
    }
    assert {"demo", "deploy", "rollback"} <= {target for _, target in named}
    assert not [one for one in named if one[1] not in targets]


def test_the_pages_lead_only_to_what_is_there() -> None:
    broken = []
    for page in PAGES:
        for link in LINK.findall(CODE.sub("", (ROOT / page).read_text("utf-8"))):
            path, _, anchor = link.partition("#")
            target = (ROOT / page).parent / path if path else ROOT / page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append((str(page), link))
    assert not broken


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_command_stands_in_the_table_of_the_readme() -> None:
    table = (ROOT / "README.md").read_text().split("| command | what it does |")[1]
    table = table.split("\n\n")[0]
    assert not [name for name in commands() if f"`{name}" not in table and name != "version"]


def test_the_page_of_settings_is_not_stale_and_tells_what_each_key_means() -> None:
    assert settings_page.PAGE.read_text("utf-8") == settings_page.page(), "make configuration"
    silent = [line for line in settings_page.page().splitlines() if line.endswith("|  |")]
    assert not silent


def test_the_page_of_settings_has_every_option_that_a_job_takes() -> None:
    _, _, options = settings_page.page().partition("## Options of the jobs")
    rows = {line.split("`")[1] for line in options.splitlines() if line.startswith("| `")}
    parser = argparse.ArgumentParser(add_help=False)
    SalesIntelOptions._add_argparse_args(parser)
    assert rows == {action.dest for action in parser._actions}


SIGNS_IN = {
    "gmail": GmailSettings,
    "salesforce": SalesforceSettings,
    "hubspot": HubSpotSettings,
    "dialpad": DialpadSettings,
    "notifications.slack": Slack,
    "notifications.mail": Mail,
}
SECRET = re.compile(r"(token|secret|secrets|password|key)\Z")


def test_every_secret_of_the_cloud_has_its_rotation_and_no_other_is_told_of() -> None:
    text = (ROOT / "terraform" / "secrets.tf").read_text()
    block = text.split("every_secret = {")[1].split("\n  }")[0]
    lines = re.findall(r"^\s+([a-z-]+)\s+= \{ of = .*days = (\d+|null) \}", block, re.MULTILINE)
    page = (ROOT / "docs" / "rotation.md").read_text()
    told = dict(re.findall(r"^\| `([a-z-]+)` \| (\d+|never) \|", page, re.MULTILINE))
    assert told == {name: days.replace("null", "never") for name, days in lines}


@pytest.mark.parametrize(("table", "settings"), SIGNS_IN.items())
def test_every_setting_that_names_a_secret_has_its_rotation(
    table: str, settings: type[msgspec.Struct]
) -> None:
    page = (ROOT / "docs" / "rotation.md").read_text()
    named = [name for name in settings.__struct_fields__ if SECRET.search(name)]
    named += ["webhook"] if settings is Slack else []
    assert named
    section = f"[{table}]" if table.startswith("notif") else f"[sources.{table}]"
    assert f"`{section}`" in page
    for name in named:
        assert f"`{name}`" in page, name
