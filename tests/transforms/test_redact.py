"""The field policy of a deployment, on rows and on what the resolver may keep."""

import pytest
from elements import a_change, an_arrival

from schemas.errors import ConfigurationError
from schemas.flow import Normalised
from schemas.identity import IdentityRecord
from schemas.records import Person, lineage
from transforms.redact import Redact
from transforms.settings import FieldPolicy, Treatment


def an_element() -> Normalised:
    person = Person(
        **lineage(a_change(), 1, 1),  # type: ignore[arg-type]
        full_name="Ada Example",
        emails=("ada@example.com",),
        title="Head of Everything",
    )
    record = IdentityRecord(
        record_key="k", kind="person", stamp=1, fetched=1, digest="", emails=("ada@example.com",)
    )
    return Normalised(an_arrival(), (person,), (record,))


def policy(column: str, treatment: Treatment, length: int = 0) -> FieldPolicy:
    return FieldPolicy(column=f"sales.people.{column}", treatment=treatment, length=length)


def test_a_column_is_dropped_cut_or_hashed() -> None:
    redact = Redact(
        [policy("full_name", "drop"), policy("title", "truncate", 4), policy("emails", "hash")],
        key=b"key",
    )
    element = redact(an_element())
    [person] = element.rows
    assert isinstance(person, Person)
    assert person.full_name is None and person.title == "Head"
    assert len(person.emails[0]) == 32 and "@" not in person.emails[0]
    assert element.identities == an_element().identities


def test_a_dropped_identifier_is_kept_from_the_resolver_too() -> None:
    element = Redact([policy("emails", "drop")])(an_element())
    assert element.rows[0].emails == () and element.identities[0].emails == ()  # type: ignore[attr-defined]


def test_no_policy_costs_nothing() -> None:
    element = an_element()
    assert Redact([])(element) is element
    assert Redact([policy("title", "keep")])(element) is element


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (policy("nothing", "drop"), "columns: change_id"),
        (FieldPolicy(column="sales.nothing.x", treatment="drop"), "tables: raw.changes"),
        (policy("record_key", "drop"), "required"),
        (policy("created_at", "hash"), "TIMESTAMP"),
        (policy("title", "truncate"), "length"),
        (policy("title", "hash"), "no key"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_with_the_reason(bad: FieldPolicy, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Redact([bad])
