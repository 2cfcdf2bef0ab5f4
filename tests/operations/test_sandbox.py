"""`salesintel sandbox`: what it prints can be typed, and it ends when it is asked to."""

import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from connectors.sources import NAMES, load_sources
from embedded.ports import free_port
from embedded.safe_event import SafeEvent
from operations import cli
from operations.console import console
from operations.options import seconds_of
from operations.sandbox import FEWEST, faults_of, ports_of, sandbox, scale_of
from sandbox.vendors.server import served
from schemas.errors import ConfigurationError

pytestmark = pytest.mark.slow

OPTIONS = {"seed": 7, "people": FEWEST, "ports": (0, 0, 0, 0), "every_s": None, "webhooks": ""}


HAPPENING = r"(gmail|salesforce|hubspot|dialpad) +[a-z_ ]+: "


class Scripted(SafeEvent):
    """Set once it was waited for so many times; nobody really waits."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self.turns = turns

    def wait(self, timeout: float = float("inf")) -> bool:
        self.turns -= 1
        return self.turns < 0 or super().wait(0.0)


def said(folder: Path, turns: int, **options: object) -> str:
    with console.capture() as captured:
        sandbox(folder, stop=Scripted(turns), **{**OPTIONS, **options})  # type: ignore[arg-type]
    return captured.get()


def happenings(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(HAPPENING, line)]


def test_it_says_where_everything_is_and_what_to_type_next(tmp_path: Path) -> None:
    text = said(tmp_path / "new", 0)
    settings = tmp_path / "new" / "salesintel.toml"
    sources = load_sources(settings)
    assert sources.hubspot and sources.gmail and sources.salesforce and sources.dialpad
    for address in (
        sources.hubspot.base_url,
        sources.gmail.endpoints.gmail,
        sources.salesforce.instance_url,
        sources.dialpad.base_url.removesuffix("/api/v2"),
    ):
        assert address in text
    for command in ("doctor hubspot", "up", "poll hubspot", "backfill dialpad --since 2025-10-01"):
        assert f"  salesintel {command} --settings {settings}" in text
    assert text.endswith("stopped\n")
    assert happenings(text) == []


def test_the_same_seed_lives_the_same_day(tmp_path: Path) -> None:
    first, second, other = (
        happenings(said(tmp_path / f"{turn}", 12, seed=seed, every_s=1.0))
        for turn, seed in enumerate((3, 3, 4))
    )
    assert len(first) == 12
    assert first == second != other


def test_what_is_to_go_wrong_does(tmp_path: Path) -> None:
    class Asking(SafeEvent):
        def wait(self, timeout: float = float("inf")) -> bool:
            sources = load_sources(tmp_path / "salesintel.toml")
            assert sources.hubspot and sources.dialpad
            for url, status in ((sources.hubspot.base_url, 503), (sources.dialpad.base_url, 404)):
                assert requests.get(f"{url}/nothing", timeout=10).status_code == status
            return True

    with console.capture():
        options = {**OPTIONS, "faults": faults_of(["hubspot:http_503", "gmail:429:0.5"])}
        sandbox(tmp_path, stop=Asking(), **options)  # type: ignore[arg-type]


def test_what_happens_is_told_to_the_service_that_is_named(tmp_path: Path) -> None:
    heard: list[str] = []

    async def app(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
        heard.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    with served(app) as address:  # type: ignore[arg-type]
        text = said(tmp_path, 40, every_s=1.0, webhooks=address)
    assert {"/webhooks/hubspot", "/webhooks/dialpad"} == set(heard)
    assert f"  webhooks   {address}/webhooks/…" in text
    assert re.search(r"webhooks: \d+ × 200", text)


def test_a_signal_ends_it_and_handlers_are_as_they_were(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    class Signalled(SafeEvent):
        def wait(self, timeout: float = float("inf")) -> bool:
            signal.raise_signal(signal.SIGTERM)
            return super().wait(timeout)

    with console.capture() as captured:
        sandbox(tmp_path, stop=Signalled(), **OPTIONS)  # type: ignore[arg-type]
    assert captured.get().endswith("stopped\n")
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_as_a_process_it_answers_on_the_ports_that_are_named_until_it_is_told_to_stop(
    number: int, tmp_path: Path
) -> None:
    ports = [free_port() for _ in NAMES]
    command = [sys.executable, "-c", "from operations.cli import main; main()", "sandbox"]
    command += ["--people", "8", "--folder", str(tmp_path), "--live", "10ms"]
    command += ["--ports", ",".join(map(str, ports))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        # It says so when the last of them answers, and then what happens.
        for line in process.stdout:
            if re.match(HAPPENING.encode(), line):
                break
        else:
            raise AssertionError(process.communicate()[1])
        for port in ports:
            answer = requests.get(f"http://127.0.0.1:{port}/nothing", timeout=10)
            assert answer.status_code == 404
        drain = threading.Thread(target=process.stdout.read)
        process.send_signal(number)
        drain.start()
        assert process.wait(timeout=60) == 0
        drain.join()
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    "options",
    [
        ["--people", "3"],
        ["--people", "5001"],
        ["--ports", "1,2,3"],
        ["--ports", "1,2,3,x"],
        ["--ports", "1,2,3,-4"],
        ["--ports", "0,0,0,65536"],
        ["--live", "soon"],
        ["--live", "0s"],
        ["--live", "2h"],
        ["--fault", "outlook:429"],
        ["--fault", "hubspot:history_gone"],
        ["--fault", "hubspot:429:often"],
        ["--fault", "hubspot:429:1.5"],
        ["--fault", "hubspot:429:nan"],
        ["--webhooks", "127.0.0.1:8080"],
        ["--webhooks", "ftp://127.0.0.1"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_in_one_line_before_anything_starts(
    options: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "new"
    result = CliRunner().invoke(cli.app, ["sandbox", "--folder", str(path), *options])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {options[0]}")
    assert result.stderr.count("\n") == 1
    assert not path.exists()


def test_a_port_that_is_taken_or_named_twice_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"{port} is taken"):
            ports_of(f"0,{port},0,0")
    port = free_port()
    with pytest.raises(ConfigurationError, match=f"{port} is named twice"):
        ports_of(f"{port},0,{port},0")
    assert ports_of(f"0, {port},0,0") == (0, port, 0, 0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1.0), ("250ms", 0.25), ("2m", 120.0), ("1.5", 1.5)]
)
def test_how_often_is_written_as_people_do(text: str, seconds: float) -> None:
    assert seconds_of(text, "--live", 0.01) == seconds


def test_a_company_of_any_size_has_somebody_who_sells() -> None:
    assert scale_of(FEWEST).reps >= 2
    assert scale_of(FEWEST).accounts >= 2
    assert scale_of(5_000).reps <= 40


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError, match="--folder .*file.*: name another"):
            sandbox(folder, **OPTIONS)
