"""Whatever comes in, no exception leaves the graph, and every message is accounted for once."""

import json
import random

import msgspec
import pytest
from company_messages import CompanyMessages
from graph_runs import rows_of
from hostile_messages import ATTRIBUTES, KINDS, STAMP, at_random, mutated, of_every_kind, received
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.change import new_change
from schemas.columns import Row
from schemas.envelope import encode
from schemas.flow import Received
from schemas.operations import DeadLetter
from schemas.records import Body, Duplicate, Person, RawChange
from transforms.settings import CustomField, FieldPolicy

ENVELOPE = encode(new_change("files", "contact", "1", b"{}", stamp=1, fetched=1)).attributes

every_seed = pytest.mark.parametrize("seed", range(3))
in_few_runs = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
values = st.sampled_from(ATTRIBUTES) | st.text(max_size=30)
names = st.sampled_from([*ENVELOPE, "ce-dataref", "ce-successor"]) | st.text(max_size=10)
attributes = st.dictionaries(names, values, max_size=5)


def unexpected(rows: list[Row]) -> list[str]:
    """Dead letters of errors that nobody raised on purpose."""
    return [row.stack_trace for row in rows if isinstance(row, DeadLetter) and row.stack_trace]


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.binary(max_size=60), attributes, st.booleans()), min_size=1, max_size=25)
)
@in_few_runs
def test_random_bytes_and_attributes_are_accounted_for(
    drawn: list[tuple[bytes, dict[str, str], bool]],
) -> None:
    messages = [
        Received(data, {**ENVELOPE, **given} if whole else given, f"m-{number}", STAMP)
        for number, (data, given, whole) in enumerate(drawn)
    ]
    assert not unexpected(rows_of(messages))


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(KINDS), documents), min_size=1, max_size=25))
@in_few_runs
def test_any_document_of_any_kind_is_accounted_for(drawn: list[tuple[str, object]]) -> None:
    changes = (
        new_change(
            kind.split(".")[0],  # type: ignore[arg-type]
            kind.split(".")[1],
            "1",
            json.dumps(document).encode(),
            stamp=STAMP,
            fetched=STAMP,
        )
        for kind, document in drawn
    )
    messages = [received(change, number) for number, change in enumerate(changes)]
    assert not unexpected(rows_of(messages))


@every_seed
def test_random_payloads_of_every_kind_under_every_operation_are_accounted_for(seed: int) -> None:
    messages = list(of_every_kind(random.Random(seed)))
    rows = rows_of(messages)
    assert not unexpected(rows)
    assert any(isinstance(row, RawChange) for row in rows), "tombstones need no payload"


@every_seed
def test_messages_that_are_no_changes_are_dead_letters(seed: int) -> None:
    messages = list(at_random(random.Random(seed), 400))
    letters = [row for row in rows_of(messages) if isinstance(row, DeadLetter)]
    exact = {message.message_id: message for message in messages}
    for letter in letters:
        message = exact[letter.message_id or ""]
        assert letter.payload == message.data
        assert json.loads(letter.attributes).items() <= message.attributes.items()
        assert "Cookie" not in json.loads(letter.attributes)


@every_seed
def test_valid_messages_with_something_wrong_are_accounted_for(
    company: CompanyMessages, seed: int
) -> None:
    messages, deployment, _ = company
    rows = rows_of(mutated(random.Random(seed), messages), deployment)
    assert not unexpected(rows)
    assert sum(isinstance(row, RawChange) for row in rows) > len(messages) // 3


@pytest.mark.slow
def test_field_policies_and_custom_fields_make_no_message_go_astray(
    company: CompanyMessages,
) -> None:
    strict = msgspec.structs.replace(
        company.settings,
        custom_fields=tuple(
            CustomField(record="hubspot.contact", field=field, column=column)
            for field, column in (("email", "phones"), ("phone", "emails"), ("id", "created_at"))
        ),
        field_policies=(
            FieldPolicy(column="sales.people.emails", treatment="drop"),
            FieldPolicy(column="sales.people.full_name", treatment="hash"),
            FieldPolicy(column="sales.participants.participant_key", treatment="hash"),
            FieldPolicy(column="sales.bodies.body", treatment="truncate", length=3),
        ),
    )
    rng = random.Random(4)
    for messages in (list(of_every_kind(rng)), list(mutated(rng, company.messages))):
        rows = rows_of(messages, strict, redaction_key=b"key")
        assert not unexpected(rows)
        assert all(len(row.body) <= 3 for row in rows if isinstance(row, Body))
        assert all(row.emails == () for row in rows if isinstance(row, Person))


@pytest.mark.slow
def test_a_message_among_bad_ones_comes_to_the_rows_that_it_comes_to_alone(
    company: CompanyMessages,
) -> None:
    messages, deployment, _ = company
    bad = list(at_random(random.Random(9), 300))
    mixed = random.Random(9).sample([*messages, *bad], len(messages) + len(bad))
    alone, among = rows_of(messages, deployment), rows_of(mixed, deployment)

    def of_sales(rows: list[Row]) -> set[str]:
        return {repr(row) for row in rows if type(row).__module__.endswith("records")} - {
            repr(row) for row in rows if isinstance(row, Duplicate | RawChange)
        }

    assert of_sales(among) == of_sales(alone)
