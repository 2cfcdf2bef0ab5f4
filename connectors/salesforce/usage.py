"""How much of the day's calls is spent: the header `Sforce-Limit-Info`.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
"""

import re
from typing import NamedTuple

_USAGE = re.compile(r"(?<![\w-])((?:per-app-)?api-usage)\s*=\s*(\d{1,12})/(\d{1,12})")


class Usage(NamedTuple):
    """Calls of the last 24 hours and how many there may be; of the org, or of our app where an
    administrator has set a limit for it and it is nearer."""

    used: int
    allowed: int

    @property
    def share(self) -> float:
        """Spent share; 1 or more: nothing is left."""
        return self.used / self.allowed if self.allowed else 1.0


def usage_of(header: str) -> Usage | None:
    """The tightest of the limits in a header: `api-usage=25/5000;
    per-app-api-usage=17/250(appName=x)`; None where there is none."""
    found = [Usage(int(used), int(allowed)) for _, used, allowed in _USAGE.findall(header)]
    return max(found, key=lambda one: one.share, default=None)
