"""What must never be held is dropped before it is published, and counted."""

import pytest

from connectors.exclusions import Excluder, Exclusions
from schemas.change import new_change

EXCLUDED = Exclusions(
    mailboxes=("HR@own.example",),
    labels=("Label_7", "private"),
    domains=("@law.example",),
    senders=("ceo@own.example",),
    records=("salesforce:contact:003A", "hubspot:deal:*"),
)


@pytest.mark.parametrize(
    ("sender", "addresses", "labels", "reason"),
    [
        ("ann@a.example", ("bob@own.example",), ("INBOX",), ""),
        ("CEO@own.example", ("bob@own.example",), (), "sender"),
        ("ann@a.example", ("x@law.example",), (), "domain"),
        ("x@mail.law.example.", ("bob@own.example",), (), "domain"),
        ("x@notlaw.example", ("bob@own.example",), (), ""),
        ("ann@a.example", (), ("INBOX", "Private"), "label"),
        ("", (), (), ""),
    ],
)
def test_a_mail_is_dropped_for_its_reason(
    sender: str, addresses: tuple[str, ...], labels: tuple[str, ...], reason: str
) -> None:
    one = Excluder(EXCLUDED)
    assert one.mail(sender, addresses, labels) is bool(reason)
    assert dict(one.counts) == ({reason: 1} if reason else {})


@pytest.mark.parametrize("written", ["müller.example", "@Müller.example", "xn--mller-kva.example"])
@pytest.mark.parametrize("met", ["MÜLLER.example", "xn--mller-kva.example"])
def test_a_name_with_umlauts_is_one_name_however_it_is_written(written: str, met: str) -> None:
    bare = written.lstrip("@")
    excluded = Exclusions(domains=(written,), senders=(f"ann@{bare}",), mailboxes=(f"hr@{bare}",))
    assert Excluder(excluded).mail(f"bob@mail.{met}", (), ())
    assert Excluder(excluded).mail("x@y.example", (f"bob@{met}",), ())
    assert Excluder(Exclusions(senders=excluded.senders)).mail(f"Ann@{met}", (), ())
    assert Excluder(excluded).mailbox(f"HR@{met}")
    assert not Excluder(excluded).mail("bob@muller.example", (), ())


def test_an_empty_exclusion_drops_nothing_and_a_host_that_is_none_breaks_nothing() -> None:
    one = Excluder(Exclusions(domains=("", "@"), senders=("", " ")))
    assert not one.mail("", ("", "ann@a.example", "ann@\u00ad", f"ann@{'ü' * 99}.example"), ())


def test_mailboxes_and_records_are_dropped_too() -> None:
    one = Excluder(EXCLUDED)
    assert one.mailbox("hr@OWN.example")
    assert not one.mailbox("ann@own.example")
    for source, kind, object_id, dropped in (
        ("salesforce", "contact", "003A", True),
        ("salesforce", "contact", "003AB", False),
        ("hubspot", "deal", "9", True),
        ("hubspot", "dealx", "9", False),
    ):
        change = new_change(source, kind, object_id, b"{}", stamp=1, fetched=1)  # type: ignore[arg-type]
        assert one.record(change) is dropped
    assert one.counts == {"mailbox": 1, "record": 2}


def test_without_exclusions_nothing_is_dropped() -> None:
    one = Excluder(Exclusions())
    assert not one.mail("a@b.example", ("c@d.example",), ("INBOX",))
    assert not one.mailbox("a@b.example")
    assert not one.record(new_change("files", "contact", "1", b"", stamp=1, fetched=1))
    assert not one.counts
