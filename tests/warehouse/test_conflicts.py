"""A statement that BigQuery takes back for another's is sent again, and no other is."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from schemas.errors import RetriableError
from warehouse import bounded
from warehouse.bounded import CONFLICT_WAITS_S
from warehouse.clients import Endpoint, bigquery_client

TAKEN_BACK = (
    "Could not serialize access to table p:ops.runs due to concurrent update",
    "Query error: Transaction is aborted due to concurrent update against table p:ops.runs",
)
WRONG = "Unrecognized name: colour at [1:8]"


class Jobs(ThreadingHTTPServer):
    """BigQuery's list of jobs, where the next ones fail by what `says`; then all are done."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.says: list[str] = []
        self.sent = 0


class Asked(BaseHTTPRequestHandler):
    server: Jobs

    def do_POST(self) -> None:
        self.server.sent += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status: dict[str, Any] = {"state": "DONE"}
        if self.server.says:
            error = {"reason": "invalidQuery", "message": self.server.says.pop(0)}
            status |= {"errorResult": error, "errors": [error]}
        reference = {"projectId": "p", "jobId": f"j{self.server.sent}", "location": "US"}
        statistics = {"query": {"numDmlAffectedRows": "3", "statementType": "DELETE"}}
        self.answer(body | {"jobReference": reference, "status": status, "statistics": statistics})

    def do_GET(self) -> None:
        self.answer({"jobComplete": True, "schema": {"fields": []}, "totalRows": "0"})

    def answer(self, said: dict[str, Any]) -> None:
        data = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    with Jobs() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def changed(jobs: Jobs, waits: list[float]) -> int:
    endpoint = Endpoint(project="p", rest=f"http://127.0.0.1:{jobs.server_port}", grpc="")
    client: bigquery.Client = bigquery_client(endpoint)
    with client:
        sql = "DELETE FROM `p.ops.runs` WHERE TRUE"
        return bounded.changed(client, sql, timeout_s=10, sleep=waits.append)


def test_what_was_taken_back_is_sent_again_until_it_stands(jobs: Jobs) -> None:
    jobs.says += TAKEN_BACK
    waits: list[float] = []
    assert changed(jobs, waits) == 3
    assert (jobs.sent, waits) == (3, list(CONFLICT_WAITS_S[:2]))


def test_what_is_taken_back_again_and_again_is_told_as_that(jobs: Jobs) -> None:
    jobs.says += TAKEN_BACK * 3
    waits: list[float] = []
    with pytest.raises(RetriableError, match="another statement changes the same table"):
        changed(jobs, waits)
    assert (jobs.sent, waits) == (5, list(CONFLICT_WAITS_S))


def test_what_is_wrong_is_sent_once(jobs: Jobs) -> None:
    jobs.says.append(WRONG)
    with pytest.raises(BadRequest, match="Unrecognized name"):
        changed(jobs, [])
    assert jobs.sent == 1
