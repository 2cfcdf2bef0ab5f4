"""The key of a deployment travels by name, and a worker asks Secret Manager for it once."""

import pickle
from collections.abc import Iterator

import pytest
from secret_manager import Manager, secret_manager

import connectors.secrets
import pipelines.secret_key
from connectors.secrets import SecretStore
from pipelines.secret_key import key_from
from schemas.errors import ConfigurationError
from transforms.redact import Redact
from transforms.settings import FieldPolicy

NAME = "projects/acme/secrets/redaction-key/versions/latest"
POLICY = FieldPolicy(column="sales.people.title", treatment="hash")


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """Secret Manager as any process finds it that has read no key yet."""
    with secret_manager() as (handler, client):
        handler.values[NAME] = b"\x00 a key, byte for byte \n"
        monkeypatch.setattr(connectors.secrets, "_manager_client", lambda: client)
        monkeypatch.setattr(pipelines.secret_key, "_KEYS", {})
        yield handler


def test_a_key_is_its_bytes_and_is_pickled_as_its_name(manager: Manager) -> None:
    key = key_from(SecretStore(cloud=True), NAME)
    assert key == manager.values[NAME]
    assert NAME.encode() in pickle.dumps(key) and key not in pickle.dumps(key)
    assert manager.values[NAME].decode() not in repr(key)


def test_who_launches_and_who_works_each_read_it_once(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = pickle.dumps([key_from(SecretStore(cloud=True), NAME)] * 2)
    assert pickle.loads(launched)[0] == manager.values[NAME]
    assert manager.asked == [NAME]
    monkeypatch.setattr(pipelines.secret_key, "_KEYS", {})
    for _ in range(3):
        assert pickle.loads(launched)[0] == manager.values[NAME]
    assert manager.asked == [NAME, NAME]


def test_hashes_are_those_of_the_key_itself(manager: Manager) -> None:
    key = key_from(SecretStore(cloud=True), NAME)
    by_name, by_value = Redact([POLICY], key), Redact([POLICY], bytes(key))
    (treat,) = (one["title"] for one in by_name._by_row.values())
    (same,) = (one["title"] for one in by_value._by_row.values())
    assert treat("Director") == same("Director") != "Director"


@pytest.mark.parametrize("reference", ["env:KEY", "file:/key", "the key itself"])
def test_a_key_of_one_machine_is_refused_in_the_cloud(manager: Manager, reference: str) -> None:
    with pytest.raises(ConfigurationError):
        key_from(SecretStore(cloud=True), reference)
    assert not manager.asked
