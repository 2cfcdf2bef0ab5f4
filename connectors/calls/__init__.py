"""How a vendor is called: within its budget, with retries, and not at all while it refuses."""

from connectors.calls.breaker import Breaker
from connectors.calls.budget import Budget, BudgetSpent, Rate
from connectors.calls.caller import Caller, RetryPolicy, Verdict

__all__ = ["Breaker", "Budget", "BudgetSpent", "Caller", "Rate", "RetryPolicy", "Verdict"]
