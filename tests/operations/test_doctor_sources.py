"""The doctor of a source: each refusal of the vendor is told for what it is, with what to do."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

CONNECTORS = Path(__file__).resolve().parent.parent / "connectors"
sys.path.insert(0, str(CONNECTORS))

import vendor_tables as tables  # noqa: E402
from dialpad_harness import PREFIX, dialpad  # noqa: E402
from gmail_harness import gmail  # noqa: E402
from hubspot_harness import hubspot  # noqa: E402
from salesforce_harness import salesforce  # noqa: E402

from connectors.finding import Finding  # noqa: E402
from connectors.sources import NAMES  # noqa: E402
from embedded.directory import DataDirectory  # noqa: E402
from operations import cli  # noqa: E402
from operations.doctor import source_findings  # noqa: E402
from operations.place import StackHere  # noqa: E402
from sandbox.vendors.faults import Fault  # noqa: E402


class Patient(NamedTuple):
    """A source's sandbox and the settings that lead to it."""

    source: str
    harness: Any
    settings: Path

    @property
    def secret(self) -> Path:
        return self.settings.parent / self.source

    def findings(self) -> list[Finding]:
        here = StackHere(DataDirectory(self.settings.parent))
        return list(source_findings(self.source, self.settings, here))

    def amiss(self) -> dict[str, Finding]:
        return {one.what: one for one in self.findings() if not one.ok}


@contextmanager
def patient(source: str, folder: Path) -> Iterator[Patient]:
    made: dict[str, tuple[Callable[[], Any], Callable[[Path, Any], str]]] = {
        "gmail": (gmail, tables.gmail_table),
        "salesforce": (salesforce, tables.salesforce_table),
        "hubspot": (lambda: hubspot(check=False), tables.hubspot_table),
        "dialpad": (dialpad, tables.dialpad_table),
    }
    serve, table = made[source]
    with ExitStack() as stack:
        harness = stack.enter_context(serve())
        if source == "dialpad":
            harness.breaks_its_word = True
        settings = folder / "salesintel.toml"
        settings.write_text(table(folder, harness))
        yield Patient(source, harness, settings)


SOBJECTS, TOKEN = "sobjects/", "/services/oauth2/token"
REFUSALS = [
    # source, fault, where, what is found amiss, words of what was found, words of the fix
    ("gmail", "401", "/token", "gmail directory", "refused a token", "docs/setup/gmail.md, step 2"),
    ("gmail", "403", "/token", "gmail directory", "refused a token", "docs/setup/gmail.md, step 2"),
    ("gmail", "401", "/admin/", "gmail directory", "401", "admin.directory.user.readonly"),
    ("gmail", "403", "/admin/", "gmail directory", "403", "admin.directory.user.readonly"),
    ("gmail", "401", "/gmail/", "gmail mailbox 1", "401", "Domain-wide delegation"),
    ("gmail", "403", "/gmail/", "gmail mailbox 1", "403", "Domain-wide delegation"),
    ("salesforce", "401", TOKEN, "salesforce login", "login is refused", "step 2"),
    ("salesforce", "403", TOKEN, "salesforce login", "login is refused", "step 2"),
    ("salesforce", "token_refused", "", "salesforce login", "invalid_grant", "step 2"),
    ("salesforce", "session_expired", "", "salesforce login", "INVALID_SESSION_ID", "step 2"),
    ("salesforce", "session_html", "", "salesforce login", "401", "step 2"),
    ("salesforce", "api_disabled", "", "salesforce login", "no API access", "step 2"),
    ("salesforce", "request_limit", "", "salesforce login", "REQUEST_LIMIT", "calls the API"),
    ("salesforce", "forbidden", SOBJECTS + "Account", "salesforce Account", "INSUFF", "Account to"),
    ("salesforce", "forbidden", SOBJECTS + "Lead", "salesforce Lead", "INSUFFICIENT", "Lead to"),
    ("hubspot", "401", "", "hubspot token", "401", "rotate the token"),
    ("hubspot", "403", "/crm/v3/objects/deals", "hubspot deal", "403", "crm.objects.deals.read"),
    ("hubspot", "403", "/crm/v3/owners", "hubspot owner", "403", "crm.objects.owners.read"),
    ("hubspot", "403", "/crm/v3/objects/emails", "hubspot email", "403", "sales-email-read"),
    ("dialpad", "401", "", "dialpad key", "credential is refused", "company admin"),
    ("dialpad", "403", f"{PREFIX}/company", "dialpad key", "403", "company admin"),
    ("dialpad", "401", f"{PREFIX}/call", "dialpad call", "401", "calls:list"),
    ("dialpad", "403", f"{PREFIX}/call", "dialpad call", "403", "calls:list"),
    ("dialpad", "403", f"{PREFIX}/users", "dialpad user", "403", "company admin"),
    ("dialpad", "403", f"{PREFIX}/contacts", "dialpad contact", "403", "company admin"),
]


@pytest.mark.parametrize(("source", "fault", "where", "what", "found", "fix"), REFUSALS)
def test_each_refusal_is_told_for_what_it_is_with_what_to_do(
    source: str, fault: str, where: str, what: str, found: str, fix: str, tmp_path: Path
) -> None:
    with patient(source, tmp_path) as sick:
        sick.harness.faults.switch_on(Fault(name=fault, route=where))
        amiss = sick.amiss()
        assert sick.harness.faults.struck[fault]
        assert next(iter(amiss)) == what
        assert found in amiss[what].found
        assert fix in amiss[what].fix
        assert all(one.fix for one in amiss.values())
        assert "@" not in str(amiss)
        sick.harness.faults.switch_off()
        assert sick.amiss() == {}


@pytest.mark.parametrize("source", NAMES)
def test_a_secret_that_is_refused_or_nowhere_is_an_exit_code_and_a_fix(
    source: str, tmp_path: Path
) -> None:
    with patient(source, tmp_path) as sick:
        line = ["doctor", source, "--settings", str(sick.settings)]
        good = CliRunner().invoke(cli.app, line, catch_exceptions=False)
        assert good.exit_code == 0, good.stdout
        kept = sick.secret.read_text()
        for content in ("another-secret", None):
            if content is None:
                sick.secret.unlink()
            else:
                sick.secret.write_text(content)
            result = CliRunner().invoke(cli.app, line, catch_exceptions=False)
            assert result.exit_code == 1
            (only,) = sick.findings()
            assert (only.ok, bool(only.fix)) == (False, True)
            assert "another-secret" not in result.stdout
        sick.secret.write_text(kept)
        assert sick.amiss() == {}


@pytest.mark.parametrize("source", NAMES)
def test_the_doctor_reads_no_record_and_changes_nothing(source: str, tmp_path: Path) -> None:
    with patient(source, tmp_path) as well:
        before = str(well.harness.expected())
        assert well.amiss() == {}
        assert str(well.harness.expected()) == before
