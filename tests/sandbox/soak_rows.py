"""What a soak's messages come to in the tables, by the graph that runs in production."""

import sys
from collections import Counter
from pathlib import Path

from soak_account import SCHEMA, bad_inputs, untold
from soaking import Soak

from connectors.bad_input import IMPORT_ERROR
from sandbox.vendors.truth import Estates
from schemas.columns import Row
from schemas.operations import DeadLetter
from schemas.records import RawChange
from transforms.settings import load_settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "pipelines"))

from graph_runs import latest, rows_of

SALES = ("sales.people", "sales.accounts", "sales.deals", "sales.interactions")


def rows(soak: Soak) -> list[Row]:
    """All rows; that every message is in one of them, once, is asserted on the way."""
    return rows_of(soak.messages.values(), load_settings(soak.settings))


def accepted_twice(made: list[Row]) -> list[str]:
    """Changes that stand in two rows of raw.changes."""
    counts = Counter(one.change_id for one in made if isinstance(one, RawChange))
    return [change_id for change_id, times in counts.items() if times > 1]


def unaccounted_letters(soak: Soak, made: list[Row]) -> list[str]:
    """Dead letters of anything but what the readers could not read."""
    of_readers = sum(bad_inputs(soak).values())
    letters = [one for one in made if isinstance(one, DeadLetter)]
    others = [one.error_message for one in letters if IMPORT_ERROR not in one.attributes]
    return others if others or len(letters) == of_readers else [f"{len(letters)} of {of_readers}"]


def amiss(soak: Soak, made: list[Row], expected: Estates) -> list[str]:
    """Living records without a living latest row, and the other way round."""
    shown, swallowed = latest(made), untold(soak)
    living = {
        f"{source}:{kind}:{object_id}": record
        for source, kinds in expected.items()
        for kind, records in kinds.items()
        for object_id, record in records.items()
        if record.lives
    }
    wanted = living.keys() - swallowed
    # A user whom Dialpad shows as deleted is a record of his own, and nobody's colleague.
    people = {key for key in wanted if living[key].fields.get("state") != "deleted"}
    raw = {
        key[0]
        for key, row in shown["raw.changes"].items()
        if not row["is_deleted"] and row["object_type"] != SCHEMA
    } - swallowed
    facts = {
        key[0] for table in SALES for key, row in shown[table].items() if not row["is_deleted"]
    } - swallowed
    return [
        *(f"{key} has no living row" for key in sorted(wanted - raw)),
        *(f"{key} lives on" for key in sorted(raw - wanted)),
        *(f"{key} lives on in sales" for key in sorted(facts - people)),
        *(f"{key} is in no table of sales" for key in sorted(people - facts)),
    ]
