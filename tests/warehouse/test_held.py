"""What we hold of a source is what its newest version says, in whichever table that stands."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import bigquery
from view_warehouse import embedded_warehouse, fill

from embedded.ports import free_port
from schemas.errors import RetriableError
from warehouse.clients import Endpoint, bigquery_client
from warehouse.held import living_ids

pytestmark = pytest.mark.slow

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bigquery.Client]:
    with embedded_warehouse(Path(tmp_path_factory.mktemp("held"))) as made:
        yield made


def version(
    object_id: str, stamp: str = EARLY, *, gone: bool = False, **other: object
) -> dict[str, object]:
    row = {"source": "salesforce", "object_type": "contact", "object_id": object_id}
    return {**row, "version_stamp": stamp, "is_deleted": gone, **other}


def test_the_newest_version_of_all_tables_says_what_we_hold(client: bigquery.Client) -> None:
    fill(
        client,
        "raw.changes",
        [
            version("both"),
            version("only-raw"),
            version("deleted-later"),
            version("deleted-later", LATE, gone=True),
            version("put-back", gone=True),
            version("put-back", LATE),
            version("tie", gone=True, version_digest="a"),
            version("tie", version_digest="b"),
            version("gone-in-raw-alone", LATE, gone=True),
            version("other-source", source="hubspot"),
            version("other-object", object_type="lead"),
        ],
    )
    fill(
        client,
        "sales.people",
        [
            version("both"),
            # Its change has expired.
            version("only-sales"),
            version("gone-in-raw-alone"),
            version("gone-in-both", LATE, gone=True),
        ],
    )
    task = {"object_type": "task"}
    fill(
        client,
        "sales.interactions",
        [version("task", part="task", **task), version("task", part="more", **task)],
    )
    assert list(living_ids(client, "salesforce", "contact")) == [
        "both",
        "only-raw",
        "only-sales",
        "put-back",
        "tie",
    ]
    assert list(living_ids(client, "salesforce", "task")) == ["task"]
    assert list(living_ids(client, "hubspot", "contact")) == ["other-source"]
    assert list(living_ids(client, "salesforce", "' OR 1 = 1 --")) == []


def test_a_warehouse_that_does_not_answer_holds_not_nothing() -> None:
    """Else a comparison would read everything anew."""
    nowhere = bigquery_client(Endpoint(project="p", rest=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(RetriableError, match="what we hold of salesforce contact"):
        list(living_ids(nowhere, "salesforce", "contact"))
    nowhere.close()
