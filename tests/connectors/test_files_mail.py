"""mbox, .eml: every mail comes out, in the shape of Gmail's API."""

import json
import zipfile
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from import_files import AS_OF, imported

from connectors.files import Kind, detect, mbox
from connectors.files.mail import mail_change
from schemas.errors import InvalidPayload

REAL_MAIL = Path(__file__).parents[2].parent / "shared/data/mail/real_mail.zip"

TAKEOUT = b"""From 1790000000000000123@xxx Sat Jan 31 08:00:00 +0000 2026
X-GM-THRID: 1790000000000000001
X-Gmail-Labels: Inbox,Category promotions,"Deals, big",
 Unread
Delivered-To: Rep@Own.example
From: Ada <ada@b.example>
Message-ID: <one@b.example>
Date: Sat, 31 Jan 2026 07:59:58 +0000
Subject: Hello

>From here on
>>From deeper
From the heart, no mail begins here.
From someone else on Monday

From - Sun Feb 01 09:00:00 2026
From: Bob <bob@b.example>
Date: Sun, 1 Feb 2026 09:00:00 +0100

second
"""


def payloads(changes: list) -> list[dict]:
    return [json.loads(change.payload) for change in changes]


def raw(payload: dict) -> bytes:
    return urlsafe_b64decode(payload["raw"])


def test_takeout_gives_the_ids_labels_and_time_that_the_api_has(tmp_path: Path) -> None:
    path = tmp_path / "All mail.mbox"
    path.write_bytes(TAKEOUT)
    assert detect(path) == Kind("mbox", "gmail", "message")
    changes, bad = imported(path)
    assert not bad
    first, second = payloads(changes)
    assert changes[0].object_id == first["id"] == f"{1790000000000000123:x}"
    assert first["threadId"] == f"{1790000000000000001:x}"
    assert first["labelIds"] == ["INBOX", "CATEGORY_PROMOTIONS", "Deals, big", "UNREAD"]
    assert first["mailbox"] == "rep@own.example"
    assert first["internalDate"] == "1769846400000"
    assert changes[0].stamp == 1_769_846_400_000_000
    assert second["id"] is None
    assert changes[1].object_id.startswith("h-")
    assert changes[1].stamp == 1_769_936_400_000_000


def test_the_mail_itself_is_what_it_was_before_takeout(tmp_path: Path) -> None:
    path = tmp_path / "All mail.mbox"
    path.write_bytes(TAKEOUT)
    first, second = map(raw, payloads(imported(path)[0]))
    assert first.startswith(b"Delivered-To: Rep@Own.example\nFrom: Ada")
    assert b"\nFrom here on\n>From deeper\nFrom the heart" in first
    assert first.endswith(b"From someone else on Monday\n")
    assert second.endswith(b"\n\nsecond\n")


def test_a_mailbox_may_be_named_or_stand_in_the_file_name(tmp_path: Path) -> None:
    path = tmp_path / "jo@own.example.mbox"
    path.write_bytes(b"From x Sat Jan 31 08:00:00 2026\nSubject: s\n\nb\n")
    assert payloads(imported(path)[0])[0]["mailbox"] == "jo@own.example"
    named = payloads(imported(path, mailbox="Kim@own.example")[0])
    assert named[0]["mailbox"] == "kim@own.example"


def test_a_location_never_shows_an_address(tmp_path: Path) -> None:
    path = tmp_path / "jo@own.example.mbox"
    path.write_bytes(
        b"From x Sat Jan 31 08:00:00 2026\n\n\nFrom y Sat Jan 31 08:00:00 2026\nSubject: s\n\nb\n"
    )
    changes, bad = imported(path)
    assert (len(changes), len(bad)) == (1, 1)
    assert "@" not in bad[0].location
    assert bad[0].location.endswith(".mbox at byte 0")


def test_the_same_mail_in_two_mailboxes_is_two_records(tmp_path: Path) -> None:
    source = b"From: a@b.example\nMessage-ID: <one@b.example>\n\nhi\n"
    for name in ("jo@own.example", "kim@own.example"):
        (tmp_path / f"{name}.mbox").write_bytes(b"From x Sat Jan 31 08:00:00 2026\n" + source)
    changes, _ = imported(tmp_path)
    assert len({change.object_id for change in changes}) == 2


def test_a_single_mail_is_stamped_by_its_date_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"Date: Sat, 31 Jan 2026 08:00:00 GMT\r\n\r\nhi\r\n")
    (tmp_path / "b.eml").write_bytes(b"Date: someday\r\n\r\nhi\r\n")
    changes, _ = imported(tmp_path)
    assert [change.stamp for change in changes] == [1_769_846_400_000_000, AS_OF]
    assert payloads(changes)[1]["internalDate"] is None


@pytest.mark.parametrize("name", ["long.mbox", "long.eml"])
def test_of_a_mail_too_long_exactly_the_first_bytes_are_kept(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "MAX_MAIL_BYTES", 100)
    source = b"Subject: s\n\n>From a\n\n" + b"".join(b"%030d\n" % n for n in range(5)) + b"\nend\n"
    path = tmp_path / name
    path.write_bytes(b"From x Sat Jan 31 08:00:00 2026\n" + source)
    changes, bad = imported(path)
    assert not changes
    assert [one.data for one in bad] == [source[:100]]
    path.write_bytes(b"From x Sat Jan 31 08:00:00 2026\n" + source[:100])
    changes, bad = imported(path)
    assert (len(changes), bad) == (1, [])
    path.write_bytes(b"From x Sat Jan 31 08:00:00 2026\n" + source[:101])
    assert [one.data for one in imported(path)[1]] == [source[:100]]


def test_every_real_mail_comes_out(tmp_path: Path) -> None:
    if not REAL_MAIL.exists():
        pytest.skip(f"{REAL_MAIL} is absent")
    changes, bad = imported(REAL_MAIL)
    with zipfile.ZipFile(REAL_MAIL) as archive:
        bodies = [archive.read(name) for name in archive.namelist()]
    assert len(changes) + len(bad) == len(bodies) == 198
    assert not bad
    assert [raw(payload) for payload in payloads(changes)] == [
        body.partition(b"\n")[2] if body.startswith(b"From ") else body for body in bodies
    ]


def test_real_mails_survive_an_mbox(tmp_path: Path) -> None:
    if not REAL_MAIL.exists():
        pytest.skip(f"{REAL_MAIL} is absent")
    with zipfile.ZipFile(REAL_MAIL) as archive:
        bodies = [archive.read(name) for name in archive.namelist()]
    bodies = [body for body in bodies if b"From " not in body and body.endswith(b"\n")]
    head = b"From x Sat Jan 31 08:00:00 2026\n"
    path = tmp_path / "all.mbox"
    path.write_bytes(b"".join(head + body + b"\n" for body in bodies))
    changes, bad = imported(path)
    assert not bad
    assert len(changes) == len(bodies)
    same = sum(raw(p).strip() == b.strip() for p, b in zip(payloads(changes), bodies, strict=True))
    assert same == len(bodies)


@given(st.binary(max_size=600), st.binary(max_size=60))
def test_whatever_the_bytes_a_mail_is_a_change_or_refused(source: bytes, line: bytes) -> None:
    try:
        change = mail_change(source, line, mailbox="", file_name="x.eml", as_of=AS_OF)
    except InvalidPayload:
        assert not source.strip()
        return
    again = mail_change(source, line, mailbox="", file_name="x.eml", as_of=AS_OF)
    assert change == again
    assert json.loads(change.payload)["raw"]
