"""What somebody comes to in the end, by acting as others, to whom no grant gives it. test_reach.py
holds it against a plan; docs/permissions.md has it as a table."""

from collections.abc import Mapping
from typing import NamedTuple

from google_calls import VENDORS


class End(NamedTuple):
    """Accounts as which somebody acts, and what of theirs is not his own; * stands for all that
    begin so."""

    accounts: frozenset[str]
    why: str
    secrets: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()


ON_DEMAND: Mapping[str, str] = {
    "backfill": "backfiller",
    "replay": "replayer",
    "rebuild": "rebuilder",
}
"""Jobs on Dataflow that are started by hand, and the account that each runs as."""

_DELEGATE = End(frozenset({"gmail-delegate"}), "signs for the mailboxes that it polls or fetches")
_DISPATCHER = End(
    frozenset(ON_DEMAND.values()),
    "a job on Dataflow runs whatever code it is given",
    secrets=frozenset({"redaction-key"}),
    reads=frozenset(
        {
            *("raw.changes", "sales.*", "ops.erasures", "ops.dead_letters", "ops.runs"),
            *("identity.records", "identity.links", "identity.entities", "identity.overrides"),
        }
    ),
    changes=frozenset(
        {"sales.*", "identity.records", "ops.replays", "ops.dead_letters", "ops.runs"}
    ),
)
_LAUNCHER = End(
    frozenset({*(f"poller-{source}" for source in VENDORS), "gmail-delegate"}),
    "gives a poll other arguments and variables",
    secrets=frozenset(
        {
            *("salesforce-consumer-key", "salesforce-consumer-secret"),
            *("hubspot-token", "dialpad-token"),
        }
    ),
    reads=frozenset(
        {"raw.changes", "sales.people", "sales.accounts", "sales.deals", "sales.interactions"}
    ),
    changes=frozenset({"ops.runs", "ops.source_counts"}),
)

OF_ACCOUNTS: Mapping[str, End] = {
    "poller-gmail": _DELEGATE,
    "fetcher-gmail": _DELEGATE,
    "launcher": _LAUNCHER,
    "dispatcher": _DISPATCHER,
}
"""By account; all others come to nothing but their grants."""

OF_PEOPLE: Mapping[str, End] = {
    "releasers": _LAUNCHER._replace(
        accounts=_LAUNCHER.accounts | {"launcher", "releaser", "rotator"},
        why="act as `launcher`, `releaser` and `rotator`",
    ),
    "dispatchers": _DISPATCHER._replace(
        accounts=_DISPATCHER.accounts | {"dispatcher"}, why="act as `dispatcher`"
    ),
    "stewards": End(
        frozenset({"steward"}),
        "act as `steward`",
        reads=frozenset(
            f"identity.{one}" for one in ("overrides", "records", "links", "entities", "changes")
        ),
        changes=frozenset({"ops.audit", "ops.runs"}),
    ),
    "data_protection": End(
        frozenset({"eraser", "exporter", "granter"}),
        "act as `eraser`, `exporter` and `granter`",
        secrets=frozenset({"redaction-key"}),
        reads=frozenset({"*"}),
        changes=frozenset(
            {
                *("raw.changes", "sales.*", "identity.*", "ops.dead_letters", "ops.readers"),
                *("ops.quality", "ops.runs", "ops.audit"),
            }
        ),
    ),
}
"""By the variable that names them; `readers` come to nothing but their views."""
