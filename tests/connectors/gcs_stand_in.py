"""A Cloud Storage of ours: the few calls that we and Beam make, with the real one's preconditions.

https://cloud.google.com/storage/docs/json_api/v1/objects and, for what `ifGenerationMatch` means,
https://cloud.google.com/storage/docs/request-preconditions
"""

import base64
import itertools
import json
import threading
from collections import Counter
from email.parser import BytesParser
from email.policy import HTTP
from typing import NamedTuple

import google_crc32c
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

FIRST_GENERATION = 1_700_000_000_000_000
"""No generation comes twice, not even of a name that was deleted."""


class Blob(NamedTuple):
    body: bytes
    generation: int


class Upload:
    """A resumable upload, as far as it has come."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.body = bytearray()


class CloudStorage:
    """One bucket, whatever its name; `lost` uploads are taken, and the answer does not arrive."""

    def __init__(self) -> None:
        self.blobs: dict[str, Blob] = {}
        self.lost = 0
        self.answers: Counter[int] = Counter()
        self._uploads: list[Upload] = []
        self._generations = itertools.count(FIRST_GENERATION)
        self._lock = threading.Lock()
        self.app = Starlette(
            routes=[
                Route("/storage/v1/b", self._bucket, methods=["POST"]),
                Route("/storage/v1/b/{bucket}", self._bucket_metadata),
                Route("/upload/storage/v1/b/{bucket}/o", self._upload, methods=["POST"]),
                Route("/upload/storage/v1/b/{bucket}/o", self._resume, methods=["PUT"]),
                Route("/storage/v1/b/{bucket}/o", self._list),
                Route("/download/storage/v1/b/{bucket}/o/{name:path}", self._download),
                Route("/storage/v1/b/{bucket}/o/{name:path}", self._delete, methods=["DELETE"]),
                Route("/storage/v1/b/{bucket}/o/{name:path}", self._metadata),
            ]
        )

    def hold(self, name: str, body: bytes) -> None:
        """Puts an object there."""
        self.blobs[name] = Blob(body, next(self._generations))

    async def _bucket(self, request: Request) -> Response:
        return JSONResponse({"kind": "storage#bucket", **await request.json()})

    async def _bucket_metadata(self, request: Request) -> Response:
        return JSONResponse({"kind": "storage#bucket", "name": request.path_params["bucket"]})

    async def _metadata(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.blobs:
            return self._answer(404)
        return self._answer(200, self._described(name))

    async def _list(self, request: Request) -> Response:
        prefix = request.query_params.get("prefix", "")
        found = [self._described(name) for name in sorted(self.blobs) if name.startswith(prefix)]
        return self._answer(200, {"kind": "storage#objects", "items": found})

    def _described(self, name: str) -> dict[str, str]:
        blob = self.blobs[name]
        checksum = base64.b64encode(google_crc32c.Checksum(blob.body).digest()).decode()
        described = {"name": name, "generation": str(blob.generation), "crc32c": checksum}
        return {**described, "size": str(len(blob.body))}

    async def _resume(self, request: Request) -> Response:
        """The next part of a resumable upload; of Content-Range only whether it is the last counts.

        https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
        """
        upload = self._uploads[int(request.query_params["upload_id"])]
        upload.body += await request.body()
        if request.headers["content-range"].endswith("/*"):
            held = {"Range": f"bytes=0-{len(upload.body) - 1}"}
            return Response(status_code=308, headers=held)
        with self._lock:
            self.blobs[upload.name] = Blob(bytes(upload.body), next(self._generations))
            return self._answer(200, self._described(upload.name))

    async def _upload(self, request: Request) -> Response:
        if request.query_params["uploadType"] == "resumable":
            self._uploads.append(Upload((await request.json())["name"]))
            place = request.url.include_query_params(upload_id=len(self._uploads) - 1)
            return Response(headers={"Location": str(place)})
        assert request.query_params["uploadType"] == "multipart"
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = BytesParser(policy=HTTP).parsebytes(head + await request.body())
        described, content = parts.iter_parts()
        name = json.loads(described.get_payload(decode=True))["name"]
        with self._lock:
            refused = self._refused(request, name)
            if refused:
                return self._answer(refused)
            made = Blob(content.get_payload(decode=True), next(self._generations))
            self.blobs[name] = made
            if self.lost:
                self.lost -= 1
                return self._answer(503)
        return self._answer(200, {"name": name, "generation": str(made.generation)})

    async def _download(self, request: Request) -> Response:
        blob = self.blobs.get(request.path_params["name"])
        if blob is None:
            return self._answer(404)
        return Response(blob.body, headers={"X-Goog-Generation": str(blob.generation)})

    async def _delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        with self._lock:
            if name not in self.blobs:
                return self._answer(404)
            refused = self._refused(request, name)
            if refused:
                return self._answer(refused)
            del self.blobs[name]
        return self._answer(204)

    def _refused(self, request: Request, name: str) -> int:
        """412 where the object is not of the generation that is asked for (0: there is none)."""
        wanted = request.query_params.get("ifGenerationMatch")
        blob = self.blobs.get(name)
        present = blob.generation if blob else 0
        return 0 if wanted is None or int(wanted) == present else 412

    def _answer(self, status: int, body: object = None) -> Response:
        self.answers[status] += 1
        if status == 204:
            return Response(status_code=204)
        error = {"error": {"code": status, "message": "as told"}}
        return JSONResponse(error if body is None else body, status)
