"""What is amiss with a stack reaches people once, by every channel, and so does that it is over."""

import csv
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from notice_channels import Chat, Mailbox, chat, mailbox
from small_stack import SmallStack, small_stack
from typer.testing import Result
from watched_rows import a_change, a_letter, a_person, a_result, a_run

from connectors import hints as pulling
from connectors.secrets import SecretStore
from operations.notifications.channels import channels_of
from operations.notifications.ledger import Ledger
from operations.notifications.notifier import Notifier
from operations.notifications.settings import load_notification_settings
from operations.notifications.watch import Watch
from operations.notify import LEDGER, Connection, Notifying
from operations.place import StackHere
from schemas.clock import wall_clock
from schemas.notice import Notice
from schemas.tables import BY_ID
from schemas.topology import NOTIFICATIONS_TOPIC
from warehouse.provision import provision
from warehouse.query import run_view

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching")]

TABLES = ("raw.changes", "ops.dead_letters", "ops.runs", "ops.quality", "sales.people")
PATIENCE_S = 60.0


class Stand(NamedTuple):
    stack: SmallStack
    chat: Chat
    mailbox: Mailbox
    settings: Path

    def notify(self) -> Result:
        return self.stack.call("notify", "--once", "--settings", self.settings)

    def told(self) -> list[str]:
        """Titles that the chat has got since the last call; the mails are the same, by then."""
        titles = [text.splitlines()[0].strip("*") for text in self.chat.texts]
        assert sorted(self.mailbox.subjects) == sorted(f"salesintel: {one}" for one in titles)
        self.chat.texts.clear()
        self.mailbox.mails.clear()
        return sorted(titles)


@pytest.fixture(scope="module")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallStack]:
    with small_stack(tmp_path_factory.mktemp("watched") / "data") as stack:
        yield stack


@pytest.fixture
def stand(
    running_stack: SmallStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stand]:
    monkeypatch.setattr(pulling, "COALESCE_S", 0.0)
    with chat() as taken, mailbox() as mails:
        (tmp_path / "webhook").write_text(taken.address)
        settings = tmp_path / "salesintel.toml"
        settings.write_text(
            f"""
            [notifications]
            channels = ["log", "slack", "mail"]
            [notifications.slack]
            webhook = "file:{tmp_path / "webhook"}"
            [notifications.mail]
            host = "127.0.0.1"
            port = {mails.port}
            tls = "none"
            sender = "salesintel@ours.example"
            recipients = ["oncall@ours.example"]
            """
        )
        yield Stand(running_stack, taken, mails, settings)
    running_stack.empty(*TABLES)
    running_stack.process("pipeline")
    (running_stack.directory.path / LEDGER).unlink(missing_ok=True)


EVERYTHING = [
    "[error] a run of import has gone silent without an end",
    "[error] gmail has sent nothing for 100 hours",
    "[error] hubspot: 6 of 20 messages became dead letters within 15 minutes (30%)",
    "[error] process pipeline of the stack is given up",
    "[error] sales.people.emails.format: 1 of 2 fail",
    "[warning] 6 dead letters of stage normalise in the last hour, 0.0 an hour in the day before",
    "[warning] a run of poll has failed (KeyError)",
]


def test_every_condition_is_told_once_and_its_recovery_once(stand: Stand) -> None:
    stack = stand.stack
    stack.write([a_change(f"hubspot:contact:{number}") for number in range(14)])
    stack.write([a_letter(number) for number in range(6)])
    stack.write([a_change("gmail:message:1", ago_s=360_000)])
    stack.write([a_run("import", "running", 1_200), a_run("poll", "failed", 60, "KeyError")])
    stack.write([a_result(passed=False)])
    stack.process("pipeline", given_up=True)
    first = stand.notify()
    assert first.exit_code == 0, first.stderr
    assert stand.told() == EVERYTHING
    assert all(title in first.stdout for title in EVERYTHING)
    for _ in range(2):
        again = stand.notify()
        assert (again.exit_code, again.stdout) == (0, "")
        assert stand.told() == []
    stack.empty("ops.dead_letters")
    stack.write([a_change("gmail:message:2"), a_result(passed=True)])
    stack.write([a_run("import", "succeeded", 0), a_run("poll", "succeeded", 0)])
    stack.process("pipeline")
    assert stand.notify().exit_code == 0
    well = sorted(f"[recovered] {one.partition('] ')[2]}" for one in EVERYTHING)
    assert stand.told() == well
    stand.notify()
    assert stand.told() == []


def a_notice(subject: str = "<b> & co") -> Notice:
    return Notice(
        kind="quality",
        key=f"quality:{subject}",
        severity="error",
        subject=subject,
        action="mend it",
        happened_at=wall_clock(),
    )


def publish(stand: Stand, *notices: Notice) -> None:
    connection = Connection(StackHere(stand.stack.directory))
    for one in notices:
        connection.publish(one)


def test_what_one_channel_cannot_take_stays_and_the_others_are_not_told_again(
    stand: Stand,
) -> None:
    stand.chat.status = 500
    publish(stand, a_notice())
    failed = stand.notify()
    assert failed.exit_code == 1
    assert "channel slack: the webhook answers with status 500" in failed.stderr
    assert "secret" not in failed.stderr
    assert stand.mailbox.subjects == ["salesintel: [error] <b> & co"]
    stand.chat.status = 200
    stand.stack.time.advance(11)
    assert stand.notify().exit_code == 0
    assert [text.splitlines()[0] for text in stand.chat.texts] == ["*[error] &lt;b&gt; &amp; co*"]
    assert len(stand.mailbox.mails) == 1
    stand.stack.time.advance(3_600)
    assert stand.notify().exit_code == 0
    assert len(stand.chat.texts) == 1


def test_a_mail_server_that_is_away_is_tried_again_until_it_has_it(stand: Stand) -> None:
    stand.mailbox.away = True
    publish(stand, a_notice("one"), a_notice("two"))
    for _ in range(2):
        failed = stand.notify()
        assert failed.exit_code == 1
        assert "channel mail: the mail server: SMTPConnectError" in failed.stderr
        assert "ours.example" not in failed.stderr
        stand.stack.time.advance(601)
    stand.mailbox.away = False
    assert stand.notify().exit_code == 0
    assert stand.told() == ["[error] one", "[error] two"]


def test_a_mail_has_what_to_do_and_says_that_no_person_wrote_it(stand: Stand) -> None:
    publish(stand, a_notice("x\r\nBcc: somebody@else.example"))
    assert stand.notify().exit_code == 0
    (mail,) = stand.mailbox.mails
    assert mail["To"] == "oncall@ours.example"
    assert mail["Bcc"] is None
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "what to do: mend it" in str(mail.get_payload())


def test_a_message_that_is_no_notice_is_told_and_does_not_come_for_ever(stand: Stand) -> None:
    connection = Connection(StackHere(stand.stack.directory))
    connection.follow()
    connection.publisher.publish_message(NOTIFICATIONS_TOPIC, b"ann@acme.com", {})
    connection.publisher.flush()
    for told in (["[warning] a message on topic notifications is no notice"], []):
        assert stand.notify().exit_code == 0
        assert stand.told() == told
        stand.stack.time.advance(3_600)


def test_a_stack_that_is_gone_and_a_warehouse_without_answer_are_told_without_pubsub(
    stand: Stand,
) -> None:
    directory = stand.stack.directory
    place = StackHere(directory)
    settings = load_notification_settings(stand.settings)
    ledger = Ledger(directory.path / LEDGER)
    channels = channels_of(settings, SecretStore(cloud=False))
    notifier = Notifier(ledger, channels, "warning", 4.0)
    notifying = Notifying(Connection(place), notifier)
    watch = Watch(place, settings.bounds, ledger, notifying.publish)
    (directory.run / "stack.json").unlink()
    for told in (["[error] the stack has ended: what comes in now waits at its sources"], []):
        watch.round()
        assert stand.told() == told
    directory.publish(stand.stack.stack)
    stand.stack.server.stop()
    try:
        for told in ([], ["[error] the warehouse gives no answer: nothing else can be looked at"]):
            watch.round()
            while notifying.tell(0.5) is not None:
                pass
            recovered = [one for one in stand.told() if "recovered" not in one]
            assert recovered == told
    finally:
        stand.stack.server.start()
        ledger.close()


def test_it_watches_on_until_it_is_asked_to_stop(stand: Stand) -> None:

    def stop_when_told() -> None:
        until(lambda: stand.chat.texts, "the chat is told")
        os.kill(os.getpid(), signal.SIGTERM)

    stand.stack.process("warehouse", given_up=True)
    stopping = threading.Thread(target=stop_when_told)
    stopping.start()
    stopped = stand.stack.call("notify", "--every", "1s", "--settings", stand.settings)
    stopping.join()
    assert stopped.exit_code == 0
    assert "stopped" in stopped.stdout
    assert stand.told() == ["[error] process warehouse of the stack is given up"]


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.1)


EARLIER = """
import schemas.clock as clock
now = clock.wall_clock
clock.wall_clock = lambda: now() - 1_200_000_000
from operations.cli import main
main()
"""


def test_a_command_that_is_killed_is_shown_as_lost_and_told(stand: Stand, tmp_path: Path) -> None:
    stack = stand.stack
    file = tmp_path / "contacts.csv"
    file.write_text("id,email\n1,a@example.com\n")
    # Twenty minutes ago, as it says; it waits for a pipeline that does not run here.
    line = [sys.executable, "-c", EARLIER, "import", file, "--data", stack.directory.path]
    command = subprocess.Popen(list(map(str, line)), stdout=subprocess.DEVNULL)
    try:
        until(lambda: stack.ask("SELECT run_id FROM `ops.runs`"), "the run has begun")
    finally:
        command.send_signal(signal.SIGKILL)
        command.wait()
    rows = stack.ask("SELECT command, status FROM `ops.runs`")
    assert {(row["command"], row["status"]) for row in rows} == {("import", "running")}
    with stack.warehouse() as client:
        amiss = [row["name"] for row in run_view(client, "ops.health").rows if not row["ok"]]
    assert len(amiss) == 1
    assert amiss[0].endswith("_runs")
    shown = stack.call("status")
    assert shown.exit_code == 1
    assert amiss[0] in shown.stdout
    assert stand.notify().exit_code == 0
    assert stand.told() == ["[error] a run of import has gone silent without an end"]


def test_the_exit_code_of_quality_says_whether_an_error_was_found(stand: Stand) -> None:
    stack = stand.stack
    stack.write([a_person("a@b.example"), a_person("no address")])
    checked = stack.call("quality", "--table", "sales.people", "--format", "csv")
    assert checked.exit_code == 1
    rows = {row["rule_id"]: row for row in csv.DictReader(io.StringIO(checked.stdout))}
    wrong = rows.pop("sales.people.emails.format")
    assert (wrong["passed"], wrong["rows_failed"]) == ("false", "1")
    assert wrong["sample"] == '["hubspot:contact:10"]'
    assert {row["passed"] for row in rows.values()} == {"true"}
    assert "no address" not in checked.stdout
    kept = stack.ask("SELECT rule_id, passed FROM `ops.quality_latest`")
    assert {row["rule_id"] for row in kept if not row["passed"]} == {wrong["rule_id"]}
    assert {row["rule_id"] for row in kept} == {*rows, wrong["rule_id"]}
    (run,) = stack.ask("SELECT * FROM `ops.runs` WHERE status = 'succeeded'")
    assert (run["command"], run["changes"]) == ("quality", 0)
    assert run["detail"] == {"rules": len(kept), "kept": len(kept), "failing": 1}
    as_table = stack.call("quality", "--table", "sales.people", "--severity", "error")
    assert as_table.exit_code == 1
    assert "1 errors, 0 warnings of" in " ".join(as_table.stdout.split())


def test_a_deployment_may_demand_less_and_leave_rules_out(stand: Stand) -> None:
    stand.stack.write([a_person("no address")])
    call = ("quality", "--table", "sales.people", "--settings", stand.settings)
    stand.settings.write_text('[quality.bounds]\n"sales.people.emails.format" = 1.0\n')
    assert stand.stack.call(*call).exit_code == 0
    stand.settings.write_text('[quality]\nignored = ["sales.people.emails.format"]\n')
    assert stand.stack.call(*call).exit_code == 0
    stand.settings.write_text('[quality]\nignored = ["sales.people.nothing"]\n')
    refused = stand.stack.call(*call)
    assert refused.exit_code == 2
    assert "no rule sales.people.nothing" in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--table", "sales.nothing"), ("--severity", "fatal"), ("--format", "xml")],
)
def test_what_cannot_be_asked_for_is_exit_code_2(stand: Stand, arguments: tuple[str, ...]) -> None:
    assert stand.stack.call("quality", *arguments).exit_code == 2


def test_rules_that_cannot_be_asked_are_exit_code_2(stand: Stand) -> None:
    with stand.stack.warehouse() as client:
        name = f"`{client.project}.ops.source_counts`"
        client.query_and_wait(f"DROP TABLE {name}")
    try:
        failed = stand.stack.call("quality", "--table", "ops.source_counts")
        assert failed.exit_code == 2
        assert "could not be asked" in failed.stderr
        (run,) = stand.stack.ask("SELECT * FROM `ops.runs` WHERE status = 'failed'")
        assert run["error_message"] == "NotChecked"
    finally:
        with stand.stack.warehouse() as client:
            provision(client, tables=[BY_ID["ops.source_counts"]])
