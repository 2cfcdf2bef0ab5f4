"""The streaming job as Dataflow has it: whether it runs, and its end.

https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs
"""

import time
from collections.abc import Callable
from typing import Any

from schemas.errors import RetriableError

JOB = "stream"
"""Its name (terraform/dataflow.tf)."""
LIVE = frozenset(
    {
        "JOB_STATE_RUNNING",
        "JOB_STATE_PENDING",
        "JOB_STATE_QUEUED",
        "JOB_STATE_DRAINING",
        "JOB_STATE_CANCELLING",
    }
)
DRAIN_S = 3_600.0
"""A drain waits for what is in hand; an hour is far more than a healthy one takes."""
PROBE_S = 10.0


class StreamingJob:
    """`service` is the Dataflow API, version v1b3, as google-api-python-client makes it."""

    def __init__(
        self,
        service: Any,
        project: str,
        region: str,
        *,
        wait: Callable[[float], None] = time.sleep,
        patience_s: float = DRAIN_S,
    ) -> None:
        self._jobs = service.projects().locations().jobs()
        self._place = {"projectId": project, "location": region}
        self._wait = wait
        self._patience_s = patience_s

    def id(self) -> str:
        """Of the job that lives; empty where none does."""
        request = self._jobs.list(**self._place, filter="ACTIVE")
        while request is not None:
            answer = request.execute()
            for job in answer.get("jobs", ()):
                if job["name"] == JOB and job["currentState"] in LIVE:
                    return str(job["id"])
            request = self._jobs.list_next(request, answer)
        return ""

    def drain(self) -> None:
        """Returns when the job has drained; RetriableError where it does not in time."""
        job = self.id()
        if not job:
            return
        body = {"requestedState": "JOB_STATE_DRAINED"}
        self._jobs.update(**self._place, jobId=job, body=body).execute()
        waited = 0.0
        while (state := self._state(job)) in LIVE:
            if waited >= self._patience_s:
                raise RetriableError(
                    f"job {job} is {state} after {self._patience_s:.0f} s: nothing is lost, see "
                    "runbooks/stuck-work.md, then the same command goes on"
                )
            self._wait(PROBE_S)
            waited += PROBE_S

    def _state(self, job: str) -> str:
        return str(self._jobs.get(**self._place, jobId=job).execute()["currentState"])
