"""What Gmail lets a user and a project do in a minute, and the refusal that names a time.

https://developers.google.com/workspace/gmail/api/reference/quota
"""

from collections import Counter, defaultdict, deque
from typing import NamedTuple

from schemas.clock import Clock, rfc3339

COSTS_2025 = {
    "history.list": 2,
    "messages.list": 5,
    "messages.get": 5,
    "labels.list": 1,
    "getProfile": 1,
    "watch": 100,
    "stop": 50,
}
"""Of projects that used the API before May 2026; a user may draw 15,000 units a minute."""
COSTS_2026 = COSTS_2025 | {"messages.get": 20}
"""Of projects made since; a user may draw 6,000 units a minute."""
WINDOW_US = 60_000_000
REFUSED_US = 30_000_000


class Limits(NamedTuple):
    """Units a minute."""

    user: int
    project: int = 1_200_000


class Quota:
    """A sliding minute for each user and the project. A call while refused moves the time on."""

    def __init__(self, clock: Clock, limits: Limits, costs: dict[str, int]) -> None:
        self._clock = clock
        self._limits = {"user": limits.user, "project": limits.project}
        self._costs = costs
        self._drawn: dict[tuple[str, str], deque[tuple[int, int]]] = defaultdict(deque)
        self._until: dict[str, int] = {}
        self.units: Counter[str] = Counter()
        """Drawn so far, by user."""
        self.refused: Counter[str] = Counter()

    def draw(self, user: str, call: str) -> str:
        """Draws; returns the time, RFC 3339, until which the user is refused, or nothing."""
        now, cost = self._clock(), self._costs[call]
        if now < self._until.get(user, 0):
            return self._refuse(user, now)
        windows = {"user": self._drawn["user", user], "project": self._drawn["project", ""]}
        for name, window in windows.items():
            while window and window[0][0] <= now - WINDOW_US:
                window.popleft()
            if sum(units for _, units in window) + cost > self._limits[name]:
                return self._refuse(user, now)
        for window in windows.values():
            window.append((now, cost))
        self.units[user] += cost
        return ""

    def _refuse(self, user: str, now: int) -> str:
        self.refused[user] += 1
        self._until[user] = now + REFUSED_US
        return rfc3339(self._until[user])
