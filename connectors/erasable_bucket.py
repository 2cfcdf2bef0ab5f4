"""A bucket of payloads whose objects can be listed and deleted: for who erases people, and nobody
else.

https://cloud.google.com/storage/docs/deleting-objects
"""

from collections.abc import Iterator

from google.api_core.exceptions import GoogleAPIError, NotFound
from google.cloud import storage
from requests.exceptions import RequestException

from connectors.bucket import RETRY, SCHEME, TIMEOUT_S, BucketStore, address_of
from connectors.objects import is_name
from schemas.errors import ConfigurationError, RetriableError


class ErasableBucket(BucketStore):
    """A store that gives up what it holds; RetriableError where the bucket does not answer now."""

    @property
    def base(self) -> str:
        """How the address of every object begins."""
        return self._base

    def addresses(self) -> Iterator[str]:
        """The address of every object that is there."""
        opened = self._opened()
        try:
            for blob in opened.list_blobs(
                self._name, prefix=self._prefix or None, timeout=TIMEOUT_S, retry=RETRY
            ):
                yield f"{self._base}{blob.name.removeprefix(self._prefix)}"
        except (GoogleAPIError, RequestException) as error:
            raise RetriableError(
                f"{self._base} cannot be listed: {type(error).__name__}"
            ) from error

    def delete(self, uri: str) -> bool:
        """Whether there was an object, which is gone now; ConfigurationError for an address that is
        not ours: what lies there would stay."""
        name = uri.removeprefix(self._base)
        if name == uri or not is_name(name):
            raise ConfigurationError(
                f"a payload lies in {bucket_of(uri)}, and not in {self._base}: name the bucket of "
                "the stream"
            )
        blob: storage.Blob = self._blob(name)
        try:
            blob.delete(timeout=TIMEOUT_S, retry=RETRY)
        except NotFound:
            return False
        except (GoogleAPIError, RequestException) as error:
            raise RetriableError(
                f"an object of {self._base} cannot be deleted: {type(error).__name__}"
            ) from error
        return True


def bucket_of(uri: str) -> str:
    """The bucket of an address, or whatever else it begins with, without the object's name."""
    return "/".join(uri.split("/")[:3]) if uri.startswith(SCHEME) else uri.partition(":")[0]


def erasable_bucket(where: str) -> ErasableBucket:
    """That at `gs://bucket` or `gs://bucket/prefix`."""
    return ErasableBucket(*address_of(where))
