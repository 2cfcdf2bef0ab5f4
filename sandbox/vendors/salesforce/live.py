"""A working day in the org: people make, edit, delete, merge and put back records."""

import random
from collections.abc import Callable, Mapping

from sandbox.company.ids import PREFIXES
from sandbox.company.words import FAMILY, GIVEN
from sandbox.vendors.happening import Happening
from sandbox.vendors.salesforce.state import Org, stamped

EDITED = {
    "Account": "Industry",
    "Contact": "Title",
    "Lead": "Status",
    "Opportunity": "StageName",
    "Task": "Subject",
}
"""What people edit, and in which field."""
MERGED = ("Account", "Contact", "Lead")
WEIGHTS = {"edit": 10, "create": 5, "delete": 2, "merge": 1, "purge": 1, "undelete": 1}
PROMPT = {what: weight for what, weight in WEIGHTS.items() if what != "purge"}
"""Of what has left the bin only the log of deletions tells, by whole minutes and minutes later."""


def happen(
    org: Org,
    rng: random.Random,
    most_lag_us: int = 0,
    weights: Mapping[str, int] = WEIGHTS,
) -> str:
    """One thing happens; what it was. A commit may come up to `most_lag_us` after its stamp."""
    what = rng.choices(list(weights), list(weights.values()))[0]
    lag = rng.randrange(most_lag_us) if most_lag_us and rng.random() < 0.4 else 0
    steps: dict[str, Callable[[], str]] = {
        "edit": lambda: _edit(org, rng, lag),
        "create": lambda: _create(org, rng, lag),
        "delete": lambda: _delete(org, rng),
        "merge": lambda: _merge(org, rng),
        "purge": lambda: _purge(org, rng),
        "undelete": lambda: _undelete(org, rng),
    }
    return steps[what]()


def happened(
    org: Org, rng: random.Random, most_lag_us: int = 0, *, prompt: bool = False
) -> Happening:
    """As `happen`, until there is something that it happens to; `prompt`: see PROMPT."""
    weights = PROMPT if prompt else WEIGHTS
    names = {prefix: entity.lower() for entity, prefix in PREFIXES.items()}
    while True:
        what, record_id = happen(org, rng, most_lag_us, weights).split()
        if record_id != "None":
            return Happening("salesforce", what, names[record_id[:3]], record_id)


def _settled(org: Org, entity: str, *, deleted: bool = False) -> list[str]:
    """Records whose every transaction has committed, and none within this second: its stamps tell
    no two versions of one second apart."""
    now = org.clock()
    this_second = stamped(now)
    return [
        record_id
        for record_id, versions in org.table(entity).items()
        if all(one.visible_us <= now for one in versions)
        and bool(versions[-1].row.get("IsDeleted")) == deleted
        and versions[-1].row["SystemModstamp"] != this_second
    ]


def _pick(org: Org, rng: random.Random, entity: str, *, deleted: bool = False) -> str | None:
    found = _settled(org, entity, deleted=deleted)
    return rng.choice(found) if found else None


def _create(org: Org, rng: random.Random, lag: int) -> str:
    given, family = rng.choice(GIVEN), rng.choice(FAMILY)
    fields = {"FirstName": given, "LastName": family, "Name": f"{given} {family}"}
    record_id = org.create(rng.choice(("Contact", "Lead")), lag, **fields)
    return f"create {record_id}"


def _edit(org: Org, rng: random.Random, lag: int) -> str:
    entity = rng.choice(list(EDITED))
    record_id = _pick(org, rng, entity)
    if record_id is not None:
        org.edit(entity, record_id, lag, **{EDITED[entity]: f"Edited {rng.randrange(1_000)}"})
    return f"edit {record_id}"


def _delete(org: Org, rng: random.Random) -> str:
    entity = rng.choice(list(EDITED))
    record_id = _pick(org, rng, entity)
    if record_id is not None:
        org.delete(entity, record_id)
    return f"delete {record_id}"


def _merge(org: Org, rng: random.Random) -> str:
    entity = rng.choice(MERGED)
    found = _settled(org, entity)
    if len(found) < 2:
        return "merge None"
    loser, winner = rng.sample(found, 2)
    org.merge(entity, loser, winner)
    return f"merge {loser}"


def _purge(org: Org, rng: random.Random) -> str:
    entity = rng.choice(list(EDITED))
    record_id = _pick(org, rng, entity)
    if record_id is not None:
        org.purge(entity, record_id)
    return f"purge {record_id}"


def _undelete(org: Org, rng: random.Random) -> str:
    entity = rng.choice(list(EDITED))
    record_id = _pick(org, rng, entity, deleted=True)
    if record_id is not None:
        org.undelete(entity, record_id)
    return f"undelete {record_id}"
