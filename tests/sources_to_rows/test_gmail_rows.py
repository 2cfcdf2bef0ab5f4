"""Gmail, from the mailboxes through the connector to the tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance import Run
from gmail_harness import REPS, GmailHarness, gmail
from source_rows import Tables

from schemas.records import Interaction

MAIL = (
    b"From: Ada Byron <ada@their.example>\r\nTo: %s\r\nSubject: Hello\r\n"
    b"Message-ID: <one@their.example>\r\nDate: Mon, 05 Jan 2026 09:00:00 +0000\r\n\r\n"
    b"Hello there\r\n"
) % REPS[0].encode()


class Reading:
    def __init__(self, harness: GmailHarness, folder: Path) -> None:
        self.harness = harness
        self.state = harness.state
        self.run = Run(harness, folder)

    def again(self) -> Tables:
        self.harness.time.pass_s(60)
        outcome = self.run.round()
        assert outcome.succeeded, outcome.failures
        assert not outcome.bad
        return Tables(self.run.collector.changes)


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    with gmail(empty=True) as harness:
        yield Reading(harness, tmp_path)


def test_the_labels_of_a_message_are_those_that_it_has_now(reading: Reading) -> None:
    name = reading.state.store(REPS[0], MAIL)
    key = f"gmail:message:{name}"
    first = reading.again().one(Interaction, key)
    assert set(first.labels) == {"INBOX", "UNREAD"}
    reading.state.label(REPS[0], name, add=("STARRED",), remove=("UNREAD",))
    row = reading.again().one(Interaction, key)
    assert set(row.labels) == {"INBOX", "STARRED"}
    # All else is as it was: a label is no other mail.
    assert (row.interaction_id, row.subject, row.occurred_at) == (
        first.interaction_id,
        first.subject,
        first.occurred_at,
    )


def test_trash_is_a_label_and_out_of_it_the_message_is_as_before(reading: Reading) -> None:
    name = reading.state.store(REPS[0], MAIL)
    key = f"gmail:message:{name}"
    reading.again()
    reading.state.label(REPS[0], name, add=("TRASH",), remove=("INBOX",))
    row = reading.again().one(Interaction, key)
    assert (row.is_deleted, "TRASH" in row.labels) == (False, True)
    reading.state.label(REPS[0], name, add=("INBOX",), remove=("TRASH",))
    assert "TRASH" not in reading.again().one(Interaction, key).labels


def test_a_message_deleted_for_ever_is_a_tombstone_with_its_participants(
    reading: Reading,
) -> None:
    name = reading.state.store(REPS[0], MAIL)
    key = f"gmail:message:{name}"
    tables = reading.again()
    assert [one.role for one in tables.participants(key)] == ["from", "to"]
    reading.state.delete(REPS[0], name)
    tables = reading.again()
    assert tables.one(Interaction, key).is_deleted
    assert [one.is_deleted for one in tables.participants(key)] == [True]


def test_copies_in_two_mailboxes_are_one_interaction_and_go_one_by_one(
    reading: Reading,
) -> None:
    names = [reading.state.store(rep, MAIL) for rep in REPS[:2]]
    tables = reading.again()
    copies = [tables.one(Interaction, f"gmail:message:{name}") for name in names]
    assert len({one.interaction_id for one in copies}) == 1
    assert {one.mailbox for one in copies} == set(REPS[:2])
    reading.state.delete(REPS[0], names[0])
    tables = reading.again()
    gone = [tables.one(Interaction, f"gmail:message:{name}").is_deleted for name in names]
    assert gone == [True, False]


def test_drafts_are_none_until_they_are_sent(reading: Reading) -> None:
    draft = reading.state.draft(REPS[0], MAIL)
    assert reading.again().latest(Interaction) == []
    reading.state.label(REPS[0], draft, add=("SENT",), remove=("DRAFT",))
    row = reading.again().one(Interaction, f"gmail:message:{draft}")
    assert (row.is_draft, row.labels) == (False, ("SENT",))


def test_senders_and_readers_are_known_by_their_addresses(reading: Reading) -> None:
    name = reading.state.store(REPS[0], MAIL)
    tables = reading.again()
    sender, reader = tables.participants(f"gmail:message:{name}")
    assert (sender.email, sender.display_name, sender.is_internal) == (
        "ada@their.example",
        "Ada Byron",
        False,
    )
    assert (reader.email, reader.is_internal) == (REPS[0], True)
    assert tables.identities[sender.participant_key].full_name == "Ada Byron"
