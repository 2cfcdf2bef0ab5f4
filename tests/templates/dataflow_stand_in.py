"""A Google of ours, as far as a job is submitted to it: tokens, Cloud Storage, jobs of Dataflow.

The real client of each talks to it. What it took is kept: the jobs as they were posted, and what
was staged for them. https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs
"""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "connectors"))
from gcs_stand_in import CloudStorage

STAGED = "pipeline.pb"
JOBS = "/v1b3/projects/{project}/locations/{region}/jobs"


class Google:
    """One project; `running` are names of jobs that run already."""

    def __init__(self) -> None:
        self.storage = CloudStorage()
        self.jobs: list[dict[str, Any]] = []
        self.running: dict[str, str] = {}
        self.tokens = 0
        self.app = Starlette(
            routes=[
                Route("/token", self._token, methods=["POST"]),
                Route(JOBS, self._create, methods=["POST"]),
                Route(JOBS, self._list),
                Mount("/", self.storage.app),
            ]
        )

    def staged(self) -> bytes:
        """The graph of the job that was posted last."""
        (name,) = [one for one in self.storage.blobs if one.endswith(f"/{STAGED}")]
        return self.storage.blobs[name].body

    async def _token(self, _: Request) -> Response:
        self.tokens += 1
        return JSONResponse({"access_token": "made-up", "token_type": "Bearer", "expires_in": 3600})

    async def _create(self, request: Request) -> Response:
        job = await request.json()
        self.jobs.append(job)
        place = {"projectId": request.path_params["project"], "id": f"job-{len(self.jobs)}"}
        return JSONResponse({**job, **place, "currentState": "JOB_STATE_PENDING"})

    async def _list(self, _: Request) -> Response:
        jobs = [
            {"id": id_, "name": name, "currentState": "JOB_STATE_RUNNING"}
            for name, id_ in self.running.items()
        ]
        return JSONResponse({"jobs": jobs})


@cache
def _private_key() -> str:
    """Made once: to find its primes takes longer than to submit a job."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()


def write_account_key(path: Path, token_uri: str) -> None:
    """The key file of a service account that there is not; tokens come from `token_uri`."""
    account = {
        "type": "service_account",
        "project_id": "acme-salesintel",
        "private_key_id": "made-up",
        "private_key": _private_key(),
        "client_email": "launcher@acme-salesintel.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(account), encoding="utf-8")
