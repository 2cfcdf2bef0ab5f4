"""Large payloads in a Cloud Storage bucket: what connectors/objects.py keeps in a folder.

https://cloud.google.com/storage/docs/objects#naming
"""

import re

from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.exceptions import RequestException

from connectors.objects import is_name
from schemas.errors import ConfigurationError, FatalError, RetriableError

SCHEME = "gs://"
TIMEOUT_S = 60.0
RETRY = DEFAULT_RETRY.with_timeout(60.0)
"""Objects are named by what is in them: one that is sent twice is there once."""
_ADDRESS = re.compile(
    r"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(?P<name>[^\s?#\[\]]*))?\Z"
)


def address_of(uri: str) -> tuple[str, str]:
    """Bucket and name of `gs://bucket/name`; ConfigurationError for what is none."""
    found = _ADDRESS.match(uri)
    if found is None:
        raise ConfigurationError(f"{uri!r} is no address in Cloud Storage: write gs://bucket/name")
    return found["bucket"], found["name"] or ""


class BucketStore:
    """Objects below a prefix of one bucket; an address never leads out of it.

    It travels to workers by name and opens its client there.
    """

    def __init__(self, bucket: str, prefix: str = "", client: storage.Client | None = None) -> None:
        self._name = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client = client

    def __reduce__(self) -> tuple[type["BucketStore"], tuple[str, str]]:
        return (BucketStore, (self._name, self._prefix))

    @property
    def _base(self) -> str:
        return f"{SCHEME}{self._name}/{self._prefix}"

    def _opened(self) -> storage.Client:
        if self._client is None:
            self._client = storage.Client()
        return self._client

    def _blob(self, name: str) -> storage.Blob:
        return self._opened().bucket(self._name).blob(self._prefix + name)

    def put(self, name: str, body: bytes) -> str:
        """Keeps the bytes and returns their address; RetriableError where the bucket cannot be
        written now. What is there under the name stays: to write over it takes the right to delete,
        which those who publish have not, and it is the same."""
        if not is_name(name):
            raise FatalError(f"{name!r} is no name of an object")
        try:
            self._blob(name).upload_from_string(
                body,
                content_type="application/octet-stream",
                if_generation_match=0,
                timeout=TIMEOUT_S,
                retry=RETRY,
            )
        except PreconditionFailed:
            return self._base + name
        except (GoogleAPIError, RequestException) as error:
            raise RetriableError(
                f"{self._base} cannot be written: {type(error).__name__}"
            ) from error
        return self._base + name

    def get(self, uri: str) -> bytes:
        """The bytes; LookupError for an address that is none of ours, or empty; RetriableError
        where the bucket cannot be read now."""
        name = uri.removeprefix(self._base)
        if name == uri or not is_name(name):
            raise LookupError(uri)
        try:
            body: bytes = self._blob(name).download_as_bytes(timeout=TIMEOUT_S, retry=RETRY)
        except NotFound:
            raise LookupError(uri) from None
        except (GoogleAPIError, RequestException) as error:
            raise RetriableError(f"{self._base} cannot be read: {type(error).__name__}") from error
        return body


def bucket_store(where: str) -> BucketStore:
    """The store at `gs://bucket` or `gs://bucket/prefix`."""
    return BucketStore(*address_of(where))


def read_object(uri: str) -> bytes:
    """The bytes of one object; ConfigurationError says which cannot be read."""
    bucket, name = address_of(uri)
    try:
        return BucketStore(bucket).get(f"{SCHEME}{bucket}/{name}")
    except LookupError:
        raise ConfigurationError(f"{uri} does not exist: name a file that does") from None
    except RetriableError as error:
        raise ConfigurationError(
            f"{uri}: {error}; let the account that runs this read the bucket"
        ) from error
