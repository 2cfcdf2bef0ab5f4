"""Large payloads lie in a bucket as in a folder: whole, and no address leads out of its prefix."""

import pickle
from collections.abc import Iterator

import pytest
from gcs_server import client_of, gcs_bucket, stand_in_bucket
from gcs_stand_in import CloudStorage
from google.cloud import storage

from connectors import bucket, erasable_bucket
from connectors.bucket import BucketStore, address_of, bucket_store, read_object
from connectors.erasable_bucket import ErasableBucket
from embedded.ports import free_port
from schemas.errors import ConfigurationError, FatalError, RetriableError

BUCKET = "objects"


@pytest.fixture(
    params=["stand-in", pytest.param("fake-gcs-server", marks=pytest.mark.slow)], scope="module"
)
def client(request: pytest.FixtureRequest) -> Iterator[storage.Client]:
    """The real client, of each server that there is."""
    made = stand_in_bucket(CloudStorage(), BUCKET)
    with made if request.param == "stand-in" else gcs_bucket(BUCKET) as found:
        yield found


@pytest.mark.parametrize("prefix", ["", "a/b", "/a/b/"])
def test_what_is_put_is_got_back_and_is_never_written_over(
    client: storage.Client, prefix: str
) -> None:
    store = BucketStore(BUCKET, prefix, client)
    uri = store.put("dead-letters/abc", b"\x00one")
    base = "/".join(part for part in (BUCKET, prefix.strip("/")) if part)
    assert uri == f"gs://{base}/dead-letters/abc"
    assert store.get(uri) == b"\x00one"
    assert store.put("dead-letters/abc", b"two") == uri
    assert store.get(uri) == b"\x00one"


def test_an_address_of_another_place_finds_nothing(client: storage.Client) -> None:
    store = BucketStore(BUCKET, "ours", client)
    BucketStore(BUCKET, "theirs", client).put("x", b"secret")
    for uri in (
        "gs://objects/theirs/x",
        "gs://objects/ours/../theirs/x",
        "gs://objects/ours/y",
        "gs://other/ours/x",
        "folder:x",
        "",
    ):
        with pytest.raises(LookupError):
            store.get(uri)


@pytest.mark.parametrize("prefix", ["", "p/q"])
def test_what_lies_below_a_prefix_is_listed_and_deleted_and_nothing_else(
    client: storage.Client, prefix: str
) -> None:
    other = BucketStore(BUCKET, "pq", client).put("x", b"somebody else's")
    store = ErasableBucket(BUCKET, prefix, client)
    ours = [store.put(f"erased/{prefix}{n}", b"") for n in range(3)]
    assert set(ours) <= set(store.addresses())
    assert (other in store.addresses()) == (not prefix)
    assert [store.delete(one) for one in (ours[0], ours[0])] == [True, False]
    for not_ours, its in (("gs://else/a/x", "gs://else"), ("folder:x", "folder")):
        with pytest.raises(ConfigurationError, match=f"lies in {its}, and not in gs://{BUCKET}"):
            store.delete(not_ours)
    assert ours[0] not in store.addresses() and ours[1] in store.addresses()
    if prefix:
        with pytest.raises(ConfigurationError, match="name the bucket of the stream"):
            store.delete(other)
        assert store.delete(ours[1])


@pytest.mark.parametrize("name", ["", "../x", "a/../../x", "/etc/passwd", "a//b", "a\nb", "ü"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(FatalError, match="no name of an object"):
        BucketStore(BUCKET).put(name, b"")


def test_a_store_travels_by_name_without_its_client(client: storage.Client) -> None:
    store = BucketStore(BUCKET, "a", client)
    again = pickle.loads(pickle.dumps(store.get))
    assert again.__self__._client is None
    assert again.__self__._base == store._base


def test_a_bucket_that_does_not_answer_is_no_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "RETRY", bucket.RETRY.with_timeout(0.1))
    store = BucketStore(BUCKET, client=client_of(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(RetriableError, match="cannot be read"):
        store.get("gs://objects/x")
    with pytest.raises(RetriableError, match="cannot be written"):
        store.put("x", b"")
    monkeypatch.setattr(erasable_bucket, "RETRY", bucket.RETRY)
    erasable = ErasableBucket(BUCKET, client=store._client)
    with pytest.raises(RetriableError, match="cannot be listed"):
        list(erasable.addresses())
    with pytest.raises(RetriableError, match="cannot be deleted"):
        erasable.delete("gs://objects/x")


@pytest.mark.parametrize("uri", ["", "bucket/x", "s3://bucket/x", "gs://B/x", "gs://bucket/a b"])
def test_what_is_no_address_is_refused_with_an_example(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="write gs://bucket/name"):
        address_of(uri)


def test_a_file_that_is_not_there_is_named(
    client: storage.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "Client", lambda: client)
    uri = bucket_store("gs://objects").put("salesintel.toml", b'region = "US"')
    assert read_object(uri) == b'region = "US"'
    with pytest.raises(ConfigurationError, match=r"gs://objects/other.toml does not exist"):
        read_object("gs://objects/other.toml")
