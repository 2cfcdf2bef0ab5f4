"""What a stack logs names nobody: ids, counts and classes of errors."""

import pytest
from running import RunningStack

from schemas.records import Participant, Person
from transforms.traces import Identifiers, Traces
from warehouse.latest import latest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]


def everybody(stack: RunningStack) -> Identifiers:
    """All addresses, numbers and whole names of the company and its customers."""
    emails, phones, names = set[str](), set[str](), set[str]()
    with stack.warehouse() as client:
        for person in latest(client, Person):
            emails |= set(person.emails)
            phones |= set(person.phones)
            names.add(person.full_name or f"{person.given_name} {person.family_name}")
        for one in latest(client, Participant):
            emails.add(one.email or "")
            phones.add(one.phone or "")
            names.add(one.display_name or "")
    whole = {name for name in names if len(name.split()) > 1 and "None" not in name}
    return Identifiers(
        tuple(sorted(emails - {""})), tuple(sorted(phones - {""})), tuple(sorted(whole))
    )


def test_no_log_names_anybody_of_the_company(stack: RunningStack) -> None:
    known = everybody(stack)
    assert known.emails and known.phones and known.names
    traces = Traces(known)
    # The control: whoever is named is found.
    assert traces.find(f"no such mailbox: {known.emails[0]}".encode())
    assert traces.find(f"sent to {known.names[0]}".encode())
    logs = sorted(stack.directory.logs.glob("*.log*"))
    assert {path.name for path in logs} >= {"pipeline.log", "pubsub.log", "warehouse.log"}
    for path in (*logs, stack.said):
        named = [line for line in path.read_bytes().splitlines() if traces.find(line)]
        assert named == [], path.name
