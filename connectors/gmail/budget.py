"""A mailbox's budget, inside the project's: each call draws from both.

https://developers.google.com/workspace/gmail/api/reference/quota
"""

import math
import time
from collections.abc import Callable

from connectors.calls import Budget, Rate
from connectors.gmail.settings import GmailSettings

MINUTE_S = 60.0
SPREAD = 10.0
"""No more than a tenth of a minute's units in a tenth of a minute."""


def _rate(units_a_minute: float, dearest: float) -> Rate:
    return Rate(units_a_minute, MINUTE_S, max(units_a_minute / SPREAD, dearest))


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

    def draw(self, call: str, times: int = 1, patience_s: float = math.inf) -> float:
        """As Budget, from both."""
        waited = super().draw(call, times, patience_s)
        return waited + self._project.draw(call, times, patience_s - waited)
