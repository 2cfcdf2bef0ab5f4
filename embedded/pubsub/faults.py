"""Switches that make the server misbehave: latency, errors, lost acks, repeated messages."""

import threading
import time
from collections.abc import Callable

import grpc
import msgspec


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong from now on; the default is: nothing."""

    latency_s: float = 0.0
    """Added to every call."""
    errors: dict[str, str] = {}
    """Method to gRPC status code, as in {"Publish": "UNAVAILABLE"}; "*" is every method."""
    error_calls: int = 0
    """How many calls fail before the errors end; 0 = until the plan is changed."""
    drop_acknowledgements: bool = False
    """Acknowledge answers OK and forgets."""
    duplicates: bool = False
    """Every message is delivered twice."""

    def __post_init__(self) -> None:
        """ValueError for a status code that gRPC does not have."""
        unknown = sorted(set(self.errors.values()) - set(grpc.StatusCode.__members__))
        if unknown:
            raise ValueError(f"gRPC has no status codes {', '.join(unknown)}")


ANSWER_BYTES = 3_500_000
"""Most that one answer carries, where it carries more than one message: under PUBSUB_EMULATOR_HOST
the client's channel takes no more than gRPC's default of 4 MB."""


def answer_bytes(plan: FaultPlan) -> int:
    """Bytes of different messages in an answer: half where each goes out twice."""
    return ANSWER_BYTES // 2 if plan.duplicates else ANSWER_BYTES


class Faults:
    """The plan in force; safe to change from any thread."""

    def __init__(
        self, plan: FaultPlan | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._lock = threading.Lock()
        self._sleep = sleep
        self.plan = plan or FaultPlan()
        self._failed = 0

    def set(self, plan: FaultPlan) -> None:
        """Puts another plan in force."""
        with self._lock:
            self.plan, self._failed = plan, 0

    def before(self, method: str, context: grpc.ServicerContext) -> None:
        """Called at the start of each method; aborts the call where the plan says so."""
        plan = self.plan
        if plan.latency_s:
            self._sleep(plan.latency_s)
        code = plan.errors.get(method) or plan.errors.get("*")
        if not code:
            return
        with self._lock:
            if plan.error_calls and self._failed >= plan.error_calls:
                return
            self._failed += 1
        context.abort(grpc.StatusCode[code], f"fault: {method} fails with {code}")
