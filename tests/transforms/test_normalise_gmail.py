"""Gmail: who took part, on whose side, and what a machine sent; labels, and what nobody knows."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from crm_changes import body_of, extra, facts, interaction
from hypothesis import given
from hypothesis import strategies as st
from mails import MAILBOX, STAMP, a_mail, a_message, a_part, multipart, normalised

from schemas.change import new_change, opaque_id
from schemas.clock import DAY_US, MAX_US, MIN_US
from schemas.errors import InvalidPayload
from schemas.records import Interaction
from transforms.mime.ids import mail_interaction_id
from transforms.normalise.gmail import MAX_PARTICIPANTS

ADA = "ada@their.example"


def key(address: str) -> str:
    return f"gmail:address:{opaque_id(address)}"


def test_a_mail_is_an_interaction_with_its_participants_and_their_records() -> None:
    change = a_message(a_mail(body="Hello there\n"))
    row, participants, records = interaction(change)
    assert (row.kind, row.part, row.direction) == ("email", "message", "inbound")
    assert row.interaction_id == mail_interaction_id("one@their.example")
    assert (row.message_id_header, row.in_reply_to) == ("one@their.example", None)
    assert (row.subject, body_of(change), row.snippet) == ("Hello", "Hello there", "Hello there")
    assert (row.occurred_at, row.event_date) == (STAMP, STAMP // DAY_US)
    assert (row.mailbox, row.labels) == (MAILBOX, ("INBOX",))
    assert (row.is_bulk, row.is_draft, row.defects, row.extra) == (False, False, (), None)
    assert [(one.role, one.email, one.display_name, one.is_internal) for one in participants] == [
        ("from", ADA, "Ada Byron", False),
        ("to", MAILBOX, None, True),
    ]
    assert all(one.interaction_id == row.interaction_id for one in participants)
    assert all(one.event_date == row.event_date for one in participants)
    assert [one.participant_key for one in participants] == [key(ADA), key(MAILBOX)]
    ada, rep = records
    assert (ada.record_key, ada.emails, ada.domains) == (key(ADA), (ADA,), ("their.example",))
    assert (ada.full_name, ada.internal, ada.shared, ada.kind) == (
        *("Ada Byron", False, False),
        "person",
    )
    assert (rep.internal, rep.full_name, rep.stamp) == (True, "", STAMP)


def test_every_role_is_taken_in_order_and_an_address_once_a_role() -> None:
    row, participants, records = normalised(
        "From: Ada <ada@their.example>",
        "To: b@x.example, B <B@X.example>",
        "To: c@x.example",
        "Cc: ada@their.example, Team: d@x.example;",
        "Bcc: e@x.example",
        "Reply-To: desk@x.example",
    )
    assert [(one.role, one.email) for one in participants] == [
        ("from", ADA),
        ("to", "b@x.example"),
        ("to", "c@x.example"),
        ("cc", ADA),
        ("cc", "d@x.example"),
        ("bcc", "e@x.example"),
        ("reply_to", "desk@x.example"),
    ]
    assert len(records) == len({one.record_key for one in records}) == 6
    assert row.defects == ()


def test_the_record_of_an_address_has_the_first_name_beside_it() -> None:
    _, _, records = normalised(
        "From: ada@their.example",
        "To: Ada Byron <ada@their.example>",
        "Cc: Countess <ada@their.example>",
    )
    assert [(one.emails, one.full_name) for one in records] == [((ADA,), "Ada Byron")]


@pytest.mark.parametrize(
    "name", ["ada@their.example", "12345", '""', "+1 415 234 0100", "'a@b.de'"]
)
def test_what_is_no_name_names_nobody(name: str) -> None:
    _, _, records = normalised(f"From: {name} <ada@their.example>")
    assert records[0].full_name == ""


def test_a_name_may_be_encoded_quoted_or_turned_round() -> None:
    _, participants, records = normalised(
        'From: "Byron, Ada" <ada@their.example>',
        'To: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <jm@x.example>, "O\'Neil, Pat" <pat@x.example>',
    )
    assert [one.display_name for one in participants] == [
        "Byron, Ada",
        "Jörg Müller",
        "O'Neil, Pat",
    ]
    assert records[1].full_name == "Jörg Müller"


def test_an_address_that_cannot_be_read_is_a_defect_and_the_others_stay() -> None:
    row, participants, _ = normalised("To: undisclosed-recipients:;", "Cc: nobody, a@x.example, <>")
    assert [one.email for one in participants] == [ADA, "a@x.example"]
    assert row.defects == ("address_unreadable",)


def test_a_mail_to_thousands_keeps_the_first_of_them() -> None:
    many = ", ".join(f"p{number}@x.example" for number in range(1_500))
    row, participants, records = normalised(f"To: {many}")
    assert len(participants) == len(records) == MAX_PARTICIPANTS
    assert participants[1].email == "p0@x.example"
    assert row.defects == ("too_many_participants",)


@pytest.mark.parametrize(
    ("sender", "readers", "direction"),
    [
        (ADA, MAILBOX, "inbound"),
        (ADA, "b@x.example", "inbound"),
        (MAILBOX, ADA, "outbound"),
        (MAILBOX, f"kim@own.example, {ADA}", "outbound"),
        (MAILBOX, "kim@own.example", "internal"),
        (MAILBOX, "kim@eu.own.example", "internal"),
        ("rep@own.example.evil.example", MAILBOX, "inbound"),
        ("rep@notown.example", MAILBOX, "inbound"),
        (MAILBOX, "undisclosed-recipients:;", "outbound"),
        ("nobody", MAILBOX, "unknown"),
    ],
)
def test_the_direction_is_told_by_who_wrote_and_who_reads(
    sender: str, readers: str, direction: str
) -> None:
    row, _, _ = normalised(f"From: {sender}", f"To: {readers}", "Reply-To: other@x.example")
    assert row.direction == direction


def test_a_mail_from_nobody_was_sent_where_gmail_says_so() -> None:
    assert normalised("From: -", labelIds=["SENT"])[0].direction == "outbound"
    assert normalised("From: -", labelIds=["INBOX"])[0].direction == "unknown"


def test_the_mailbox_itself_is_ours_under_whatever_domain() -> None:
    row, participants, records = normalised(
        "From: Rep+news@gmail.example", f"To: {ADA}", mailbox="rep@gmail.example"
    )
    assert (row.direction, row.mailbox) == ("outbound", "rep@gmail.example")
    assert (participants[0].is_internal, records[0].internal) == (True, True)


@pytest.mark.parametrize("mailbox", [None, "", "nobody", 7, ["rep@own.example"], {}])
def test_a_mailbox_that_is_none_is_missing(mailbox: Any) -> None:
    row, _, _ = normalised(mailbox=mailbox)
    assert (row.mailbox, row.direction) == (None, "inbound")


@pytest.mark.parametrize(
    "header",
    [
        "List-Id: <news.their.example>",
        "List-Unsubscribe: <mailto:x@y.example>",
        "Feedback-ID: x",
        "Precedence: BULK",
        "Precedence: list",
        "Auto-Submitted: auto-generated",
        "From: no-reply@their.example",
        "From: Newsletter <newsletter@their.example>",
        "From: bounces+123-ada=x.example@their.example",
    ],
)
def test_what_a_machine_sends_is_bulk_and_its_sender_nobody(header: str) -> None:
    row, participants, records = normalised(header, "Reply-To: ada@other.example")
    assert row.is_bulk
    assert [(one.role, one.is_shared) for one in participants] == [
        *(("from", True), ("to", False), ("reply_to", True)),
    ]
    assert [one.shared for one in records] == [True, False, True]


@pytest.mark.parametrize("precedence", ["Precedence: bulk", "Precedence: -"])
def test_an_absence_note_is_bulk_and_comes_from_the_person_who_is_away(precedence: str) -> None:
    row, participants, records = normalised("Auto-Submitted: auto-replied (away)", precedence)
    assert row.is_bulk
    assert not any(one.is_shared for one in participants)
    assert not any(one.shared for one in records)


def test_what_a_customer_writes_to_a_list_of_ours_is_theirs() -> None:
    group = ("List-Id: Sales <sales.own.example>", "Precedence: list", "List-Unsubscribe: <x:y>")
    row, participants, records = normalised(*group)
    assert not row.is_bulk
    assert not any(one.is_shared for one in participants)
    assert not any(one.shared for one in records)
    row, participants, _ = normalised(group[0].replace("own", "their"), *group[1:])
    assert (row.is_bulk, participants[0].is_shared) == (True, True)


def test_a_delivery_report_is_bulk() -> None:
    report = multipart("report", a_part("failed"))
    head = b"From: Ada <ada@their.example>\nTo: rep@own.example\n"
    row, *_ = facts(a_message(head + report))[0]
    assert isinstance(row, Interaction)
    assert row.is_bulk


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: no", "Precedence: first-class", "Subject: unsubscribe", "List-Id: -"],
)
def test_what_a_person_sends_is_not_bulk(header: str) -> None:
    row, participants, _ = normalised(header)
    assert not row.is_bulk
    assert not any(one.is_shared for one in participants)


@pytest.mark.parametrize(
    ("address", "shared"), [("info", True), ("sales.de", True), ("ada", False)]
)
def test_a_role_is_shared_whoever_writes_to_it(address: str, shared: bool) -> None:
    row, participants, records = normalised(f"To: {address}@x.example")
    assert (participants[1].is_shared, records[1].shared) == (shared, shared)
    assert not row.is_bulk


def test_a_sender_in_bulk_is_no_person_though_it_writes_to_itself() -> None:
    _, _, records = normalised(
        "List-Id: <news>", "From: ada@their.example", "To: Ada Byron <ada@their.example>"
    )
    assert [(one.full_name, one.shared) for one in records] == [("Ada Byron", True)]


@pytest.mark.parametrize(
    ("labels", "kept", "draft"),
    [
        (["DRAFT"], ("DRAFT",), True),
        (["TRASH", "UNREAD"], ("TRASH", "UNREAD"), False),
        (["SPAM", "Deals, big"], ("SPAM", "Deals, big"), False),
        ([], (), False),
        (None, (), False),
        ([None, "", 7, ["x"], {"a": 1}, "IN\0BOX"], ("7", "INBOX"), False),
    ],
)
def test_labels_are_those_of_this_copy(labels: Any, kept: tuple[str, ...], draft: bool) -> None:
    row, _, _ = normalised(labelIds=labels)
    assert (row.labels, row.is_draft) == (kept, draft)


@pytest.mark.parametrize("labels", ["DRAFT", 5, True, {"DRAFT": 1}])
def test_labels_that_are_no_list_stay_in_extra(labels: Any) -> None:
    row, _, _ = normalised(labelIds=labels)
    assert (row.labels, row.is_draft, extra(row)) == ((), False, {"labelIds": labels})


def test_what_nobody_knows_stays_in_extra() -> None:
    row, _, _ = normalised(
        classificationLabelValues=[{"labelId": "x"}], historyId="9", sizeEstimate=1
    )
    assert extra(row) == {"classificationLabelValues": [{"labelId": "x"}], "historyId": "9"}


values = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    st.lists(st.text(max_size=4), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "threadId", "labelIds", "internalDate", "mailbox", "snippet", "new"]
        ),
        values,
    ),
    st.booleans(),
)
def test_whatever_stands_beside_the_mail_it_is_read(fields: dict[str, Any], dated: bool) -> None:
    mail = a_mail() if dated else a_mail("Date: -")
    body = json.dumps({**fields, "raw": urlsafe_b64encode(mail).decode()}).encode()
    change = new_change("gmail", "message", "1", body, stamp=STAMP, fetched=STAMP)
    try:
        row, participants, records = interaction(change)
    except InvalidPayload as error:
        assert "JSON" in str(error)  # NaN and Infinity
        return
    assert len(participants) == len(records) == 2
    assert row.occurred_at is None or MIN_US <= row.occurred_at <= MAX_US
    assert all(label and "\0" not in label for label in row.labels)
