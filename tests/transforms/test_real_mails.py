"""Mails that real programs wrote, well and badly: through the whole graph, and held against the
standard library's parser where that one is right."""

import random
import zipfile
from collections import Counter
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import mktime_tz, parsedate_tz
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import pytest
from crm_changes import body_of, interaction
from mails import MAILBOX, STAMP, a_message

from connectors.bad_input import bad_input_message
from connectors.files import BadInput, ImportOptions, plan, read
from pipelines.bounded import run_bounded
from pipelines.graph import Parts
from schemas.change import stable_hash
from schemas.columns import Row
from schemas.envelope import encode
from schemas.flow import Received
from schemas.operations import DeadLetter
from schemas.records import Duplicate, Interaction, Participant, RawChange
from transforms.mime import dates
from transforms.mime.message import Mail, read_mail
from transforms.mime.words import decode_words
from transforms.settings import Settings
from warehouse.sink import MemorySink

REAL_MAIL = Path(__file__).parents[2].parent / "shared/data/mail/real_mail.zip"
COUNT = 198

pytestmark = pytest.mark.skipif(not REAL_MAIL.exists(), reason=f"{REAL_MAIL} is absent")

_written: list[Row] = []


def _sink() -> MemorySink:
    # The graph is pickled: what it writes to is found by name.
    return MemorySink(_written)


@cache
def real_mails() -> dict[str, bytes]:
    """Mails by the hash in their name."""
    with zipfile.ZipFile(REAL_MAIL) as archive:
        names = archive.namelist()
        return {Path(name).stem.rpartition("__")[2]: archive.read(name) for name in names}


def messages_of(*paths: Path) -> list[Received]:
    """What an import publishes: every change twice, and a raw message for what is no mail."""
    options = ImportOptions(as_of=STAMP, mailbox=MAILBOX)
    published = []
    for found in read(plan(list(paths), options), options):
        bad = isinstance(found, BadInput)
        message = bad_input_message(found)[1:] if bad else encode(found)
        published += [message] if bad else [message, message]
    return [Received(*one, f"m-{number}", STAMP) for number, one in enumerate(published)]


@pytest.mark.no_cover
@pytest.mark.slow
def test_every_real_mail_is_accepted_and_what_is_none_says_why(tmp_path: Path) -> None:
    (tmp_path / "blank.mbox").write_bytes(b"From x Sat Jan 31 08:00:00 2026\n\n\n" * 3)
    hostile = [
        a_message(b"", raw=raw, object_id=f"bad-{number}")
        for number, raw in enumerate((None, "", "****", 7, "IAogCg"))
    ]
    messages = messages_of(REAL_MAIL, tmp_path)
    messages += [
        Received(*encode(change), f"h-{number}", STAMP) for number, change in enumerate(hostile)
    ]
    _written.clear()
    settings = Settings(own_domains=("own.example",))
    run_bounded(partial(iter, messages), Parts(settings=settings, open_sink=_sink, shards=4))

    ended = (RawChange, Duplicate, DeadLetter)
    account = Counter(type(row) for row in _written if isinstance(row, ended))
    assert account == {RawChange: COUNT, Duplicate: COUNT, DeadLetter: 3 + len(hostile)}
    assert sum(account.values()) == len(messages)
    mails = [row for row in _written if isinstance(row, Interaction)]
    assert len(mails) == COUNT
    assert len({row.change_id for row in mails}) == COUNT
    letters = [row for row in _written if isinstance(row, DeadLetter)]
    assert Counter(row.stage for row in letters) == {"import": 3, "normalise": len(hostile)}
    sent = {message.message_id: message.data for message in messages}
    for row in letters:
        assert row.message_id is not None
        assert row.payload == sent[row.message_id]
        assert "mail" in row.error_message or "raw" in row.error_message


def test_every_real_mail_becomes_rows_that_agree_with_each_other() -> None:
    for key, raw in real_mails().items():
        change = a_message(raw, object_id=key)
        row, participants, records = interaction(change)
        assert row.interaction_id and row.thread_id
        assert row.occurred_at is not None
        assert {one.participant_key for one in participants} == {one.record_key for one in records}
        assert len(set(row.defects)) == len(row.defects)
        assert (row.snippet or "") == " ".join((body_of(change) or "")[:800].split())[:200].rstrip()


class Facts(NamedTuple):
    """What was read by eye in a mail; texts as their hash."""

    subject: str
    body: str
    occurred_at: int
    participants: int
    attachments: int
    is_bulk: bool = False


NOTHING = stable_hash("")[:12]
READ_BY_EYE = {
    "0e186f9e": Facts("86ce5799ad70", "2ab66641538c", 773_615_765_000_000, 2, 0, True),
    "815e97f0": Facts("164a045d4d44", "c8bb2f99634f", 1_297_241_737_000_000, 2, 0),
    "a56909da": Facts("9679fe636d26", "812a8db4cbbc", STAMP, 2, 0),
    "ed9980bb": Facts("3ae6615a5ccb", "a86231fc9835", 1_325_153_213_000_000, 2, 0),
    "24e37978": Facts("c4e6b44a61b6", "c924d9cd2ffa", 958_711_808_000_000, 2, 2),
    "2de3b147": Facts("19c2d3cd95b5", "c5c02f6f1789", 958_711_059_000_000, 2, 2),
    "b20cc65a": Facts("872071558aff", NOTHING, 958_621_351_000_000, 2, 1),
    "a63ca941": Facts(NOTHING, "4b5bcb9b9fc1", STAMP, 0, 0),
    "18309580": Facts(NOTHING, "255d16c342d6", STAMP, 0, 0),
    "447352b9": Facts(NOTHING, "1439777320dd", STAMP, 0, 0),
}


@pytest.mark.parametrize("key", READ_BY_EYE)
def test_a_mail_says_what_was_read_in_it_by_eye(key: str) -> None:
    change = a_message(real_mails()[key])
    row, participants, _ = interaction(change)
    assert row.occurred_at is not None
    assert READ_BY_EYE[key] == Facts(
        subject=stable_hash(row.subject or "")[:12],
        body=stable_hash(body_of(change) or "")[:12],
        occurred_at=row.occurred_at,
        participants=len(participants),
        attachments=len(row.attachment_names),
        is_bulk=row.is_bulk,
    )


def words(text: str) -> str:
    return " ".join(text.split())


def pairs() -> list[tuple[Message, Mail]]:
    """Each real mail as both parsers read it."""
    return [(message_from_bytes(raw), read_mail(raw)) for raw in real_mails().values()]


def test_the_standard_library_reads_the_same_subjects() -> None:
    compared = 0
    for theirs, ours in pairs():
        try:
            subject = words(str(make_header(decode_header(str(theirs.get("subject", ""))))))
        except (HeaderParseError, LookupError, UnicodeError):
            continue
        # It has no charset for 8-bit headers, and reads none behind a broken line.
        if "\ufffd" in subject or "\\ufffd" in subject or "headers_broken" in ours.defects:
            continue
        assert words(decode_words(ours.first("subject"))) == subject
        compared += 1
    assert compared > 170


def test_the_standard_library_reads_the_same_dates() -> None:
    compared = 0
    for theirs, ours in pairs():
        written = str(theirs.get("date", ""))
        parsed = parsedate_tz(written)
        # It takes a comment for the zone.
        if parsed is None or written.endswith("(EDT) -0400"):
            continue
        assert dates.parse_date(ours.first("date")).us == mktime_tz(parsed) * 1_000_000
        compared += 1
    assert compared > 90


def plain_text(mail: Message) -> str:
    """The first plain text outside of attached mails, as far as its charset is known."""
    parts = [part for part in mail.walk() if not part.is_multipart() and not part.get_filename()]
    for part in parts:
        raw = part.get_payload(decode=True)
        if part.get_content_type() == "text/plain" and isinstance(raw, bytes):
            charset = part.get_content_charset() or "utf-8"
            try:
                return words(raw.decode(charset))
            except (LookupError, UnicodeError):
                return ""
    return ""


def test_the_standard_library_reads_the_same_texts() -> None:
    compared = 0
    for theirs, ours in pairs():
        text = plain_text(theirs)
        inside = any(part.get_content_maintype() == "message" for part in theirs.walk())
        quotes = ">" in text or "wrote" in text
        if not text or inside or quotes or "headers_broken" in ours.defects:
            continue
        if text.isprintable():
            assert text[:80] in words(ours.text)
            compared += 1
    assert compared > 90


def test_a_real_mail_cut_short_or_spoilt_is_still_a_mail() -> None:
    rng = random.Random(3)
    for key, raw in real_mails().items():
        for _ in range(4):
            spoilt = bytearray(raw[: rng.randrange(1, len(raw) + 1)])
            for _ in range(rng.randrange(8)):
                spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            if not spoilt.strip():
                continue
            row, participants, _ = interaction(a_message(bytes(spoilt), object_id=key))
            assert isinstance(row, Interaction)
            assert all(isinstance(one, Participant) for one in participants)
