"""Vendors call the service, fetchers follow its hints, and rows say what the vendors have."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import requests
from google.cloud import pubsub_v1
from hooked import ATTEMPTS, COMMAND, Hooked, write_settings
from running import RunningStack, until
from test_commands import call
from test_poll import Polled
from vendors import MAIL, REP, dialpad, gmail, hubspot

from connectors.fetching import PageFetcher
from connectors.stream import Page
from operations.console import running
from operations.fetch import HintRounds
from operations.place import StackHere
from operations.waiting import until_accounted
from sandbox.company import Manifest
from sandbox.vendors.dialpad.events import call_event, life_of
from sandbox.vendors.faults import Fault
from schemas.errors import RetriableError
from schemas.topology import FETCH_SUBSCRIPTIONS
from warehouse.query import run_sql

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

READ = "/crm/v3/objects/contacts/batch/read"


class HookedStack(Hooked):
    """With what its warehouse says."""

    def polled(self) -> Polled:
        return Polled(self.stack, self.crm, self.phones, self.stack.settings)

    def written(self, more: int = 0) -> None:
        """Returns when the pipeline has written what runs and events have published."""
        # What was replayed here were hints.
        runs = [run for run in self.polled().runs() if run["command"] != "replay"]
        with self.stack.warehouse() as client:
            published = sum(run["changes"] + run["failed"] for run in runs)
            until_accounted(client, published + self.taken + more)

    def last_run(self) -> dict[str, Any]:
        run = self.polled().runs()[-1]
        return run | {"status": run["notes"].split()[-1], "detail": json.loads(run["detail"])}

    def assert_all_there(self) -> None:
        """Every record of HubSpot in its latest version."""
        self.written()
        assert self.polled().newest("hubspot") == self.crm.expected()


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory, company: Manifest) -> Iterator[HookedStack]:
    folder = tmp_path_factory.mktemp("hooked")
    with hubspot(check=False) as crm, dialpad() as phones, gmail() as mails:
        phones.breaks_its_word = True
        settings = write_settings(folder, company, crm, phones, mails)
        stack = RunningStack(folder / "data", settings)
        stack.start()
        one = HookedStack(stack, crm, phones, mails)
        try:
            one.now()
            one.quicken()
            one.start()
            assert one.call("poll", "hubspot").exit_code == 0
            yield one
            said = one.stop()
        finally:
            code = stack.stop()
    assert code == 0
    *_, counts = (line for line in said.splitlines() if line.startswith("hubspot: "))
    assert " published" in counts
    assert "@" not in said


def test_what_changes_at_hubspot_is_there_when_its_hints_are_followed(
    hooked: HookedStack,
) -> None:
    account = hooked.crm.account
    hooked.now()
    contact, gone, winner, loser = [one.id for one in account.live("contacts")][:4]
    account.create("contacts", {"firstname": "Nova", "email": "nova@new.example"})
    for title in ("Buyer", "Head of Procurement"):
        account.edit("contacts", contact, {"jobtitle": title})
    account.archive("contacts", gone)
    account.merge("contacts", winner, loser)
    assert set(hooked.from_hubspot()) == {200}
    result = hooked.call("fetch", "hubspot", "--once")
    assert result.exit_code == 0, result.stderr
    hooked.assert_all_there()
    run = hooked.last_run()
    assert (run["command"], run["status"]) == ("fetch", "succeeded")
    assert run["detail"]["notes"]["hints"] >= 4

    again = hooked.call("fetch", "hubspot", "--once")
    assert again.stdout.startswith("0 changes published")
    assert "notes" not in hooked.last_run()["detail"]


def test_events_of_dialpad_are_rows_without_a_fetch(hooked: HookedStack) -> None:
    hooked.now()
    call_id = hooked.phones.state.new_call(length_s=60)
    for event in life_of(hooked.phones.state, call_id):
        assert hooked.from_dialpad(event) == 200
        assert hooked.from_dialpad(event) == 200
        hooked.taken += 1
    hooked.written()
    newest = hooked.polled().newest("dialpad")
    assert newest[f"dialpad:call:{call_id}"]["state"] == "hangup"
    assert newest[f"dialpad:call:{call_id}"]["call_id"] == int(call_id)


def test_a_push_of_gmail_has_its_mailbox_read_from_the_stored_cursor(
    hooked: HookedStack,
) -> None:
    hooked.now()
    assert hooked.call("poll", "gmail", "--objects", REP).exit_code == 0
    pushed: list[tuple[str, int]] = []
    hooked.mails.state.listeners.append(lambda address, number: pushed.append((address, number)))
    name = hooked.mails.state.store(REP, MAIL)
    hooked.mails.state.listeners.clear()
    hooked.now()
    assert [hooked.from_gmail(*one) for one in pushed] == [200]
    result = hooked.call("fetch", "gmail", "--once")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("1 changes published")
    hooked.written()
    assert hooked.polled().newest("gmail")[f"gmail:message:{name}"]["mailbox"] == REP


def test_what_is_forged_is_refused_and_published_nowhere(hooked: HookedStack) -> None:
    account = hooked.crm.account
    hooked.now()
    account.edit("contacts", next(iter(account.live("contacts"))).id, {"jobtitle": "Nobody"})
    assert set(hooked.from_hubspot("another secret")) == {401}
    call_id = hooked.phones.state.new_call(length_s=60)
    event = call_event(hooked.phones.state, call_id, "hangup")
    assert hooked.from_dialpad(event, "another secret of thirty-two bytes") == 401
    assert hooked.from_dialpad(event, None) == 401
    assert hooked.from_gmail(REP, 1, "https://other.example") == 401
    large = requests.post(f"{hooked.address}/webhooks/hubspot", data=b"x" * 100_001, timeout=10)
    assert large.status_code == 413
    for source in ("hubspot", "gmail"):
        assert hooked.call("fetch", source, "--once").stdout.startswith("0 changes published")
        assert "notes" not in hooked.last_run()["detail"]
    hooked.written()
    # What HubSpot never sends again, a poll meets.
    assert hooked.call("poll", "hubspot").exit_code == 0
    hooked.assert_all_there()


def test_while_pubsub_is_down_vendors_are_asked_to_come_again_and_nothing_is_lost(
    hooked: HookedStack,
) -> None:
    account = hooked.crm.account
    hooked.now()
    with hooked.stack.frozen():
        os.kill(hooked.stack.child("pubsub"), signal.SIGKILL)
        for one in list(account.live("contacts"))[:5]:
            account.edit("contacts", one.id, {"jobtitle": "Seen in the end"})
        assert set(hooked.from_hubspot()) == {503}
        assert not hooked.ready()
        assert requests.get(f"{hooked.address}/health/live", timeout=10).status_code == 200
    until(hooked.ready, "Pub/Sub is there again")
    assert set(hooked.from_hubspot()) == {200}
    assert hooked.call("fetch", "hubspot", "--once").exit_code == 0
    hooked.assert_all_there()


def test_a_service_that_is_down_answers_no_probe_and_a_poll_meets_what_it_has_missed(
    hooked: HookedStack,
) -> None:
    account, probe = hooked.crm.account, f"{hooked.address}/health/ready"
    hooked.now()
    hooked.stop()
    missed, told = [one.id for one in account.live("contacts")][:2]
    account.edit("contacts", missed, {"jobtitle": "Met by a poll"})
    with pytest.raises(requests.ConnectionError):
        requests.get(probe, timeout=10)
    # What HubSpot has given up in the meantime it sends to nobody.
    account.events.clear()
    hooked.start()
    assert requests.get(probe, timeout=10).status_code == 200
    account.edit("contacts", told, {"jobtitle": "Told by a webhook"})
    assert set(hooked.from_hubspot()) == {200}
    assert hooked.call("fetch", "hubspot", "--once").exit_code == 0
    assert hooked.call("poll", "hubspot").exit_code == 0
    hooked.assert_all_there()


def test_a_fetcher_that_is_killed_in_the_middle_loses_nothing(hooked: HookedStack) -> None:
    account, faults = hooked.crm.account, hooked.crm.faults
    hooked.now()
    for one in list(account.live("contacts"))[:5]:
        account.edit("contacts", one.id, {"jobtitle": "Read by another"})
    assert set(hooked.from_hubspot()) == {200}
    struck = faults.struck["hang"]
    faults.switch_on(Fault(name="hang", route=READ))
    with subprocess.Popen(hooked.command("fetch", "hubspot", "--once")) as process:
        until(lambda: faults.struck["hang"] > struck, "the fetcher reads")
        process.kill()
    faults.switch_off()

    def fetched() -> bool:
        assert hooked.call("fetch", "hubspot", "--once").exit_code == 0
        return bool(hooked.last_run()["changes"])

    until(fetched, "the hints of the killed one are delivered again")
    hooked.assert_all_there()


def test_hints_that_cannot_be_followed_now_are_given_back_and_no_success(
    hooked: HookedStack,
) -> None:
    account, faults = hooked.crm.account, hooked.crm.faults
    hooked.now()
    account.edit("contacts", next(iter(account.live("contacts"))).id, {"jobtitle": "Later"})
    assert set(hooked.from_hubspot()) == {200}
    faults.switch_on(Fault(name="401", route=READ))
    refused = hooked.call("fetch", "hubspot", "--once")
    faults.switch_off()
    assert refused.exit_code != 0
    assert hooked.last_run()["status"] == "failed"
    assert hooked.call("fetch", "hubspot", "--once").exit_code == 0
    hooked.assert_all_there()


def test_a_fetcher_goes_on_until_a_signal(hooked: HookedStack) -> None:
    account = hooked.crm.account
    command = hooked.command("fetch", "hubspot")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for title in ("First", "Second"):
            hooked.now()
            contact = next(iter(account.live("contacts")))
            account.edit("contacts", contact.id, {"jobtitle": title})
            assert set(hooked.from_hubspot()) == {200}

            def arrived(key: str = f"hubspot:contact:{contact.id}", title: str = title) -> bool:
                newest = hooked.polled().newest("hubspot")
                return bool(newest[key]["properties"]["jobtitle"] == title)

            until(arrived, "the fetcher has followed")
        os.kill(process.pid, signal.SIGTERM)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert said.endswith(b"stopped\n")
    assert hooked.last_run()["status"] in ("succeeded", "stopped")
    hooked.assert_all_there()


def test_a_source_that_is_away_is_asked_less_and_less_until_the_hint_is_given_up(
    hooked: HookedStack,
) -> None:
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    tried: list[float] = []

    def noted(hints: Sequence[bytes]) -> Page:
        tried.append(round(passed[0]))
        raise RetriableError("no answer")

    account = hooked.crm.account
    hooked.now()
    account.edit("contacts", next(iter(account.live("contacts"))).id, {"jobtitle": "Unheard"})
    assert set(hooked.from_hubspot()) == {200}
    rounds = HintRounds(
        StackHere(hooked.stack.directory), PageFetcher("hubspot", noted), lambda: passed[0], sleep
    )
    assert not rounds.until_idle(rounds.gathered())
    assert tried == [0, 1, 3, 7, 15]
    run = hooked.last_run()
    assert (run["status"], run["detail"]["failures"]) == (
        "failed",
        {"hints": "RetriableError: no answer"},
    )
    assert run["detail"]["notes"] == {"hints": ATTEMPTS, "hints_given_back": ATTEMPTS}
    hooked.taken += 1
    hooked.written()


def test_a_hint_that_is_given_up_is_a_dead_letter_and_a_replay_is_a_hint_again(
    hooked: HookedStack,
) -> None:
    account = hooked.crm.account
    hooked.now()
    account.edit("contacts", next(iter(account.live("contacts"))).id, {"jobtitle": "Given up"})
    assert set(hooked.from_hubspot()) == {200}
    running(hooked.stack.directory)
    name = hooked.subscription(FETCH_SUBSCRIPTIONS["hubspot"].name)
    hints = set()
    with pubsub_v1.SubscriberClient() as client:
        for _ in range(ATTEMPTS):
            (pulled,) = client.pull(subscription=name, max_messages=10).received_messages
            hints.add(pulled.message.data)
            client.modify_ack_deadline(
                subscription=name, ack_ids=[pulled.ack_id], ack_deadline_seconds=0
            )
    assert hooked.call("fetch", "hubspot", "--once").stdout.startswith("0 changes published")
    hooked.written(more=1)
    hooked.taken += 1
    with hooked.stack.warehouse() as client:
        sql = "SELECT payload, error_message FROM `ops.dead_letters` WHERE stage = 'fetch'"
        letters = {row["payload"]: row["error_message"] for row in run_sql(client, sql).rows}
    (hint,) = hints
    assert "fetch-hubspot" in letters[hint]

    assert call(hooked.stack, "replay", "--stage", "fetch", "--yes").exit_code == 0
    assert hooked.call("fetch", "hubspot", "--once").exit_code == 0
    hooked.assert_all_there()


def test_what_is_not_set_up_is_refused_in_one_line(hooked: HookedStack) -> None:
    for source in ("dialpad", "salesforce"):
        result = hooked.call("fetch", source)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "sends no hints" in result.stderr
    nothing = hooked.stack.settings.with_name("nothing.toml")
    nothing.write_text("")
    data = ["--data", str(hooked.stack.directory.path), "--settings", str(nothing)]
    done = subprocess.run([*COMMAND, "webhooks", *data], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"webhook_secrets" in done.stderr
    taken = subprocess.run(
        hooked.command("webhooks", "--port", hooked.port), capture_output=True, check=False
    )
    assert (taken.returncode, taken.stdout) == (2, b"")
    assert b"--port" in taken.stderr
