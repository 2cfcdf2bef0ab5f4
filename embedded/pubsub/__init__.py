"""An embedded Pub/Sub server: what it answered to a publish is on disk."""

from embedded.pubsub.faults import FaultPlan, Faults
from embedded.pubsub.server import PubSubServer, set_faults

__all__ = ["FaultPlan", "Faults", "PubSubServer", "set_faults"]
