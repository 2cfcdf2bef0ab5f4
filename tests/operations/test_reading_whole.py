"""What is said where who is who cannot be read whole in the cloud: a line with a way out."""

from pathlib import Path

import pytest
from google.api_core.exceptions import Forbidden, GoogleAPICallError, InternalServerError
from requests.exceptions import ConnectionError as NoConnection

from embedded.directory import DataDirectory
from operations.identity.reading_whole import reading_whole
from operations.place import Cloud, StackHere
from schemas.errors import ConfigurationError, RetriableError, SalesIntelError

ADDRESS = "POST https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs?prettyPrint=false: "
DENIED = "Access Denied: Table p:identity.records: User does not have permission to query table"
LIMIT = "Query exceeded limit for bytes billed: 2147483648000. 2500000000000 or higher required."


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (Forbidden(ADDRESS + DENIED), ConfigurationError, f"({DENIED}): account `steward` may"),
        # As BigQuery's client makes them of what has ended a job.
        (InternalServerError(f"{LIMIT}; reason: bytesBilledLimitExceeded"), RetriableError, LIMIT),
        (GoogleAPICallError("Job execution was cancelled: timed out"), RetriableError, "timed out"),
        (TimeoutError(), RetriableError, "(TimeoutError): ask again"),
        (NoConnection("https://bigquery.googleapis.com"), RetriableError, "(ConnectionError)"),
    ],
    ids=["denied", "limit", "late", "no answer", "no connection"],
)
def test_in_the_cloud_a_failure_is_told_with_what_needs_no_reading(
    error: Exception, kind: type[SalesIntelError], words: str, tmp_path: Path
) -> None:
    with pytest.raises(kind) as told, reading_whole(Cloud("p")):
        raise error
    assert words in str(told.value)
    assert "https:" not in str(told.value)
    assert "`salesintel candidates`" in str(told.value)
    # Of a stack on this machine the command line has words of its own.
    with pytest.raises(type(error)), reading_whole(StackHere(DataDirectory(tmp_path))):
        raise error
