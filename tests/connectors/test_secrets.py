"""Secrets come by reference, from the real Secret Manager client; nobody sees one by accident."""

import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from secret_manager import Stand, secret_manager

from connectors import secrets
from connectors.secrets import KEPT_S, RENEWED_EVERY_S, Secret, SecretStore
from schemas.errors import ConfigurationError, RetriableError

NAME = "projects/p/secrets/hubspot/versions/latest"


@pytest.fixture
def manager() -> Iterator[Stand]:
    with secret_manager() as stand:
        yield stand


def test_a_secret_is_read_once_and_kept_for_a_while(manager: Stand) -> None:
    handler, client = manager
    handler.values[NAME] = b"first\n"
    now = [0.0]
    store = SecretStore(lambda: client, cloud=True, monotonic=lambda: now[0])
    assert [store.get(NAME).reveal() for _ in range(3)] == ["first"] * 3
    assert handler.asked == [NAME]
    handler.values[NAME] = b"second"
    now[0] = KEPT_S + 1
    assert store.get(NAME).reveal() == "second"


def test_a_refused_secret_is_read_anew_at_once(manager: Stand) -> None:
    handler, client = manager
    handler.values[NAME] = b"old"
    store = SecretStore(lambda: client, cloud=True)
    assert store.get(NAME).reveal() == "old"
    handler.values[NAME] = b"new"
    assert store.renew(NAME).reveal() == "new"
    assert store.get(NAME).reveal_bytes() == b"new"


def test_a_secret_is_not_read_anew_twice_within_ten_seconds_and_each_counts_for_itself(
    manager: Stand,
) -> None:
    handler, client = manager
    other = NAME.replace("hubspot", "dialpad")
    handler.values = {NAME: b"first", other: b"other"}
    now = [0.0]
    store = SecretStore(lambda: client, cloud=True, monotonic=lambda: now[0])
    store.get(NAME)
    # The first refusal is answered at once, however fresh the secret is.
    handler.values[NAME] = b"second"
    assert store.renew(NAME).reveal() == "second"
    handler.values[NAME] = b"third"
    assert [store.renew(NAME).reveal() for _ in range(50)] == ["second"] * 50
    assert store.renew(other).reveal() == "other"
    assert handler.asked == [NAME, NAME, other]
    now[0] += RENEWED_EVERY_S
    assert store.renew(NAME).reveal() == "third"


def test_of_many_threads_that_are_refused_one_reads_the_secret_anew(manager: Stand) -> None:
    handler, client = manager
    handler.values[NAME] = b"value"
    store = SecretStore(lambda: client, cloud=True, monotonic=lambda: 5.0)
    store.get(NAME)
    threads = [threading.Thread(target=store.renew, args=(NAME,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert handler.asked == [NAME, NAME]


def test_a_secret_that_could_not_be_read_is_read_at_the_next_asking(manager: Stand) -> None:
    handler, client = manager
    handler.refuse = grpc.StatusCode.INTERNAL
    store = SecretStore(lambda: client, cloud=True, monotonic=lambda: 5.0)
    with pytest.raises(RetriableError):
        store.renew(NAME)
    handler.refuse, handler.values[NAME] = None, b"there"
    assert store.renew(NAME).reveal() == "there"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (grpc.StatusCode.NOT_FOUND, "no such secret"),
        (grpc.StatusCode.FAILED_PRECONDITION, "disabled"),
        (grpc.StatusCode.PERMISSION_DENIED, "secretAccessor"),
        (grpc.StatusCode.UNAUTHENTICATED, "secretAccessor"),
    ],
)
def test_a_refusal_says_what_to_do(manager: Stand, status: grpc.StatusCode, words: str) -> None:
    handler, client = manager
    handler.refuse = status
    with pytest.raises(ConfigurationError, match=words):
        SecretStore(lambda: client, cloud=True).get(NAME)


@pytest.mark.parametrize("status", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE])
def test_a_manager_that_does_not_answer_is_no_missing_secret(
    manager: Stand, status: grpc.StatusCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "RETRY", secrets.RETRY.with_timeout(0.5))
    handler, client = manager
    handler.refuse = status
    with pytest.raises(RetriableError, match="does not answer"):
        SecretStore(lambda: client, cloud=True).get(NAME)


def test_on_one_machine_a_secret_may_stand_in_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = SecretStore(cloud=False)
    monkeypatch.setenv("TOKEN_OF_A_TEST", "t0ken")
    assert store.get("env:TOKEN_OF_A_TEST").reveal() == "t0ken"
    (tmp_path / "secret").write_text("from a file\r\n")
    assert store.get(f"file:{tmp_path / 'secret'}").reveal() == "from a file"
    with pytest.raises(ConfigurationError, match="NO_SUCH_VARIABLE is not set"):
        store.get("env:NO_SUCH_VARIABLE")
    with pytest.raises(ConfigurationError, match="No such file"):
        store.get(f"file:{tmp_path / 'none'}")


@pytest.mark.parametrize("scheme", ["env", "file"])
def test_in_the_cloud_a_secret_in_the_environment_or_a_file_is_refused_though_it_is_there(
    scheme: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOKEN_OF_A_TEST", "t0ken")
    (tmp_path / "secret").write_text("t0ken")
    reference = {"env": "env:TOKEN_OF_A_TEST", "file": f"file:{tmp_path / 'secret'}"}[scheme]
    assert SecretStore(cloud=False).get(reference).reveal() == "t0ken"
    for read in (SecretStore(cloud=True).get, SecretStore(cloud=True).renew):
        with pytest.raises(ConfigurationError, match="put this one into Secret Manager"):
            read(reference)


@pytest.mark.parametrize("value", ["pat-na1-looks-like-a-value", "", "projects/p/secrets/s"])
def test_a_value_where_a_reference_belongs_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        SecretStore(cloud=False).get(value)
    assert not value or value not in str(refused.value) or value.startswith("projects")


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(b"hush")
    assert "hush" not in f"{secret} {secret!r} {[secret]}"


def test_a_secret_that_is_no_text_is_said_without_a_byte_of_it() -> None:
    with pytest.raises(ConfigurationError, match="no text in UTF-8") as refused:
        Secret(b"t0ken\xff").reveal()
    assert refused.value.__suppress_context__
