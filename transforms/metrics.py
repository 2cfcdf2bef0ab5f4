"""Every metric of the graph: its name, once, and what it means."""

from apache_beam.metrics import Metrics

NAMESPACE = "salesintel"

MESSAGES_RECEIVED = "messages_received"
"""Messages that came out of the subscriptions."""
CHANGES_ACCEPTED = "changes_accepted"
"""Changes seen for the first time: each becomes a row of raw.changes."""
DUPLICATES = "duplicates"
"""Messages whose change had been accepted before."""
DEAD_LETTERS = "dead_letters"
"""Dead letters, of all stages; `dead_letters_<stage>` counts one stage."""
RETRIED = "retried"
"""Elements that made their bundle fail, to be tried again."""
ROWS_WRITTEN = "rows_written"
"""Rows acknowledged by the warehouse."""
ROWS_REFUSED = "rows_refused"
"""Rows that their table refused; each becomes a dead letter."""
INDEX_REBUILDS = "index_rebuilds"
"""Shard indexes rebuilt from their log: after a start, a failed bundle, a moved key."""
MESSAGES_PUBLISHED = "messages_published"
"""Messages that a replay or a backfill has put back onto their topics."""
MESSAGES_LEFT = "messages_left"
"""What they have left where it was: it names no topic, or its payload is gone."""


def counter(name: str) -> Metrics.DelegatingCounter:
    """The counter of a name above."""
    return Metrics.counter(NAMESPACE, name)
