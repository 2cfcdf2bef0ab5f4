"""How long what is kept: days by class of data, unless a deployment's settings say otherwise.

What has no class is current state (people, accounts, deals, links …) and stays for good: its newest
row may be its oldest, so that an expiry would delete the living and bring old versions back.
"""

from collections.abc import Mapping
from typing import Literal, get_args

RetentionClass = Literal["facts", "bodies", "raw", "dead_letters", "operations", "history", "audit"]
"""Facts: that there was a mail, a call, a meeting, with whom and about what. Bodies: what was
written and said. Raw: payloads as they came. Dead letters: payloads that could not be processed.
Operations: runs, counts, changes of the sources' fields. History: versions of current state that
another has superseded. Audit: who asked for or changed what."""

DAYS: Mapping[RetentionClass, int] = {
    "facts": 1_100,
    "bodies": 400,
    "raw": 90,
    "dead_letters": 90,
    "operations": 400,
    "history": 1_100,
    "audit": 1_100,
}
CLASSES: tuple[RetentionClass, ...] = get_args(RetentionClass)

SHORTEST_DAYS = 8
"""Pub/Sub keeps messages for seven days: what is younger may be sought back and written again."""
LONGEST_DAYS = 36_500
