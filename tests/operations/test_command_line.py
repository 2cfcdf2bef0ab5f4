"""The command line: an error is one line that says what to do, and an exit code."""

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from embedded.directory import DataDirectory, Stack
from embedded.ports import free_port
from operations import cli, config
from operations import doctor as doctor_command
from operations import status as status_command
from schemas.errors import ConfigurationError
from schemas.version import VERSION

COMMANDS = (
    "demo",
    "up",
    "status",
    "doctor",
    "poll",
    "webhooks",
    "fetch",
    "backfill",
    "sandbox",
    "nightly",
    "subscribe",
    "import",
    "query",
    "resolve",
    "explain",
    "candidates",
    "link",
    "unlink",
    "match-report",
    "quality",
    "verify",
    "cost",
    "release",
    "notify",
    "figures",
    "train",
    "compact",
    "retention",
    "grant",
    "revoke",
    "replay",
    "rebuild",
    "snapshot",
    "restore",
    "erase",
    "export-person",
    "version",
)
NEED_A_STACK = (
    ("status",),
    ("import", "{file}"),
    ("query", "sales.account_timeline"),
    ("query", "SELECT 1"),
    ("explain", "p-1"),
    ("candidates",),
    ("link", "p-1", "p-2"),
    ("unlink", "p-1", "p-2", "--undo"),
    ("match-report",),
    ("quality",),
    ("verify",),
    ("notify", "--once"),
    ("train", "--out", "new.json"),
    ("compact",),
    ("retention",),
    ("grant", "ada@own.example", "--mailbox", "*"),
    ("revoke", "ada@own.example", "--mailbox", "*"),
    ("replay",),
    ("replay", "--yes"),
    ("rebuild",),
    ("rebuild", "--yes"),
    ("erase", "--email", "ann@acme.test"),
    ("erase", "--list"),
    ("erase", "--standing"),
    ("export-person", "--phone", "+14155550100", "--out", "{file}.json"),
)


@pytest.fixture(autouse=True)
def leaves_no_trace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The command line sets up its own process: here that is the process of all tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("GRPC_VERBOSITY", "PUBSUB_EMULATOR_HOST"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.delenv(config.DATA_VARIABLE, raising=False)
    monkeypatch.delenv(config.SETTINGS_VARIABLE, raising=False)
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "contacts.csv"
    path.write_text("id,email\n1,a@example.com\n")
    return path


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Path]:
    """A directory whose stack says that it runs; nothing listens."""
    directory = DataDirectory(tmp_path / "stack")
    directory.open()
    port = free_port()
    directory.publish(
        Stack(
            pid=os.getpid(),
            project="p",
            pubsub=f"127.0.0.1:{port}",
            rest=f"http://127.0.0.1:{port}",
            grpc=f"127.0.0.1:{port}",
        )
    )
    yield directory.path
    directory.close()


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(one) for one in arguments])


def assert_refused(result: Result, exit_code: int, *words: str) -> None:
    """One line on standard error, nothing on the other, no trace of where it comes from."""
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == exit_code
    assert result.stdout == ""
    line, end, rest = result.stderr.partition("\n")
    assert (end, rest) == ("\n", ""), result.stderr
    assert line.startswith("error: ")
    for word in words:
        assert word in line


def typed() -> dict[str, Any]:
    """The commands as they are typed."""
    group: Any = typer.main.get_command(cli.app)
    return dict(group.commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout
    explained = typed()[command].help
    assert explained
    assert explained.split()[0] in result.stdout


def test_the_commands_are_these_and_all_are_shown() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert all(command in result.stdout for command in COMMANDS)
    assert set(typed()) == set(COMMANDS)


def test_the_version_is_printed() -> None:
    result = call("version")
    assert (result.exit_code, result.stdout) == (0, f"{VERSION}\n")


def test_an_unknown_command_or_option_is_refused_with_exit_code_2() -> None:
    for arguments in (["no-such"], ["status", "--no-such"], ["query"], ["import"]):
        result = call(*arguments)
        assert result.exit_code == 2
        assert "Usage:" in result.stderr


@pytest.mark.parametrize("arguments", NEED_A_STACK)
def test_without_a_running_stack_a_command_says_how_to_start_one(
    arguments: tuple[str, ...], file: Path, tmp_path: Path
) -> None:
    data = tmp_path / "none"
    given = [one.format(file=file) for one in arguments]
    result = call(*given, "--data", data)
    assert_refused(result, 2, f"no stack runs on {data}", f"salesintel up --data {data}")
    assert not data.exists()


def test_the_directory_of_the_environment_is_meant_where_none_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert_refused(call("status"), 2, "no stack runs on data/local")
    monkeypatch.setenv(config.DATA_VARIABLE, str(tmp_path / "elsewhere"))
    assert_refused(call("status"), 2, f"no stack runs on {tmp_path / 'elsewhere'}")


def test_settings_are_those_named_by_the_environment_or_those_that_are_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert config.settings_file() is None
    (tmp_path / "salesintel.toml").write_text("")
    assert config.settings_file(tmp_path / "none") == Path("salesintel.toml")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "salesintel.toml").write_text("")
    assert config.settings_file(tmp_path / "data") == tmp_path / "data" / "salesintel.toml"
    monkeypatch.setenv(config.SETTINGS_VARIABLE, "other.toml")
    assert config.settings_file(tmp_path / "data") == Path("other.toml")


def test_brackets_in_what_was_typed_are_shown_as_they_are(tmp_path: Path) -> None:
    data = tmp_path / "[red]none[" / "x]"
    assert_refused(call("status", "--data", data), 2, f"no stack runs on {data}")


def test_an_unknown_view_is_refused_with_those_that_there_are(stack: Path) -> None:
    result = call("query", "sales.no_such", "--data", stack)
    assert_refused(result, 2, "there is no view 'sales.no_such'", "sales.account_timeline")


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    result = call("query", "sales.account_timeline", "--format", "xml")
    assert_refused(result, 2, "--format 'xml'", "choose one of", "table", "csv", "json")


@pytest.mark.parametrize("option", [("--account", "a"), ("--since", "2026-01-31")])
def test_sql_takes_no_options_of_views(option: tuple[str, str]) -> None:
    assert_refused(call("query", "SELECT 1", *option), 2, "put them into the SQL")


def test_an_export_is_refused_before_anything_is_read_where_it_cannot_be_written(
    tmp_path: Path,
) -> None:
    out = tmp_path / "nowhere" / "x.zip"
    result = call("export-person", "--email", "ann@acme.test", "--out", out)
    assert_refused(result, 2, "is no folder that you may write to")


def test_a_view_takes_only_the_options_that_it_has(stack: Path) -> None:
    result = call("query", "ops.health", "--account", "a", "--data", stack)
    assert_refused(result, 2, "ops.health has no account", "leave --account away")
    result = call("query", "sales.account_timeline", "--limit", "0", "--data", stack)
    assert_refused(result, 2, "--limit is below 1")


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "31.01.2026", "", "[/red]"])
def test_a_moment_that_is_none_is_refused_with_one_that_is(text: str, file: Path) -> None:
    shown = repr(text)
    for arguments in (
        ("import", file, "--as-of", text),
        ("query", "sales.account_timeline", "--since", text),
        ("replay", "--since", text),
        ("backfill", "hubspot", "--since", text),
        ("backfill", "hubspot", "--since", "2026-01-01", "--until", text),
    ):
        result = call(*arguments)
        assert_refused(result, 2, f"{arguments[-2]} {shown} is no date", "write 2026-01-31")


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T08:00:00Z", "2026-01-31T08:00+02:00"])
def test_a_moment_may_be_a_day_or_have_a_zone(text: str, file: Path) -> None:
    assert_refused(call("import", file, "--as-of", text), 2, "no stack runs")


def test_an_import_of_nothing_or_of_the_wrong_kind_is_refused_before_anything_is_sent(
    stack: Path, tmp_path: Path, file: Path
) -> None:
    result = call("import", tmp_path / "none.csv", "--data", stack)
    assert_refused(result, 2, "none.csv", "cannot be read")
    result = call("import", file, "--kind", "files.nothing", "--data", stack)
    assert_refused(result, 2, "'files.nothing' is no kind of CSV", "files.account")
    assert_refused(call("import", file, "--map", "email", "--data", stack), 2, "email")


def test_up_refuses_a_port_that_is_no_port_and_a_directory_that_is_a_file(file: Path) -> None:
    assert call("up", "--pubsub-port", "many").exit_code == 2
    result = call("up", "--data", file)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 2
    assert f"error: {file} cannot be used as a data directory" in result.stderr


def test_the_doctor_ends_with_exit_code_1_where_something_has_to_be_mended(tmp_path: Path) -> None:
    result = call("doctor", "--data", tmp_path / "new", "--settings", tmp_path / "none.toml")
    assert result.exit_code == 1
    assert "settings" in result.stdout


@pytest.mark.parametrize(("well", "exit_code"), [(True, 0), (False, 1)])
def test_status_ends_with_exit_code_1_where_something_is_amiss(
    monkeypatch: pytest.MonkeyPatch, well: bool, exit_code: int
) -> None:
    monkeypatch.setattr(status_command, "status", lambda directory: well)
    assert call("status").exit_code == exit_code


@pytest.mark.parametrize("command", ["up", "doctor"])
def test_settings_that_cannot_be_read_are_a_line(command: str, tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    result = call(command, "--data", tmp_path / "new", "--settings", folder)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == (2 if command == "up" else 1)
    assert "cannot be read" in re.sub(r"\s+", " ", result.stdout + result.stderr)


SOURCES = '[sources.hubspot]\ntoken = "file:token"\n'


def test_a_source_is_set_up_and_known_before_anything_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "salesintel.toml"
    file.write_text(SOURCES)
    data = ("--data", tmp_path / "none")
    since = ("--since", "2026-01-31")
    for command in (("poll",), ("backfill", *since)):
        assert_refused(call(*command, "pigeon", *data), 2, "no source 'pigeon'", "hubspot")
        assert_refused(call(*command, "gmail", *data), 2, "[sources.gmail]", "docs/setup/gmail.md")
        assert_refused(call(*command, "hubspot", *data), 2, "no stack runs", "salesintel up")
    assert_refused(call("doctor", "pigeon", *data), 2, "no source 'pigeon'", "hubspot")
    file.write_text("[sources.hubspot]\ntokken = 'a'\n")
    assert_refused(call("poll", "hubspot", *data), 2, "salesintel.toml", "tokken")
    assert not (tmp_path / "none").exists()


def test_a_night_is_for_sources_that_are_set_up(tmp_path: Path) -> None:
    data = ("--data", tmp_path / "none")
    assert_refused(call("nightly", *data), 2, "no source is set up", "docs/setup")
    (tmp_path / "salesintel.toml").write_text(SOURCES)
    assert_refused(call("nightly", "pigeon", *data), 2, "no source 'pigeon'", "hubspot")
    assert_refused(call("nightly", "hubspot", "gmail", *data), 2, "[sources.gmail]")
    assert_refused(call("nightly", "--until", "soon", *data), 2, "--until 'soon' is no date")
    assert_refused(call("nightly", *data), 2, "no stack runs", "salesintel up")
    assert call("nightly", "--days", "-1", *data).exit_code == 2
    assert not (tmp_path / "none").exists()


def test_subscriptions_are_made_where_there_are_some_to_make(tmp_path: Path) -> None:
    assert_refused(call("subscribe", "pigeon"), 2, "no source 'pigeon'")
    assert_refused(call("subscribe", "hubspot"), 2, "docs/setup/hubspot.md")
    assert_refused(call("subscribe", "gmail"), 2, "poll gmail")
    assert_refused(call("subscribe", "salesforce"), 2, "tells nobody")
    assert_refused(call("subscribe", "dialpad"), 2, "[sources.dialpad]")
    table = '[sources.dialpad]\ntoken = "file:token"\n'
    (tmp_path / "salesintel.toml").write_text(table)
    assert_refused(call("subscribe", "dialpad"), 2, "webhook_secrets is empty", "openssl")
    (tmp_path / "secret").write_text("a secret of thirty-two bytes, at least")
    table += f'webhook_secrets = ["file:{tmp_path / "secret"}"]\n'
    (tmp_path / "salesintel.toml").write_text(table)
    assert_refused(call("subscribe", "dialpad"), 2, "webhook_url is empty")


def test_rounds_and_times_that_contradict_themselves_are_refused() -> None:
    assert_refused(call("poll", "hubspot", "--once", "--every", 5), 2, "--once and --every")
    for every in (0, "500ms", "2d", "often"):
        assert_refused(call("poll", "hubspot", "--every", every), 2, "as in 5s")
    assert_refused(call("poll", "hubspot", "--every", "60s"), 2, "hubspot is not set up")
    assert call("backfill", "hubspot").exit_code == 2
    for until in ("2026-01-31", "2026-01-30T23:59:59Z"):
        result = call("backfill", "hubspot", "--since", "2026-01-31", "--until", until)
        assert_refused(result, 2, f"--until '{until}' is not after --since")
    result = call("backfill", "hubspot", "--since", "9000-01-01")
    assert_refused(result, 2, "--since '9000-01-01' lies in the future")


def test_the_doctor_of_a_source_that_is_not_set_up_says_so_and_ends_with_exit_code_1() -> None:
    result = call("doctor", "dialpad")
    assert result.exit_code == 1
    assert "[sources.dialpad]" in result.stdout


def test_the_doctor_speaks_its_errors_as_all_commands_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*given: object) -> bool:
        raise ConfigurationError("mend it")

    monkeypatch.setattr(doctor_command, "doctor", broken)
    assert_refused(call("doctor", "--data", tmp_path / "new"), 2, "mend it")


@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
@pytest.mark.parametrize("option", ["--pubsub-port", "--rest-port", "--grpc-port"])
def test_a_number_that_is_no_port_is_refused(option: str, port: str, tmp_path: Path) -> None:
    result = call("up", option, port, "--data", tmp_path / "new")
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 2
    assert option in result.stderr
    assert not (tmp_path / "new").exists()


def test_one_port_for_two_servers_is_refused(tmp_path: Path) -> None:
    port = free_port()
    result = call("up", "--rest-port", port, "--grpc-port", port, "--data", tmp_path / "new")
    assert result.exit_code == 2
    assert f"error: port {port} is named twice: name another one" in result.stderr
