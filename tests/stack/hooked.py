"""A stack, the webhook service and the sandboxes that really call it: all by the present time, for
signatures bear one."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from google.cloud import pubsub_v1
from google.protobuf.duration_pb2 import Duration
from running import DEADLINE_S, RunningStack, until
from test_commands import call
from vendors import PREFIX, SETTINGS, DialpadHarness, GmailHarness, HubSpotHarness

from embedded.ports import free_port
from operations.console import running
from sandbox.company import Manifest
from sandbox.vendors.dialpad import events
from sandbox.vendors.gmail.push import push
from sandbox.vendors.gmail.state import ADMIN
from sandbox.vendors.gmail.tokens import PUSH_ACCOUNT
from sandbox.vendors.hubspot import webhooks as hubspot_webhooks
from schemas.clock import wall_clock
from schemas.topology import FETCH_SUBSCRIPTIONS

COMMAND = [sys.executable, "-c", "from operations.cli import main; main()"]
APP_SECRET = "the client secret of an app"
HOOK_SECRET = "a secret of thirty-two bytes, at least"
AUDIENCE = "https://hooks.example/webhooks/gmail"
LEASE_S = 10
ATTEMPTS = 5
"""The least that Pub/Sub allows of either, so that nobody waits long for what a crash left."""


def write_settings(
    folder: Path,
    company: Manifest,
    crm: HubSpotHarness,
    phones: DialpadHarness,
    mails: GmailHarness,
) -> Path:
    """The sandboxes as sources with webhooks; secrets lie in files."""
    for name, secret in (
        ("token", "token-1"),
        ("app", APP_SECRET),
        ("dialpad", "sandbox-key"),
        ("hook", HOOK_SECRET),
        ("google", mails.sandbox.tokens.key_file("https://elsewhere.invalid/token")),
    ):
        (folder / name).write_text(f"{secret}\n")
    rates = ", ".join(f"{name} = 1e9" for name in phones.settings.per_minute)
    path = folder / "salesintel.toml"
    path.write_text(
        f"""{company.settings.read_text("utf-8")}
[webhooks]
limit_bytes = 100_000

[sources.hubspot]
base_url = "{crm.address}"
token = "file:{folder / "token"}"
webhook_secrets = ["file:{folder / "app"}"]
searches_per_s = 1e9
calls_per_10_s = 1e9
calls_per_day = 1e9

[sources.dialpad]
base_url = "{phones.address}{PREFIX}"
token = "file:{folder / "dialpad"}"
webhook_secrets = ["file:{folder / "hook"}"]
webhook_oldest_days = 10_000
company_per_s = 1e9
per_minute = {{ {rates} }}

[sources.gmail]
service_account_key = "file:{folder / "google"}"
directory_admin = "{ADMIN}"
first_days = {SETTINGS["first_days"]}
push_audience = "{AUDIENCE}"
push_account = "{PUSH_ACCOUNT}"

[sources.gmail.endpoints]
gmail = "{mails.address}"
directory = "{mails.address}"
iam = "{mails.address}"
token = "{mails.address}/token"
push_keys = "{mails.address}/certs"
"""
    )
    return path


class Hooked:
    """A stack with its webhook service, and what vendors do to it."""

    def __init__(
        self,
        stack: RunningStack,
        crm: HubSpotHarness,
        phones: DialpadHarness,
        mails: GmailHarness,
    ) -> None:
        self.stack = stack
        self.crm, self.phones, self.mails = crm, phones, mails
        self.port = free_port()
        self.taken = 0
        """Changes that events carried whole: they are in no run."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: object) -> list[str]:
        options = ["--data", self.stack.directory.path, "--settings", self.stack.settings]
        return [*COMMAND, *map(str, (*arguments, *options))]

    def call(self, *arguments: object) -> Any:
        return call(self.stack, *arguments, "--settings", self.stack.settings)

    def start(self) -> None:
        """Returns when the service is ready."""
        command = self.command("webhooks", "--port", self.port)
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        until(self.ready, "the webhook service is ready")

    def ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._process.communicate()[0].decode()
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.address}/health/ready", timeout=10).status_code == 200
        return False

    def stop(self) -> str:
        """Asks it to stop; what it has said."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGTERM)
        said, _ = self._process.communicate(timeout=DEADLINE_S)
        assert self._process.returncode == 0, said.decode()
        return said.decode()

    def now(self) -> None:
        """The sandboxes' clocks at the present."""
        self.crm.now[0] = self.phones._now[0] = self.mails.time.us = wall_clock()

    def from_hubspot(self, secret: str = APP_SECRET) -> list[int]:
        """Sends all events that wait; the answers."""
        self.now()
        url = f"{self.address}/webhooks/hubspot"
        return hubspot_webhooks.send(self.crm.account, url, secret)

    def from_dialpad(self, event: dict[str, Any], secret: str | None = HOOK_SECRET) -> int:
        return events.deliver(f"{self.address}/webhooks/dialpad", event, secret)

    def from_gmail(self, mailbox: str, number: int, audience: str = AUDIENCE) -> int:
        url = f"{self.address}/webhooks/gmail"
        return push(self.mails.sandbox.tokens, mailbox, number, url, audience)

    def quicken(self) -> None:
        """Hints come again without a pause, and soon after a crash."""
        stack, _ = running(self.stack.directory)
        with pubsub_v1.SubscriberClient() as client:
            for one in FETCH_SUBSCRIPTIONS.values():
                topic = f"projects/{stack.project}/topics/{one.given_up_to}"
                client.update_subscription(
                    request={
                        "subscription": {
                            "name": self.subscription(one.name),
                            "ack_deadline_seconds": LEASE_S,
                            "retry_policy": {
                                "minimum_backoff": Duration(),
                                "maximum_backoff": Duration(),
                            },
                            "dead_letter_policy": {
                                "dead_letter_topic": topic,
                                "max_delivery_attempts": ATTEMPTS,
                            },
                        },
                        "update_mask": {
                            "paths": ["ack_deadline_seconds", "retry_policy", "dead_letter_policy"]
                        },
                    }
                )

    def subscription(self, name: str) -> str:
        return f"projects/{self.stack.directory.stack().project}/subscriptions/{name}"
