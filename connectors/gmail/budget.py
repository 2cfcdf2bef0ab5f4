"""A mailbox's budget, inside the project's: each call draws from both.

https://developers.google.com/workspace/gmail/api/reference/quota
"""

import time
from collections.abc import Callable

from connectors.calls import Budget, Rate
from connectors.gmail.settings import GmailSettings

MINUTE_S = 60.0
SPREAD = 10.0
"""A full bucket holds a tenth of a minute, so that no minute sees more than its share and this."""


def _rate(units_a_minute: float, dearest: float) -> Rate:
    burst = max(units_a_minute / SPREAD, dearest)
    # What the burst adds within a minute is taken off the rate.
    return Rate(max(units_a_minute - burst, units_a_minute / SPREAD), MINUTE_S, burst)


def _shape(
    name: str, units: float, settings: GmailSettings
) -> tuple[dict[str, Rate], dict[str, dict[str, float]]]:
    """Rates and costs of a budget with one bucket."""
    dearest = max(settings.costs["messages.get"] * settings.batch_size, *settings.costs.values())
    costs = {call: {name: cost} for call, cost in settings.costs.items()}
    return {name: _rate(units, dearest)}, costs


def project_budget(
    settings: GmailSettings,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Budget:
    """What all mailboxes draw from together."""
    rates, costs = _shape("project", settings.project_units_a_minute, settings)
    return Budget(rates, costs, monotonic=monotonic, sleep=sleep)


class MailboxBudget(Budget):
    """One user's units a minute."""

    def __init__(
        self,
        settings: GmailSettings,
        project: Budget,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        rates, costs = _shape("user", settings.units_a_minute, settings)
        super().__init__(rates, costs, monotonic=monotonic, sleep=sleep)
        self._project = project

    def draw(self, call: str, times: int = 1) -> float:
        """As Budget, from both."""
        return super().draw(call, times) + self._project.draw(call, times)
