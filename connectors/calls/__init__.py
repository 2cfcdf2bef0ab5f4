"""How a vendor is called: within its budget, with retries, and not at all while it refuses."""

from connectors.calls.breaker import Breaker
from connectors.calls.budget import Budget, Rate
from connectors.calls.caller import Caller, RetryPolicy, Verdict

__all__ = ["Breaker", "Budget", "Caller", "Rate", "RetryPolicy", "Verdict"]
