"""What stands in for the Storage Write API: each request is answered by a script, else stored."""

from collections.abc import Iterator
from typing import Any

import grpc
from google.cloud.bigquery_storage_v1 import types
from google.rpc import status_pb2

from schemas.tables import BY_ID
from warehouse.protobuf import message_class

RUNS = BY_ID["ops.runs"]
PEOPLE = BY_ID["sales.people"]


class Failure(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, details: str = "") -> None:
        super().__init__()
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[()]:
        return ()


def said(code: int, message: str) -> types.AppendRowsResponse:
    return types.AppendRowsResponse(error=status_pb2.Status(code=code, message=message))


class Call:
    """A stream: each request is answered by what the script says, else stored."""

    def __init__(self, server: "ScriptedServer", requests: Iterator[Any]) -> None:
        self._server, self._requests = server, requests
        self._schema: str = ""

    def __next__(self) -> types.AppendRowsResponse:
        request = next(self._requests)
        if request.proto_rows.writer_schema.proto_descriptor.name:
            self._schema = request.proto_rows.writer_schema.proto_descriptor.name
        return self._server.answer(request, self._schema)

    def cancel(self) -> None:
        pass


class ScriptedServer:
    """Stands in for the client and for what is behind it."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.keys: list[str] = []
        self.batches: list[tuple[str, int, int]] = []
        self.streams = 0
        self.transport = self
        self.bad: dict[str, Any] = {}

    def append_rows(self, requests: Iterator[Any], timeout: float, metadata: Any) -> Call:
        self.streams += 1
        return Call(self, requests)

    def answer(self, request: Any, schema: str) -> types.AppendRowsResponse:
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer
        table = request.write_stream.split("/")[-3]
        assert {"runs": "Run", "people": "Person"}[table] == schema
        kind = {"runs": RUNS, "people": PEOPLE}[table].row
        bodies = request.proto_rows.rows.serialized_rows
        found = [message_class(kind).FromString(body) for body in bodies]
        keys = [getattr(m, "run_id", None) or m.record_key for m in found]
        for key in keys:
            if key in self.bad:
                blame = self.bad[key]
                if isinstance(blame, Exception):
                    raise blame
                return blame
        self.keys += keys
        self.batches.append((table, len(bodies), sum(map(len, bodies))))
        return types.AppendRowsResponse()
