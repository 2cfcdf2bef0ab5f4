"""Who may read what: delegation with a key and without, mailboxes that refuse, rotation."""

import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from conformance import Run
from gmail_harness import KEY, MAIL, REP, REPS, GmailHarness, gmail

from connectors.calls.breaker import CircuitOpen
from connectors.exclusions import Exclusions
from connectors.gmail.check import check
from connectors.gmail.fetch import hinted
from connectors.gmail.judge import MailboxRefused
from connectors.gmail.mailbox import mailbox_key
from connectors.gmail.settings import COSTS, GmailSettings
from connectors.gmail.webhook import MailboxHint
from connectors.questions import Tally
from sandbox.vendors.faults import Fault
from sandbox.vendors.gmail.state import ADMIN
from sandbox.vendors.gmail.tokens import SERVICE_ACCOUNT, pem, rsa_key
from schemas.errors import ConfigurationError, RetriableError


@pytest.fixture
def harness() -> Iterator[GmailHarness]:
    with gmail(empty=True) as made:
        for address in REPS:
            made.state.store(address, MAIL)
        yield made


@pytest.fixture
def run(harness: GmailHarness, tmp_path: Path) -> Run:
    return Run(harness, tmp_path)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("suspended", "no token for this mailbox: invalid_grant"),
        ("delegated", "no token for this mailbox: unauthorized_client"),
        ("licensed", "status 400 failedPrecondition"),
    ],
)
def test_trap_12_a_mailbox_that_refuses_is_left_alone_and_the_others_are_read(
    run: Run, harness: GmailHarness, trouble: str, words: str
) -> None:
    box = harness.state.mailboxes[REP]
    connector = harness.connector(mailboxes=tuple(REPS))
    harness.streams = lambda: connector.streams()  # type: ignore[method-assign]
    setattr(box, trouble, trouble == "suspended")
    outcome = run.round()
    assert list(outcome.failures) == [f"gmail/mailbox/{mailbox_key(REP)}"]
    assert words in next(iter(outcome.failures.values()))
    assert outcome.changes == len(REPS) - 1
    exchanges, asked = harness.sandbox.tokens.exchanges, len(harness.sandbox.requests)
    assert "left alone" in next(iter(run.round().failures.values()))
    assert harness.sandbox.tokens.exchanges == exchanges
    assert len(harness.sandbox.requests) == asked + len(REPS) - 1
    setattr(box, trouble, trouble != "suspended")
    harness.time.pass_s(3_700)
    assert run.round().succeeded
    run.assert_all_there()


def test_suspended_users_and_excluded_mailboxes_are_not_read(
    run: Run, harness: GmailHarness
) -> None:
    harness.state.mailboxes[REPS[1]].suspended = True
    assert harness.connector().mailboxes() == (ADMIN, REP)
    harness.exclusions = Exclusions(mailboxes=(ADMIN,))
    connector = harness.connector()
    assert connector.mailboxes() == (REP,)
    assert connector.excluder.counts["mailbox"] == 1
    for objects in ((), ("message",), (REP.upper(), "other@x.example")):
        names = [one.name for one in connector.streams(objects)]
        assert names == [f"gmail/mailbox/{mailbox_key(REP)}"]
    for objects, words in (
        (("other@x.example",), "none of the mailboxes"),
        (("contact",), "contact"),
    ):
        for read in (connector.streams, partial(connector.backfill, 0, 1)):
            with pytest.raises(ConfigurationError, match=words) as refused:
                list(read(objects))
            assert "@" not in str(refused.value)


def test_a_directory_that_does_not_answer_leaves_what_was_known(
    run: Run, harness: GmailHarness
) -> None:
    connector = harness.connector()
    harness.streams = lambda: connector.streams(harness.mailboxes)  # type: ignore[method-assign]
    run.round()
    harness.time.pass_s(700)
    harness.state.store(REP, MAIL)
    harness.faults.switch_on(Fault(name="http_503", route="/admin"))
    outcome = run.round()
    assert outcome.failures == {"gmail/directory": "RetriableError: gmail: status 503"}
    assert outcome.changes == 1
    run.assert_all_there()


def test_while_the_directory_does_not_answer_pushes_are_answered_from_what_was_known(
    run: Run, harness: GmailHarness
) -> None:
    connector = harness.connector()
    run.round()
    hint = msgspec.json.encode(MailboxHint(REP, "99999"))
    assert len(hinted(connector, [hint])[0]) == 1
    harness.time.pass_s(700)
    harness.faults.switch_on(Fault(name="http_503", route="/admin"))
    streams, bad = hinted(connector, [hint])
    assert (len(streams), len(bad)) == (1, 0)
    with pytest.raises(RetriableError, match="status 503"):
        hinted(harness.connector(), [hint])


def test_a_directory_that_refuses_is_left_alone_for_an_hour(harness: GmailHarness) -> None:
    connector = harness.connector()
    harness.state.mailboxes[ADMIN].delegated = False
    with pytest.raises(MailboxRefused):
        connector.mailboxes()
    exchanges = harness.sandbox.tokens.exchanges
    with pytest.raises(CircuitOpen):
        connector.mailboxes()
    assert harness.sandbox.tokens.exchanges == exchanges
    harness.state.mailboxes[ADMIN].delegated = True
    harness.time.pass_s(3_700)
    assert REP in connector.mailboxes()


def test_without_a_key_iam_signs(run: Run, harness: GmailHarness) -> None:
    harness.vault.values.clear()
    harness.connector(service_account_key="", service_account=SERVICE_ACCOUNT)
    assert run.round().succeeded
    run.assert_all_there()


def test_an_identity_that_may_not_sign_is_told_what_to_grant(
    run: Run, harness: GmailHarness
) -> None:
    harness.connector(service_account_key="", service_account=SERVICE_ACCOUNT)
    harness.faults.switch_on(Fault(name="401", route="/v1/projects"))
    with pytest.raises(ConfigurationError, match=r"iam\.serviceAccountTokenCreator"):
        run.round()


def test_trap_56_a_key_that_was_rotated_is_read_anew(run: Run, harness: GmailHarness) -> None:
    good = harness.vault.values[KEY]
    old = json.dumps(json.loads(good) | {"private_key": pem(rsa_key(1))})
    harness.vault.kept[KEY] = old
    assert run.round().succeeded
    assert harness.vault.renewed == [KEY]
    run.assert_all_there()
    harness.vault.values[KEY] = harness.vault.kept[KEY] = old
    with pytest.raises(ConfigurationError, match="rotated"):
        run.round()
    harness.vault.values[KEY] = harness.vault.kept[KEY] = "{}"
    with pytest.raises(ConfigurationError, match="not the JSON key"):
        run.round()


def test_a_token_that_ran_out_is_replaced(run: Run, harness: GmailHarness) -> None:
    connector = harness.connector()
    harness.streams = lambda: connector.streams(harness.mailboxes)  # type: ignore[method-assign]
    run.round()
    harness.time.pass_s(2 * 3_600)
    harness.state.store(REP, MAIL)
    assert run.round().succeeded
    run.assert_all_there()


def test_check_says_what_is_well_and_what_to_grant(harness: GmailHarness) -> None:
    found = list(check(harness.connector()))
    assert [(one.what, one.ok) for one in found] == [
        ("gmail mailboxes", True),
        ("gmail mailbox 1", True),
        ("gmail mailbox 2", True),
        ("gmail mailbox 3", True),
        ("gmail pushes", True),
    ]
    assert not any("messages" in path for _, path, _ in harness.sandbox.requests)
    harness.state.mailboxes[REP].delegated = False
    refused = next(one for one in check(harness.connector()) if not one.ok)
    assert "Domain-wide delegation" in refused.fix
    harness.state.mailboxes[ADMIN].delegated = False
    (directory,) = check(harness.connector())
    assert "admin.directory.user.readonly" in directory.fix
    assert "@" not in f"{found}{refused}{directory}"
    nobody = harness.connector(directory_admin=REPS[1])
    (directory,) = check(nobody)
    assert not directory.ok
    pushes = list(check(harness.connector(mailboxes=(REPS[1],), topic="projects/p/topics/t")))[-1]
    assert (pushes.what, pushes.ok) == ("gmail pushes", False)


def test_counts_are_what_the_source_says(harness: GmailHarness) -> None:
    harness.state.draft(REP, MAIL)
    (question,) = harness.connector().questions([20_000])
    assert (question.object_type, question.day) == ("message", None)
    assert question.ask() == Tally(len(REPS))
    harness.state.mailboxes[REP].delegated = False
    assert harness.connector().counted() == Tally(len(REPS) - 1, uncounted=1)


def test_settings_that_contradict_themselves_are_refused() -> None:
    good = {"service_account_key": KEY, "mailboxes": ("a@b.example",)}
    GmailSettings(**good)  # type: ignore[arg-type]
    for wrong in (
        {"service_account": "x@y.example"},
        {"service_account_key": ""},
        {"mailboxes": ()},
        {"push_audience": "x"},
        {"batch_size": 101},
        {"costs": {"messages.get": 5.0}},
    ):
        with pytest.raises(ConfigurationError, match="gmail"):
            GmailSettings(**{**good, **wrong})  # type: ignore[arg-type]
    assert COSTS["messages.get"] == 20


def test_trap_58_nothing_private_in_names_logs_or_errors(
    run: Run, harness: GmailHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="connectors")
    names = [one.name for one in harness.connector(topic="projects/p/topics/t").streams()]
    harness.state.mailboxes[REP].suspended = True
    harness.connector(mailboxes=tuple(REPS))
    failures = run.round().failures
    assert "@" not in "".join((*names, *failures.values(), *failures, caplog.text))


def test_an_answer_of_iam_that_is_none_passes(run: Run, harness: GmailHarness) -> None:
    harness.connector(service_account_key="", service_account=SERVICE_ACCOUNT)
    harness.faults.switch_on(Fault(name="malformed", route="/v1/projects", times=1))
    assert run.round().succeeded
    run.assert_all_there()
