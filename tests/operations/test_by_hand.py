"""What pages tell people to type on one machine has its place in the cloud, and that is there."""

import ast
import inspect
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml
from test_pages import COMMAND, code_of

from operations import cli
from pipelines.parameters import TEMPLATES

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "terraform"
ACCOUNTS = yaml.safe_load((TERRAFORM / "accounts.yaml").read_text("utf-8"))
TEXT = (ROOT / "docs" / "by-hand.md").read_text("utf-8")
RUNBOOKS = sorted(path.relative_to(ROOT) for path in (ROOT / "runbooks").glob("*.md"))
PAGES = (
    *RUNBOOKS,
    *map(Path, ("docs/incidents.md", "docs/on-call.md", "docs/troubleshooting.md")),
    Path("docs/disaster-recovery.md"),
)
SOURCES = ("gmail", "salesforce", "hubspot", "dialpad")
ALL_OF = {"${span}": ("1h", "24h", "7d"), "${source}": SOURCES, "SOURCE": SOURCES}
"""What stands for several in the name of a job."""
JOB = re.compile(r"gcloud run jobs execute ([\w-]+)[^`]*?( --args\b|`|$)")
LAUNCH = re.compile(r"jq -r \.(\w+)\)\" --parameters ([^`;]+)")


class Row(NamedTuple):
    """A row of the page's table."""

    here: str
    cloud: str
    who: str


def table(heading: str) -> list[list[str]]:
    """The cells of the page's table with this heading."""
    lines = TEXT.split(heading)[1].split("\n\n")[0].split("\n")[2:]
    # A | in code is written \|.
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("| "))] for line in lines]


ROWS = [Row(*cells) for cells in table("| on one machine ")]


def named(text: str) -> set[str]:
    """The commands in a piece of code; a compaction that starts over is one of its own."""
    return {
        f"{found[1]} --anew" if "--anew" in found[2] else found[1]
        for found in COMMAND.finditer(text)
    }


def commands_on(page: Path) -> set[str]:
    return {name for code in code_of(page) for name in named(code)}


def spread(name: str) -> set[str]:
    """The jobs that a name stands for."""
    for placeholder, all_of in ALL_OF.items():
        if placeholder in name:
            return {name.replace(placeholder, one) for one in all_of}
    return {name}


def jobs() -> set[str]:
    """Of Cloud Run, by the names that Terraform gives them."""
    text = (TERRAFORM / "connectors.tf").read_text("utf-8")
    text = text.split("jobs = !local.released")[1].split("run_services = ")[0]
    made = set(re.findall(r"^ {6}([\w-]+) += \{ account = ", text, re.MULTILINE))
    return made.union(*map(spread, re.findall(r'"([\w-]+-\$\{\w+\})" =>', text)))


def test_every_command_that_a_page_names_has_its_place_in_the_cloud() -> None:
    found = {name for page in PAGES for name in commands_on(page)}
    assert len(found) > 20
    assert found <= {name for row in ROWS for name in named(row.here)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_with_commands_leads_there(page: Path) -> None:
    if commands_on(page):
        assert "by-hand.md" in (ROOT / page).read_text("utf-8")


def test_jobs_of_the_page_are_made_and_told_no_more_than_may_be() -> None:
    may_be_told = [
        grant["resource"].removeprefix("job/")
        for grant in ACCOUNTS["launcher"]["grants"]
        if grant["role"] == "custom/jobTeller"
    ]
    found = [match for row in ROWS for match in JOB.finditer(row.cloud)]
    assert len(found) > 8
    for match in found:
        assert spread(match[1]) <= jobs(), match[1]
        if "--args" in match[2]:
            told = [any(fnmatchcase(one, may) for may in may_be_told) for one in spread(match[1])]
            assert all(told), match[1]


def test_templates_of_the_page_are_there_and_take_what_they_are_told() -> None:
    found = {match[1]: match[2] for row in ROWS for match in LAUNCH.finditer(row.cloud)}
    assert found.keys() == TEMPLATES.keys() - {"stream"}
    for name, parameters in found.items():
        given = {one.partition("=")[0] for one in parameters.split(",")}
        assert given <= TEMPLATES[name].by_name.keys(), name


def test_a_command_that_is_typed_for_the_cloud_goes_by_the_project_of_the_environment() -> None:
    group: Any = typer.main.get_command(cli.app)
    same = [row.here for row in ROWS if row.cloud.startswith("the same")]
    texts = [*same, *(row.cloud for row in ROWS)]
    typed = {found[1] for text in texts for found in COMMAND.finditer(text)}
    assert {"query", "link", "erase"} <= typed
    for name in typed:
        body = ast.walk(ast.parse(inspect.getsource(group.commands[name].callback)))
        assert "place_of" in {one.id for one in body if isinstance(one, ast.Name)}, name


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_a_runbook_asks_views_alone(page: Path) -> None:
    """In the cloud views are open to people, and tables to accounts."""
    assert 'salesintel query "' not in (ROOT / page).read_text("utf-8")


def test_the_page_says_as_whom_gcloud_is_called() -> None:
    rows = table("| command | as |")
    assert {name for _, who in rows for name in re.findall(r"`([a-z]+)`", who)} <= {
        *ACCOUNTS,
        "operator",
    }
    known = tuple(found for what, _ in rows for found in re.findall(r"`(gcloud [^`]+)`", what))
    called = {
        found
        for page in RUNBOOKS
        for code in code_of(page)
        for found in re.findall(r"gcloud [a-z]+ [ a-z-]+", code)
    }
    assert len(called) > 4
    assert not [one for one in called if not one.startswith(known)]


def test_accounts_of_the_page_are_there() -> None:
    who = {name for row in ROWS for name in re.findall(r"`([a-z]+)`", row.who)}
    assert "launcher" in who
    assert who <= ACCOUNTS.keys() | {"operator", "ops"}
