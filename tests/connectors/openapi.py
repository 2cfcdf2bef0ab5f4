"""Holds a sandbox and a client to the vendor's OpenAPI: neither may share the other's mistake."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SPECS = Path(__file__).resolve().parents[2].parent / "shared" / "specs"


class Specification:
    """A vendor's paths and schemas."""

    def __init__(self, path: Path) -> None:
        self.document = json.loads(gzip.decompress(path.read_bytes()))
        self._paths = [
            (re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(path)) + r"\Z"), operations)
            for path, operations in sorted(
                self.document["paths"].items(), key=lambda one: one[0].count("{")
            )
        ]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        for pattern, operations in self._paths:
            if pattern.match(path) and method.lower() in operations:
                return dict(operations[method.lower()])
        return None

    def faults(self, schema: Any, value: Any, where: str = "") -> Iterator[str]:
        """Where a value is not what a schema promises. Unknown fields are none of its business."""
        while "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            extra = {key: one for key, one in schema.items() if key not in ("$ref", "type")}
            schema = {**self.document["components"]["schemas"][name], **extra}
            if value is None:
                return
        kinds = schema.get("type", ())
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        if value is None:
            if kinds and "null" not in kinds and not schema.get("nullable"):
                yield f"{where} is null"
            return
        if kinds and not any(_is(kind, value, schema.get("format")) for kind in kinds):
            yield f"{where} is {type(value).__name__}, not {kinds}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where} is none of the enumeration"
        if isinstance(value, dict):
            for name in schema.get("required", ()):
                if name not in value:
                    yield f"{where}.{name} is missing"
            for name, one in schema.get("properties", {}).items():
                if name in value:
                    yield from self.faults(one, value[name], f"{where}.{name}")
        if isinstance(value, list) and "items" in schema:
            for place, one in enumerate(value):
                yield from self.faults(schema["items"], one, f"{where}[{place}]")


def _is(kind: str, value: Any, form: str | None) -> bool:
    if kind == "integer":
        if isinstance(value, str) and form == "int64":
            # JSON of protocol buffers: 64 bits travel as text.
            return bool(re.match(r"-?\d+\Z", value))
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    types: dict[str, type] = {"string": str, "boolean": bool, "array": list, "object": dict}
    return kind == "null" or isinstance(value, types[kind])


class Contract:
    """Passes requests and answers through and notes what the specification does not allow."""

    def __init__(self, app: ASGIApp, specification: Specification) -> None:
        self._app = app
        self._specification = specification
        self.violations: list[str] = []
        self.operations: set[str] = set()
        """Ids of the operations that were called."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, body, asked = 0, b"", b""

        async def hear() -> Message:
            nonlocal asked
            message = await receive()
            asked += message.get("body", b"")
            return message

        async def note(message: Message) -> None:
            nonlocal status, body
            status = message.get("status", status)
            body += message.get("body", b"")
            await send(message)

        await self._app(scope, hear, note)
        if scope["type"] == "http":
            self._check(scope, asked, status, body)

    def _check(self, scope: Scope, asked: bytes, status: int, body: bytes) -> None:
        method, path = scope["method"], scope["path"]
        operation = self._specification.operation(method, path)
        if operation is None:
            self.violations.append(f"{method} {path}: there is no such operation")
            return
        name = operation["operationId"]
        self.operations.add(name)
        known = {
            one["name"]: one["schema"]
            for one in operation.get("parameters", ())
            if one.get("in") == "query"
        }
        for key, value in parse_qsl(scope["query_string"].decode(), keep_blank_values=True):
            if key not in known:
                self.violations.append(f"{name}: no parameter {key}")
                continue
            self._note(f"{name}?{key}", known[key], _typed(value, known[key]))
        wanted = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if wanted and asked:
            self._note(f"{name} request", wanted["schema"], json.loads(asked))
        answer = operation["responses"].get(str(status), {}).get("content", {})
        if 200 <= status < 300 and "application/json" in answer:
            self._note(f"{name} answer", answer["application/json"]["schema"], json.loads(body))

    def _note(self, where: str, schema: Any, value: Any) -> None:
        self.violations += self._specification.faults(schema, value, where)


def _typed(value: str, schema: Any) -> Any:
    kind = schema.get("type")
    if kind == "boolean":
        return {"true": True, "false": False}.get(value, value)
    if kind == "integer":
        return int(value) if re.match(r"-?\d+\Z", value) else value
    if kind == "array":
        # Its items come one by one, under the same name.
        return [_typed(value, schema["items"])]
    return value
