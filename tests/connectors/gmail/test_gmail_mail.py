"""What is published of a mail, whatever the mail: traps 13, 14, 57 and 59, and exclusions."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conformance import Run
from gmail_harness import COMPANY, MAIL, REP, REPS, GmailHarness, gmail
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.exclusions import Exclusions
from connectors.files.mail import mail_change
from connectors.gmail.record import Kept, Records, addresses_in
from connectors.poller import Poller
from sandbox.vendors.faults import Fault
from sandbox.vendors.gmail.mailbox import Message
from schemas.envelope import CLAIM_CHECK_BYTES
from schemas.errors import InvalidPayload
from transforms.normalise.gmail import normalise_message
from transforms.settings import Settings

NOW = 1_770_000_000_000_000
DAY_US = 86_400_000_000
LARGE = CLAIM_CHECK_BYTES + 1_000_000
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def harness() -> Iterator[GmailHarness]:
    with gmail(empty=True) as made:
        yield made


@pytest.fixture
def run(harness: GmailHarness, tmp_path: Path) -> Run:
    return Run(harness, tmp_path)


def added(mail: bytes, exclusions: Exclusions | None = None, **changed: Any) -> Kept:
    message = Message("18f", "18e", NOW - DAY_US, mail, {"INBOX"}, 77, NOW).resource()
    kept = Kept()
    Records(REP, exclusions or Exclusions()).add(kept, "18f", message | changed, NOW, False)
    return kept


def test_trap_13_large_and_hostile_mails_are_published_byte_for_byte(
    run: Run, harness: GmailHarness
) -> None:
    mails = [
        b"x" * LARGE,
        b"Subject: =?utf-8?B?broken\r\nContent-Type: text/x; charset=x-none\r\n\r\n\xff\xfe\x00",
        b"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n\r\n",
        b"From: \xe4\xf6\xfc\r\nDate: yesterday\r\n\r\nno Message-ID, no date",
        b"\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--y\r\nContent-ID: <z>\r\n",
    ]
    for raw in mails:
        harness.state.store(REP, raw)
    assert run.round().succeeded
    run.assert_all_there()


@given(st.binary(min_size=1, max_size=2_000))
@settings(max_examples=200, deadline=None)
def test_trap_13_no_mail_makes_it_crash(raw: bytes) -> None:
    exclusions = Exclusions(domains=("private.example",), senders=("a@b.example",))
    kept = added(raw, exclusions)
    assert len(kept.changes) + kept.excluded + len(kept.bad) == 1
    for change in kept.changes:
        try:
            rows, _ = normalise_message(change, Settings(), NOW)
        except InvalidPayload:
            assert not raw.strip()
        else:
            assert rows[0].mailbox == REP  # type: ignore[attr-defined]


@pytest.mark.parametrize("changed", [{"raw": None}, {"raw": ""}, {"id": "another"}, {"raw": 7}])
def test_a_message_that_is_none_is_bad_and_its_bytes_are_kept(changed: dict[str, Any]) -> None:
    (bad,) = added(MAIL, **changed).bad
    assert (bad.location, bad.lane) == ("message 18f", "live")
    assert json.loads(bad.data)["threadId"] == "18e"


@pytest.mark.parametrize("received", [None, "", "soon", "9" * 30, "1_0", str(10**14), "-5"])
def test_a_time_of_receipt_that_is_none_or_in_the_future_is_never_after_the_reading(
    received: object,
) -> None:
    (change,) = added(MAIL, internalDate=received).changes
    assert change.stamp <= change.fetched
    kept = Kept()
    Records(REP, Exclusions()).delete(kept, "18f", NOW)
    assert kept.changes[0].version > change.version


def test_trap_14_copies_in_two_mailboxes_are_two_records_of_one_conversation(
    run: Run, harness: GmailHarness
) -> None:
    raw = b"Message-ID: <one@their.example>\r\nReferences: <root@their.example>\r\n" + MAIL
    names = {harness.state.store(address, raw) for address in REPS}
    run.round()
    interactions = [
        normalise_message(change, Settings(), NOW)[0][0] for change in run.collector.changes
    ]
    assert {one.object_id for one in run.collector.changes} == names
    assert len({one.interaction_id for one in interactions}) == 1  # type: ignore[attr-defined]
    assert len({one.thread_id for one in interactions}) == 1  # type: ignore[attr-defined]
    assert len({one.mailbox for one in interactions}) == len(REPS)  # type: ignore[attr-defined]


def test_an_import_and_the_live_mailbox_meet_in_one_record(tmp_path: Path) -> None:
    with gmail() as harness:
        run = Run(harness, tmp_path)
        run.round()
        live = {one.record_key: one for one in run.collector.changes}
        for mail in COMPANY.mails:
            for number, rep in zip(mail.gmail_ids, mail.holders, strict=True):
                when = datetime.fromtimestamp(mail.stamp_us / 1e6, UTC)
                imported = mail_change(
                    mail.source,
                    f"From {number}@xxx {when:%a %b %d %H:%M:%S +0000 %Y}".encode(),
                    mailbox=rep.email,
                    file_name="",
                    as_of=0,
                )
                one = live[imported.record_key]
                assert one.stamp == imported.stamp
                assert one.version > imported.version
                assert json.loads(imported.payload).keys() <= json.loads(one.payload).keys()
        assert len(live) == sum(len(mail.holders) for mail in COMPANY.mails)


def test_what_must_not_be_held_is_counted_and_never_published(
    run: Run, harness: GmailHarness
) -> None:
    box = harness.state.mailboxes[REP]
    box.labels["Label_7"] = "Legal/Privileged"
    kept = harness.state.store(REP, MAIL)
    harness.state.store(REP, MAIL, ("INBOX", "Label_7"))
    harness.state.store(REP, MAIL, ("SPAM",))
    harness.state.store(REP, MAIL.replace(b"To: rep@own.example", b"Cc:\r\n x@hr.lawyers.example"))
    harness.state.store(REP, MAIL.replace(b"From: Ada <ada@", b"FROM: <Ann@"))
    by_key = harness.state.store(REP, MAIL)
    harness.exclusions = Exclusions(
        labels=("legal/privileged", "SPAM"),
        domains=("lawyers.example",),
        senders=("ann@their.example",),
        records=(f"gmail:message:{by_key}",),
    )
    outcome = run.round()
    assert (outcome.excluded, outcome.changes) == (5, 1)
    assert run.collector.changes[0].object_id == kept


def test_a_mail_that_may_no_longer_be_held_is_withdrawn_and_may_come_back(
    run: Run, harness: GmailHarness
) -> None:
    harness.exclusions = Exclusions(labels=("Private",))
    harness.state.mailboxes[REP].labels["Label_1"] = "Private"
    name = harness.state.store(REP, MAIL)
    run.round()
    harness.state.label(REP, name, add=("Label_1",))
    outcome = run.round()
    assert (outcome.changes, outcome.notes["withdrawn"]) == (1, 1)
    assert run.collector.newest() == {f"gmail:message:{name}": None}
    harness.time.pass_s(5)
    harness.state.label(REP, name, remove=("Label_1",))
    run.round()
    run.assert_all_there()


def test_addresses_are_found_however_a_header_is_written() -> None:
    raw = (
        b"From: =?utf-8?q?a=40b?= <One@X.Example>, two@x.example\r\nSubject: not@this.example\r\n"
        b'To: undisclosed-recipients:;\r\nCc: "q@uoted" <three@y.example>,\r\n\t(c) four@z.example'
        b"\r\n\r\nFrom: body@none.example"
    )
    message = Message("1", "1", 0, raw, set(), 1, 0).resource()
    senders, addresses = addresses_in(message["raw"])
    assert {"one@x.example", "two@x.example"} <= set(senders)
    assert {"three@y.example", "four@z.example"} <= set(addresses)
    assert not {"not@this.example", "body@none.example"} & set(addresses)


@pytest.mark.parametrize(
    "value",
    [b"a" * 900_000, b"<a@b.example>," * 60_000, b"@" * 900_000, b"a@" * 400_000],
    ids=["word", "list", "signs", "chain"],
)
def test_trap_13_a_header_of_a_megabyte_is_read_in_one_go(value: bytes) -> None:
    raw = urlsafe_b64encode(b"From: ann@x.example\r\nTo: " + value + b"\r\n\r\n").decode()
    senders, addresses = addresses_in(raw)
    assert senders == ["ann@x.example"]
    assert addresses[0] == "ann@x.example"


def test_a_backfill_tells_of_what_it_cannot_read(run: Run, harness: GmailHarness) -> None:
    names = [harness.state.store(REP, MAIL) for _ in range(4)]
    harness.faults.switch_on(
        Fault(name="part_500", route=names[1]), Fault(name="part_404", route=names[2])
    )
    now = harness.time.us
    streams = list(harness.connector().backfill(now - DAY_US, now + DAY_US, [REP]))
    poller = Poller(run.cursors, run.collector)  # type: ignore[arg-type]
    outcome = poller.round(streams)
    assert (outcome.succeeded, outcome.changes, outcome.bad) == (True, 2, 1)
    assert names[1] in run.collector.raw[0][2]["ce-import-error"]
    # Not even a second answer makes a deletion: the live reading may hold the message.
    assert outcome.notes["gone"] == 1
    assert {one.operation for one in run.collector.changes} == {"upsert"}
    assert poller.round(streams).changes == 0


def test_a_message_that_a_backfill_cannot_read_at_first_is_read_a_little_later(
    run: Run, harness: GmailHarness
) -> None:
    names = [harness.state.store(REP, MAIL) for _ in range(3)]
    harness.faults.switch_on(
        Fault(name="part_404", route=names[0], times=1),
        Fault(name="part_malformed", times=1),
    )
    now = harness.time.us
    streams = harness.connector().backfill(now - DAY_US, now + DAY_US, [REP])
    outcome = Poller(run.cursors, run.collector).round(streams)  # type: ignore[arg-type]
    assert (outcome.succeeded, outcome.bad) == (True, 0)
    run.assert_all_there()


def test_a_backfill_reads_its_span_and_meets_the_live_lane(tmp_path: Path) -> None:
    with gmail(page_size=13) as harness:
        harness.connector(first_days=20)
        run = Run(harness, tmp_path)
        recent = run.round().changes
        everything = sum(len(mail.holders) for mail in COMPANY.mails)
        assert 0 < recent < everything
        newest = max(mail.stamp_us for mail in COMPANY.mails)
        oldest = min(mail.stamp_us for mail in COMPANY.mails)
        name = next(iter(harness.state.expected(REP)))
        harness.state.label(REP, name, add=("STARRED",))
        for _ in range(50):
            streams = harness.connector().backfill(oldest, newest + 1, REPS)
            poller = Poller(
                run.cursors,
                run.collector,  # type: ignore[arg-type]
                on_page=lambda outcome: poller.stop(),  # noqa: B023
            )
            if not poller.round(streams).stopped:
                break
        lanes = [one.lane for one in run.collector.changes]
        assert lanes.count("backfill") == everything
        run.round()
        run.assert_all_there()
        ids = [one.change_id for one in run.collector.changes]
        assert len(ids) - len(set(ids)) >= recent - 1
