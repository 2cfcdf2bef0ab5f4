"""The streaming job as Dataflow has it: which release it is of, whether it reads, and its end.

https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from operations.release.carrying_out import Run
from schemas.errors import FatalError, RetriableError

JOB = "stream"
"""Its name (terraform/dataflow.tf)."""
LABEL = "release"
"""Its label there. A label holds no dot, and a release no underscore, which stands for one."""
STARTING = frozenset({"JOB_STATE_PENDING", "JOB_STATE_QUEUED"})
ENDING = frozenset({"JOB_STATE_DRAINING", "JOB_STATE_CANCELLING"})
LIVE = STARTING | ENDING | {"JOB_STATE_RUNNING"}
DRAIN_S = 3_600.0
"""A drain waits for what is in hand; an hour is far more than a healthy one takes."""
START_S = 900.0
"""A launcher starts a machine, then the job its own."""
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

    def last(self) -> Run:
        """The job that reads; where none does, the one that starts, or that ended last.

        FatalError where it lives and its labels name no release.
        """
        job = max(self._all(), key=_standing, default=None)
        if job is None:
            return Run()
        # A list has summaries, without labels.
        told = self._get(job["id"], view="JOB_VIEW_DESCRIPTION")
        state = str(told["currentState"])
        release = told.get("labels", {}).get(LABEL, "").replace("_", ".")
        if state in LIVE and not release:
            raise FatalError(
                f"a job named {JOB} is {state}, and no label says of which release: wait where it "
                "is just starting; else end it by `make drain`"
            )
        return Run(str(job["id"]), release, live=state in LIVE, ending=state in ENDING)

    def started(self) -> Run:
        """The last one, when it is past its start, or after a quarter of an hour."""
        waited = 0.0
        while waited < START_S and any(job["currentState"] in STARTING for job in self._all()):
            self._wait(PROBE_S)
            waited += PROBE_S
        return self.last()

    def drain(self) -> None:
        """Returns when the job has drained; RetriableError where it does not in time."""
        job = max(self._all(), key=_standing, default=None)
        if job is None or job["currentState"] not in LIVE:
            return
        if job["currentState"] not in ENDING:
            body = {"requestedState": "JOB_STATE_DRAINED"}
            self._jobs.update(**self._place, jobId=job["id"], body=body).execute()
        waited = 0.0
        while (state := self._get(job["id"])["currentState"]) in LIVE:
            if waited >= self._patience_s:
                raise RetriableError(
                    f"job {job['id']} is {state} after {self._patience_s:.0f} s: nothing is lost, "
                    "see runbooks/stuck-work.md, then the same command goes on"
                )
            self._wait(PROBE_S)
            waited += PROBE_S

    def _all(self) -> Iterator[Mapping[str, Any]]:
        """Every job of that name that Dataflow still tells of."""
        request = self._jobs.list(**self._place, filter="ALL", name=JOB)
        while request is not None:
            answer = request.execute()
            yield from (job for job in answer.get("jobs", ()) if job["name"] == JOB)
            request = self._jobs.list_next(request, answer)

    def _get(self, job: str, **more: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._jobs.get(**self._place, jobId=job, **more).execute()
        return found


def _standing(job: Mapping[str, Any]) -> tuple[int, datetime]:
    """What reads goes before what starts, and that before what has ended; then the later one. A job
    that was refused as an update ends before the one that it was to follow."""
    state = job["currentState"]
    rank = 0 if state not in LIVE else 1 if state in STARTING else 2
    return rank, datetime.fromisoformat(job["currentStateTime" if not rank else "createTime"])
