"""Bulk API 2.0 query jobs of the simulated org.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
"""

import csv
import io
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.vendors.faults import Faults
from sandbox.vendors.salesforce.answers import answer, error
from sandbox.vendors.salesforce.soql import Query, SoqlError, parse
from sandbox.vendors.salesforce.state import Org, Row


@dataclass
class Job:
    """A query job; its rows are those of when it was made."""

    id: str
    query: Query
    rows: list[Row]
    polls: int = 0


class Jobs:
    """Of one org. Faults: `bulk_refused`, `bulk_failed`, `bulk_aborted`, `bulk_short` (a row is
    missing in a part), `bulk_miscounted` (a whole part says less), `bulk_cut` (half a row),
    `bulk_no_text`, `bulk_locator_lost`, `bulk_again` (a locator that leads nowhere), `bulk_empty`
    (the same, and no rows)."""

    def __init__(self, org: Org, faults: Faults) -> None:
        self._org = org
        self._faults = faults
        self._jobs: dict[str, Job] = {}

    async def create(self, request: Request) -> Response:
        """POST jobs/query."""
        asked = await request.json()
        if asked.get("operation") != "queryAll":
            return error("INVALIDJOB", "operation")
        if self._faults.strikes("bulk_refused"):
            return error("API_ERROR", "not supported by the Bulk API, or too many jobs today")
        try:
            query = parse(asked["query"], self._org.entities)
        except SoqlError as wrong:
            return error(wrong.code, str(wrong))
        if any(query.entity.types[name] == "address" for name in query.fields):
            return error("FEATURENOTENABLED", "Selecting compound data not supported in Bulk Query")
        job = Job(
            f"750R{len(self._jobs):011d}", query, query.run(self._org.visible(query.entity.name))
        )
        self._jobs[job.id] = job
        return answer(self._shown(job, "UploadComplete"))

    async def state(self, request: Request) -> Response:
        """GET jobs/query/ID."""
        job = self._jobs.get(request.path_params["job"])
        if job is None:
            return error("NOT_FOUND", "no such job")
        job.polls += 1
        if job.polls <= self._org.terms.job_polls:
            return answer(self._shown(job, "InProgress"))
        for fault, state in (("bulk_failed", "Failed"), ("bulk_aborted", "Aborted")):
            if self._faults.strikes(fault):
                return answer(self._shown(job, state))
        return answer(self._shown(job, "JobComplete"))

    async def results(self, request: Request) -> Response:
        """GET jobs/query/ID/results."""
        job = self._jobs.get(request.path_params["job"])
        if job is None:
            return error("NOT_FOUND", "no such job")
        start = int(request.query_params.get("locator", "0"))
        if start and self._faults.strikes("bulk_locator_lost"):
            return error("INVALID_QUERY_LOCATOR", "invalid query locator")
        most = int(request.query_params["maxRecords"])
        rows = job.rows[start : start + most]
        end = start + most < len(job.rows)
        again = self._faults.strikes("bulk_again")
        if self._faults.strikes("bulk_empty"):
            rows, again = [], True
        stated = len(rows)
        if self._faults.strikes("bulk_short"):
            rows = rows[:-1]
        if self._faults.strikes("bulk_miscounted"):
            rows, stated = rows[:-1], stated - 1
        body = self._csv(job.query, rows)
        if self._faults.strikes("bulk_cut"):
            body = body[: len(body) - 12]
        content = body.encode()
        if self._faults.strikes("bulk_no_text"):
            content = content[:-3] + b"\xff" + content[-2:]
        response = Response(content, media_type="text/csv")
        response.headers["Sforce-NumberOfRecords"] = str(stated)
        locator = str(start + most) if end else "null"
        response.headers["Sforce-Locator"] = str(start) if again else locator
        return response

    def _shown(self, job: Job, state: str) -> dict[str, Any]:
        shown = {"id": job.id, "operation": "queryAll", "object": job.query.entity.name}
        return {**shown, "state": state, "numberRecordsProcessed": len(job.rows)}

    def _csv(self, query: Query, rows: list[Row]) -> str:
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(query.fields)
        for row in rows:
            writer.writerow(
                [_cell(query.entity.types[name], row.get(name)) for name in query.fields]
            )
        return out.getvalue()


def _cell(kind: str, value: Any) -> str:
    if kind == "boolean":
        return "true" if value else "false"
    if value is None:
        return ""
    if kind == "datetime":
        return str(value).replace("+0000", "Z")
    return str(value)
