"""The four simulated vendors as one estate: one company, known to all of them.

The same people write mails, stand in both CRMs and talk on the phone; things happen to them
(`happen`), vendors tell of it (`deliver`), and the truth of it all can be had (`expected`).
"""

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from starlette.types import ASGIApp

from sandbox.company import Company
from sandbox.vendors import gmail, hubspot, salesforce
from sandbox.vendors.dialpad.app import DialpadApp
from sandbox.vendors.dialpad.events import deliver
from sandbox.vendors.dialpad.live import DialpadLife
from sandbox.vendors.dialpad.state import LIMITS, DialpadState
from sandbox.vendors.estate_settings import ALL_DAYS, Access, written
from sandbox.vendors.expected import dialpad_truth, gmail_truth, hubspot_truth, salesforce_truth
from sandbox.vendors.faults import Faults
from sandbox.vendors.gmail.live import GmailLife
from sandbox.vendors.gmail.push import Pushes
from sandbox.vendors.gmail.quota import COSTS_2026, Limits, Quota
from sandbox.vendors.happening import Happening
from sandbox.vendors.hubspot.live import HubSpotLife
from sandbox.vendors.hubspot.webhooks import send
from sandbox.vendors.salesforce.app import Credentials, salesforce_app
from sandbox.vendors.salesforce.live import happened
from sandbox.vendors.salesforce.state import Terms
from sandbox.vendors.server import served
from sandbox.vendors.truth import Records
from schemas.clock import Clock

NAMES = ("gmail", "salesforce", "hubspot", "dialpad")
WEIGHTS = {"gmail": 4, "salesforce": 2, "hubspot": 3, "dialpad": 4}
"""How much happens where: most of a day is mails and calls."""

USER_UNITS = 6_000
PROJECT_UNITS = 1_200_000
"""A minute. https://developers.google.com/workspace/gmail/api/reference/quota"""
DAILY_CALLS = 100_000
"""Of an Enterprise org without licences beyond the first ones.
https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_api.htm
"""
SEARCHES_PER_S = 5
CALLS_PER_10_S = 100
"""https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines"""

Around = Callable[[str, ASGIApp], ASGIApp]


class Estate:
    """A context manager: within it the vendors answer at `addresses`.

    `clock` is that of all four. `webhooks`: base address of the service that is told of changes;
    empty: nobody is. `limits`: False: none; True: the vendors' own; a number: so many times those.
    `lag_s`: how long at the most a change stays out of lists and indexes. `token_s`: how long
    tokens last that do not last for ever. `details_s`: how long after a call its transcript comes.
    `prompt`: nothing happens of which a vendor tells only minutes later, as Salesforce of what has
    left its bin. `first_days`: how far back a first poll of Gmail and Dialpad goes.
    `ports` in the order of `NAMES`; 0: a free one. `around` may stand before an application, given
    its name, as a check of what it answers does.
    """

    def __init__(
        self,
        company: Company,
        folder: Path,
        *,
        clock: Clock,
        webhooks: str = "",
        limits: float = False,
        lag_s: float = 0.0,
        token_s: int = 3_600,
        details_s: float = 60.0,
        first_days: int = ALL_DAYS,
        prompt: bool = False,
        seed: int = 7,
        ports: Sequence[int] = (0, 0, 0, 0),
        around: Around = lambda name, app: app,
    ) -> None:
        self.company = company
        self.folder = folder
        self.clock = clock
        self.webhooks = ""
        self.addresses: dict[str, str] = {}
        self.faults = {name: Faults(seed + place) for place, name in enumerate(NAMES)}
        """A switchboard each."""
        self._scale = float(limits)
        self._details_s = details_s
        self._first_days = first_days
        self._prompt = prompt
        self._ports = dict(zip(NAMES, ports, strict=True))
        self._around = around
        self._access = Access(random.Random(seed))
        self._open = ExitStack()
        self.gmail = gmail.seeded(company, clock)
        self.salesforce = salesforce.seeded(company, clock, self._terms(token_s))
        self.hubspot = hubspot.seeded(company, clock)
        self.dialpad = DialpadState(
            company,
            clock,
            limits={name: self._scaled(most) for name, most in LIMITS.items()} if limits else None,
            key=self._access.dialpad,
        )
        self._set_up_hubspot()
        self.dialpad.transcript_after_us = int(details_s * 1e6)
        self.dialpad.recap_after_us = 6 * self.dialpad.transcript_after_us
        self.google = gmail.GmailSandbox(self.gmail, self.faults["gmail"], self._quota())
        """Gmail's application, with Google's tokens."""
        self.google.tokens.lifetime_s = token_s
        self._pushes = Pushes(self.google.tokens)
        self._mails = GmailLife(self.gmail, company)
        self._records = HubSpotLife(self.hubspot)
        self._phones = DialpadLife(self.dialpad)
        self.set_lag(lag_s)
        if webhooks:
            self.subscribe(webhooks)

    def __enter__(self) -> Self:
        """All four answer."""
        credentials = Credentials(self._access.salesforce_key, self._access.salesforce_secret)
        org = salesforce_app(self.salesforce, self.faults["salesforce"], credentials)
        apps: dict[str, ASGIApp] = {
            "gmail": self.google.app,
            "salesforce": org.app,
            "hubspot": hubspot.application(self.hubspot, self.faults["hubspot"]),
            "dialpad": DialpadApp(self.dialpad, self.faults["dialpad"]).app,
        }
        with ExitStack() as opened:
            for name, app in apps.items():
                self.addresses[name] = opened.enter_context(
                    served(
                        self._around(name, app),
                        self.faults[name],
                        self._ports[name],
                        clock=self.clock,
                    )
                )
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """None of them does."""
        self._open.close()

    def subscribe(self, webhooks: str) -> None:
        """From now on the service at this base address is told of changes: subscribed at Dialpad,
        as the app's target at HubSpot. Gmail pushes for mailboxes that are being watched."""
        self.webhooks = webhooks.rstrip("/")
        hook = {
            "id": self.dialpad.new_id(),
            "hook_url": f"{self.webhooks}/webhooks/dialpad",
            "signature": {"algo": "HS256", "type": "jwt", "secret": self._access.dialpad_webhook},
        }
        self.dialpad.webhooks = {str(hook["id"]): hook}
        for kind, facts in (
            ("call", {"call_states": ["all"]}),
            ("sms", {"direction": "all", "status": True}),
            ("contact", {"contact_type": "shared"}),
        ):
            made = {"id": self.dialpad.new_id(), "enabled": True, **facts, "webhook": hook}
            self.dialpad.subscriptions[kind] = [made]

    def set_lag(self, seconds: float) -> None:
        """How long at the most what changes from now on stays unseen; 0: no time at all."""
        self.gmail.index_lag_s = seconds
        self.hubspot.lag_ms = int(seconds * 1_000)
        self.dialpad.lag_us = self._lag_us = int(seconds * 1e6)

    def write_settings(self, folder: Path | None = None) -> Path:
        """A settings file with which `salesintel poll hubspot` and the like read this estate, and
        beside it the secrets that it names, for their owner's eyes alone."""
        return written(
            folder or self.folder,
            self._access,
            self.google.tokens,
            self.company,
            self.addresses,
            webhooks=self.webhooks,
            scale=self._scale,
            details_s=self._details_s,
            first_days=self._first_days,
        )

    def happen(self, rng: random.Random) -> Happening:
        """One thing happens at one of the vendors. The clock is to move on by a second before the
        next: vendors stamp by the second, and no reader can order what bears the same stamp."""
        source = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if source == "salesforce":
            return happened(self.salesforce, rng, self._lag_us, prompt=self._prompt)
        if source == "dialpad":
            return self._phones.happen(rng)
        made = (self._records if source == "hubspot" else self._mails).happen(rng)
        if not self.webhooks:
            self.hubspot.events.clear()
        return made

    def mail(self, rng: random.Random) -> Happening:
        """A mail comes or goes: the first of what `happen` may do."""
        return self._mails.mail(rng)

    def deliver_unreadable(self) -> int:
        """Dialpad sends, properly signed, what is no event; the status of the answer."""
        url = f"{self.webhooks}/webhooks/dialpad"
        return deliver(url, {"state": "hangup"}, self._access.dialpad_webhook)

    def deliver(self) -> dict[str, list[int]]:
        """Sends what waits to be told, signed as each vendor signs; the status of every request, 0
        where nobody answered. What was not taken waits on where its vendor would try again."""
        if not self.webhooks:
            return {}
        base, secret = f"{self.webhooks}/webhooks", self._access.hubspot_webhook
        return {
            "gmail": self._pushes.send(f"{base}/gmail", f"{base}/gmail"),
            "hubspot": send(self.hubspot, f"{base}/hubspot", secret),
            "dialpad": self._phones.outbox.send(self._access.dialpad_webhook),
        }

    @property
    def given_up(self) -> dict[str, int]:
        """Webhook events that will not be sent again though nobody took them."""
        return {"hubspot": self.hubspot.given_up, "dialpad": self._phones.outbox.given_up}

    def expected(self) -> dict[str, Records]:
        """Source to object type to object id to the record as it must end with whoever has read
        everything: drafts are no records, and what only webhooks tell is left out where there are
        none. Compare with truth.newest() by truth.differences().

        Everything is read when the clock has moved on by two hours after the last happening, what
        waits was delivered, and all was polled twice since.
        """
        told = bool(self.webhooks)
        return {
            "gmail": gmail_truth(self.gmail),
            "salesforce": salesforce_truth(self.salesforce),
            "hubspot": hubspot_truth(self.hubspot, associations=told),
            "dialpad": dialpad_truth(self.dialpad, list(self._phones.outbox.told())),
        }

    def _scaled(self, most: float) -> int:
        return max(1, int(most * self._scale))

    def _terms(self, token_s: int) -> Terms:
        calls = self._scaled(DAILY_CALLS) if self._scale else 1 << 31
        return Terms(daily_calls=calls, token_s=token_s)

    def _quota(self) -> Quota | None:
        if not self._scale:
            return None
        limits = Limits(self._scaled(USER_UNITS), self._scaled(PROJECT_UNITS))
        return Quota(self.clock, limits, COSTS_2026)

    def _set_up_hubspot(self) -> None:
        self.hubspot.tokens = {self._access.hubspot}
        if self._scale:
            self.hubspot.searches_per_s = self._scaled(SEARCHES_PER_S)
            self.hubspot.calls_per_10_s = self._scaled(CALLS_PER_10_S)
