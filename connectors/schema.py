"""Fields of a source's objects that come, go or change type: told as a change of their own.

Object type `schema`, object id the object that has the fields. It goes the way of every change, so
that it is kept, accounted for and replayed like any other, and ends as rows of ops.schema_changes.
A dead letter would be wrong, for nothing failed, and a count says neither which nor when.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from schemas.change import Change, Source, new_change

log = logging.getLogger(__name__)

SCHEMA = "schema"
_ENCODE = msgspec.json.Encoder(order="sorted").encode


class Drift(NamedTuple):
    """A field with its type before and now; None where there is none."""

    field: str
    before: str | None
    after: str | None

    @property
    def what(self) -> str:
        """field_added, field_gone or field_retyped."""
        if self.before is None:
            return "field_added"
        return "field_gone" if self.after is None else "field_retyped"


def packed(types: Mapping[str, str]) -> str:
    """Fields and types as a cursor keeps them."""
    return ",".join(f"{field}:{kind}" for field, kind in sorted(types.items()))


def drift(before: str, types: Mapping[str, str]) -> tuple[Drift, ...]:
    """What differs from packed fields; nothing where there are none, as at first."""
    known = dict(one.split(":", 1) for one in before.split(",") if ":" in one)
    if not known:
        return ()
    return tuple(
        Drift(field, known.get(field), types.get(field))
        for field in sorted(known.keys() | types.keys())
        if known.get(field) != types.get(field)
    )


def drift_notes(source: Source, name: str, drifts: Iterable[Drift]) -> Counter[str]:
    """Drift as counts by `field_gone:Account.Region__c` and the like. Names of fields are no
    content."""
    notes: Counter[str] = Counter()
    for one in drifts:
        log.warning("%s %s: %s: %s", source, name, one.what, one.field)
        notes[f"{one.what}:{name}.{one.field}"] += 1
    return notes


def schema_changes(
    source: Source, name: str, drifts: Iterable[Drift], at: int
) -> tuple[Change, ...]:
    """The change that tells of drift, or none; `at`: when it was seen, by the server's clock. What
    breaks off before its cursor is kept is told again, at another time."""
    found = list(drifts)
    if not found:
        return ()
    payload = _ENCODE({"object": name, "drift": [one._asdict() for one in found]})
    change = new_change(source, SCHEMA, name.lower(), payload, stamp=at, fetched=at)
    return (change,)
