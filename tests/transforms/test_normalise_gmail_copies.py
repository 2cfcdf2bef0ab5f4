"""Gmail: what copies of a mail have in common, when it was, and what is no mail at all."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from crm_changes import WRITTEN_AT, body_of, facts, interaction
from mails import STAMP, a_mail, a_message, normalised

from schemas.change import new_change, stable_hash
from schemas.clock import DAY_US, FIRST_PARTITION_DAY, LAST_PARTITION_AHEAD, MAX_US, MIN_US
from schemas.errors import InvalidPayload
from schemas.records import Interaction, Participant
from transforms.mime import dates


def test_copies_in_several_mailboxes_are_one_mail_and_several_records() -> None:
    ours = a_message(a_mail("From: rep@own.example", "Bcc: boss@own.example"), object_id="1")
    theirs = a_message(a_mail("From: rep@own.example"), object_id="2", mailbox="kim@own.example")
    one, other = (facts(change)[0][0] for change in (ours, theirs))
    assert isinstance(one, Interaction) and isinstance(other, Interaction)
    assert (one.interaction_id, one.thread_id) == (other.interaction_id, other.thread_id)
    assert one.record_key != other.record_key


WITHOUT_ID = ("Message-ID: -", "From: rep@own.example", "To: kim@own.example, ada@their.example")


def test_without_an_id_copies_are_known_by_what_they_say() -> None:
    sent = normalised(*WITHOUT_ID, "Bcc: boss@own.example", object_id="1", labelIds=["SENT"])[0]
    got = normalised(
        *("Received: from a by b; Sat, 31 Jan 2026 08:00:09 +0000", *WITHOUT_ID),
        object_id="2",
        mailbox="kim@own.example",
        internalDate="1769846409000",
        threadId="9",
    )[0]
    assert (sent.interaction_id, sent.thread_id) == (got.interaction_id, got.thread_id)
    assert sent.message_id_header is None
    assert sent.defects == got.defects == ("message_id_missing",)


@pytest.mark.parametrize(
    "other",
    [
        {"headers": ("Subject: Other",)},
        {"headers": ("Date: Sat, 31 Jan 2026 08:00:01 +0000",)},
        {"headers": ("Cc: more@x.example",)},
        {"body": "Hello there, again\n"},
        {"body": "Hello there\n<!-- the same to read, not the same mail -->\n"},
    ],
)
def test_without_an_id_mails_that_say_something_else_are_others(other: dict[str, Any]) -> None:
    one = normalised(*WITHOUT_ID)[0]
    another = normalised(*WITHOUT_ID, *other.pop("headers", ()), **other)[0]
    assert one.interaction_id != another.interaction_id


def test_what_says_nothing_and_no_time_is_a_mail_by_itself() -> None:
    one, again, other = (
        normalised(*WITHOUT_ID, "Date: -", body="\n", object_id=object_id)[0]
        for object_id in ("1", "1", "2")
    )
    assert one.interaction_id == again.interaction_id != other.interaction_id


def test_without_id_and_date_the_last_hop_tells_two_mails_apart() -> None:
    hops = [f"Received: from a by b; Sat, 31 Jan 2026 08:00:{n:02} +0000" for n in (1, 1, 2)]
    same, again, later = (normalised(*WITHOUT_ID, "Date: -", hop)[0] for hop in hops)
    assert same.interaction_id == again.interaction_id != later.interaction_id


@pytest.mark.parametrize(
    ("headers", "message_id", "defect"),
    [
        (("Message-ID: <a@x>", "Message-ID: <b@x>"), "a@x", "message_id_repeated"),
        (("Message-ID: <>", "Message-Id: <b@x>"), "b@x", "message_id_repeated"),
        (("Message-ID: ", "Message-ID: 0"), None, "message_id_missing"),
        (("Message-ID: junk",), None, "message_id_missing"),
        (("Message-ID: <a\n\t@x>",), None, "message_id_missing"),
    ],
)
def test_of_several_ids_the_first_that_is_one_counts(
    headers: tuple[str, ...], message_id: str | None, defect: str
) -> None:
    row, _, _ = normalised(*headers)
    assert (row.message_id_header, row.defects) == (message_id, (defect,))


def test_a_conversation_has_one_thread_in_every_mailbox() -> None:
    root, _, _ = normalised("Message-ID: <root@x>", threadId="1")
    reply, _, _ = normalised(
        "Message-ID: <reply@x>", "In-Reply-To: <root@x>", "References: <root@x>", threadId="2"
    )
    bare, _, _ = normalised("Message-ID: <late@x>", "In-Reply-To: Ada's mail of Friday <root@x>")
    junk, _, _ = normalised("Message-ID: <own@x>", "In-Reply-To: junk", "References: none at all")
    assert root.thread_id == reply.thread_id == bare.thread_id != junk.thread_id
    assert (reply.in_reply_to, bare.in_reply_to, junk.in_reply_to) == ("root@x", "root@x", None)


HOP = "Received: from a by b (c; d); Sat, 31 Jan 2026 09:30:00 +0000"
HALF_PAST_NINE = STAMP + 5_400_000_000


@pytest.mark.parametrize(
    ("headers", "internal_date", "occurred", "defects"),
    [
        (("Date: Sat, 31 Jan 2026 10:30 +0100", HOP), "1", HALF_PAST_NINE, ()),
        (("Date: -", HOP), "1769846400000", HALF_PAST_NINE, ("date_missing",)),
        (("Date: someday", HOP), "1769846400000", HALF_PAST_NINE, (dates.INVALID,)),
        (("Date: -",), "1769846400000", STAMP, ("date_missing",)),
        (("Date: someday", "Received: junk"), 1769846400000, STAMP, (dates.INVALID,)),
        (("Date: someday",), None, None, (dates.INVALID,)),
        (("Date: someday",), "soon", None, (dates.INVALID,)),
        (("Date: Sat, 31 Jan 2026 08:00:00",), None, STAMP, (dates.NO_ZONE,)),
    ],
)
def test_it_happened_when_the_mail_says_or_the_last_hop_or_gmail(
    headers: tuple[str, ...], internal_date: Any, occurred: int | None, defects: tuple[str, ...]
) -> None:
    row, _, _ = normalised(*headers, internalDate=internal_date)
    assert (row.occurred_at, row.defects) == (occurred, defects)
    # Where nobody says when, the partition is that of the version: a replay finds the same.
    assert row.event_date == STAMP // DAY_US


@pytest.mark.parametrize(
    ("date", "occurred", "defects"),
    [
        ("Sun, 1 Feb 2026 08:00:00 +0000", STAMP + DAY_US, ()),
        ("Sun, 1 Feb 2026 08:00:01 +0000", STAMP, ("date_after_receipt",)),
        ("Wed, 31 Jan 2029 08:00:00 +0000", STAMP, ("date_after_receipt",)),
        ("Thu, 1 Jan 2004 08:00:00 +0000", STAMP - 8_066 * DAY_US, ()),
    ],
)
def test_no_mail_was_sent_more_than_a_day_after_it_was_received(
    date: str, occurred: int, defects: tuple[str, ...]
) -> None:
    row, _, _ = normalised(f"Date: {date}", internalDate=str(STAMP // 1_000))
    assert (row.occurred_at, row.defects) == (occurred, defects)
    assert row.event_date == occurred // DAY_US


@pytest.mark.parametrize(
    ("date", "occurred", "day"),
    [
        ("Fri, 31 Dec 9999 23:59:59 -1200", MAX_US, WRITTEN_AT // DAY_US + LAST_PARTITION_AHEAD),
        ("Mon, 1 Jan 0000 00:00:00 +0000", MIN_US, FIRST_PARTITION_DAY),
        ("Thu, 1 Jan 1970 00:00:00 +0000", 0, FIRST_PARTITION_DAY),
    ],
)
def test_a_hostile_date_opens_no_partition(date: str, occurred: int, day: int) -> None:
    row, participants, _ = normalised(f"Date: {date}", internalDate=None)
    assert (row.occurred_at, row.event_date) == (occurred, day)
    assert {one.event_date for one in participants} == {day}


@pytest.mark.parametrize("operation", ["delete", "merge"])
def test_a_mail_that_is_gone_takes_its_participants_with_it(operation: str) -> None:
    (gone, nobody), records = facts(a_message(b"", operation=operation))
    assert isinstance(gone, Interaction) and isinstance(nobody, Participant)
    assert gone.is_deleted and nobody.is_deleted
    assert (gone.part, gone.kind, gone.occurred_at) == ("message", "email", None)
    assert gone.interaction_id == nobody.interaction_id == stable_hash("object", gone.record_key)
    assert gone.event_date == nobody.event_date == STAMP // DAY_US
    assert (nobody.ordinal, nobody.email, records) == (0, None, ())


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no object"),
        (b"null", "no object"),
        (b"{}", "raw is missing"),
        (b'{"raw": ""}', "raw is missing"),
        (b'{"raw": 7}', "raw is missing"),
        (b'{"id": "1", "payload": {"headers": []}}', "raw is missing"),
        (b'{"raw": "****"}', "not base64url"),
        (b'{"raw": "a"}', "not base64url"),
        (b'{"raw": "YQ==YQ=="}', "not base64url"),
        ('{"raw": "é"}'.encode(), "not base64url"),
        (b'{"raw": "===="}', "empty mail"),
        (b'{"raw": "IAogCg"}', "empty mail"),
    ],
)
def test_a_payload_without_a_mail_says_what_is_missing(payload: bytes, reason: str) -> None:
    change = new_change("gmail", "message", "1", payload, stamp=STAMP, fetched=STAMP)
    with pytest.raises(InvalidPayload, match=reason):
        facts(change)


def test_an_object_type_that_is_none_is_refused() -> None:
    change = new_change("gmail", "thread", "1", b"{}", stamp=STAMP, fetched=STAMP)
    with pytest.raises(InvalidPayload, match="thread"):
        facts(change)


@pytest.mark.parametrize("mail", [b"a", b"ab", b"abc", a_mail(body=bytes(range(256)))])
def test_both_alphabets_of_base64_are_read_with_padding_or_without(mail: bytes) -> None:
    written = urlsafe_b64encode(mail)
    common = written.replace(b"-", b"+").replace(b"_", b"/")
    payloads = [{"id": "1", "raw": one.decode()} for one in (written, written.rstrip(b"="), common)]
    changes = [
        new_change("gmail", "message", "1", json.dumps(one).encode(), stamp=1, fetched=2)
        for one in payloads
    ]
    found = {(body_of(one), interaction(one)[0].interaction_id) for one in changes}
    assert (len(changes), len(found)) == (3, 1)


def test_a_subject_is_one_text_without_what_no_table_can_hold() -> None:
    row, _, _ = normalised("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe=00?=\n\t=?utf-8?q?_an?= alle ")
    assert row.subject == "Grüße an alle"
    assert normalised("Subject:  ")[0].subject is None
