"""What pages tell people to type on one machine has its place in the cloud, and that is there."""

import ast
import inspect
import os
import re
import subprocess
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
BY_HAND = Path("docs/by-hand.md")
TEXT = (ROOT / BY_HAND).read_text("utf-8")
RUNBOOKS = sorted(path.relative_to(ROOT) for path in (ROOT / "runbooks").glob("*.md"))
PAGES = (
    *RUNBOOKS,
    *map(Path, ("docs/incidents.md", "docs/on-call.md", "docs/troubleshooting.md")),
    *map(Path, ("docs/disaster-recovery.md", "docs/deployment.md", "docs/rotation.md")),
    Path("docs/updates.md"),
)
SOURCES = ("gmail", "salesforce", "hubspot", "dialpad")
ALL_OF = {"${span}": ("1h", "24h", "7d"), "${source}": SOURCES, "SOURCE": SOURCES}
"""What stands for several in the name of a job."""
JOB = re.compile(r"gcloud run jobs execute ([\w-]+)[^`]*?( --args\b|`|$)")
GCLOUD = re.compile(
    r"\bgcloud (?:run|dataflow|scheduler|pubsub|secrets|storage|logging|iam) [^`;|&#>\n]+"
)
"""But for auth, by which somebody becomes who he is."""
LAUNCH = re.compile(r"(?:^|(?<=\n))launch (\w+) ([^`;\n ]+)")


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
    cells = [code for row in ROWS for code in row.cloud.split("`")]
    found = {match[1]: match[2] for code in cells for match in LAUNCH.finditer(code)}
    assert found.keys() == TEMPLATES.keys() - {"stream"}
    elsewhere = [pair for page in PAGES for code in code_of(page) for pair in LAUNCH.findall(code)]
    assert elsewhere
    for name, parameters in [*found.items(), *elsewhere]:
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


def gcloud_on(page: Path) -> set[str]:
    """The calls of gcloud that a page has, each with its flags."""
    return {found.strip() for code in code_of(page) for found in GCLOUD.findall(code)}


def whose() -> dict[str, str]:
    """Call to as whom it is made, from the page's table."""
    rows = table("| command | as |")
    return {call: who for what, who in rows for call in re.findall(r"`(gcloud [^`]+)`", what)}


def test_the_page_says_as_whom_gcloud_is_called() -> None:
    names = {name for who in whose().values() for name in re.findall(r"`([a-z]+)`", who)}
    assert names <= {*ACCOUNTS, "operator", "redaction-key"}
    called = {call for page in PAGES for call in gcloud_on(page)}
    assert len(called) > 15
    assert not [call for call in called if not call.startswith(tuple(whose()))]


def test_no_call_of_gcloud_is_made_as_whom_a_page_does_not_say() -> None:
    """The account is told by the call, not by the shell: what that is told stays, however often."""
    block = next(code for code in code_of(BY_HAND) if "acting()" in code).removeprefix("bash")
    stand_in = 'gcloud() { echo "${CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT:-you}: $*"; }'
    typed = [stand_in, block, "acting rotator gcloud secrets", "gcloud logging", block]
    before = {"PATH": os.environ["PATH"], "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": "another"}
    said = subprocess.run(
        ["bash", "-euc", "\n".join(typed)], env=before, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    signs_in = ["you: auth login", "you: auth application-default login"]
    as_rotator = "rotator@acme-salesintel-prod.iam.gserviceaccount.com: secrets"
    assert said == [*signs_in, as_rotator, "you: logging", *signs_in]
    for acting, call in re.findall(r"^acting (\w+) (gcloud .*)", TEXT, re.MULTILINE):
        assert f"`{acting}`" in next(who for one, who in whose().items() if call.startswith(one))


def test_a_job_is_launched_as_terraform_wrote_it_for_the_project_of_the_shell(
    tmp_path: Path,
) -> None:
    """Without Terraform's state, so not by that of another environment either; what cannot be read
    starts nothing."""
    text = (TERRAFORM / "jobs.tf").read_text("utf-8")
    _, _, written = text.partition('resource "google_storage_bucket_object" "launch"')
    assert '.this["templates"].name' in written and '"${each.key}.sh"' in written
    block = next(code for code in code_of(BY_HAND) if "launch()" in code).removeprefix("bash")
    stand_in = r"""gcloud() {
      echo "${CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT:-you}: $*" >> "$SAID"
      if [ "$1" = storage ]; then "$READABLE" && echo 'gcloud dataflow x-$(echo 7)'; fi
    }"""
    typed = [stand_in, block, ': > "$SAID"', "launch replay 'a=b c,d=$e'"]
    said = tmp_path / "said"
    for readable, launched in (
        ("true", ["you: dataflow x-7 --parameters a=b c,d=$e"]),
        ("false", []),
    ):
        done = subprocess.run(
            ["bash", "-uc", "\n".join(typed)],
            env={"PATH": os.environ["PATH"], "SAID": str(said), "READABLE": readable},
            check=False,
        )
        asked, *then = said.read_text("utf-8").splitlines()
        account = "dispatcher@acme-salesintel-prod.iam.gserviceaccount.com"
        assert asked == f"{account}: storage cat gs://acme-salesintel-prod-templates/replay.sh"
        assert then == launched
        assert (done.returncode == 0) is bool(launched)


def test_what_is_regional_says_where() -> None:
    """On each page that has it, but of Cloud Run, for which a variable says it."""
    for page in (*PAGES, BY_HAND):
        for call in gcloud_on(page) - whose().keys():
            if call.startswith("gcloud scheduler "):
                assert "--location " in call, (page, call)
            if call.startswith("gcloud dataflow "):
                assert "--region " in call, (page, call)
            if call.startswith("gcloud run ") and "--region " not in call:
                assert page == BY_HAND or "by-hand.md" in (ROOT / page).read_text("utf-8"), call
    assert "CLOUDSDK_RUN_REGION=" in TEXT


def test_jobs_are_started_by_the_account_that_may() -> None:
    for row in ROWS:
        started = {"execute": "gcloud run jobs execute", "launch": "`launch "}
        by = {"execute": "`launcher`", "launch": "`dispatcher`"}
        assert all(by[how] in row.who for how, command in started.items() if command in row.cloud)


def test_accounts_of_the_page_are_there() -> None:
    who = {name for row in ROWS for name in re.findall(r"`([a-z]+)`", row.who)}
    assert {"launcher", "dispatcher"} <= who
    assert who <= ACCOUNTS.keys() | {"operator", "ops"}
