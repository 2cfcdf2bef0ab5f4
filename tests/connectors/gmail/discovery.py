"""Holds requests and answers against Google's discovery documents, which come with the client
library: the sandbox and the connector must not share a mistake."""

import json
import re
from pathlib import Path
from typing import Any

import googleapiclient.discovery_cache

from sandbox.vendors.gmail import GmailSandbox

DOCUMENTS = Path(googleapiclient.discovery_cache.__path__[0]) / "documents"
FORMATS = {
    "uint64": re.compile(r"\d{1,20}\Z"),
    "int64": re.compile(r"-?\d{1,19}\Z"),
    "byte": re.compile(r"[A-Za-z0-9_=-]*\Z"),
}
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


class Document:
    """One API's document."""

    def __init__(self, name: str) -> None:
        self._document = json.loads((DOCUMENTS / f"{name}.json").read_text("utf-8"))
        self._methods: list[tuple[str, re.Pattern[str], dict[str, Any]]] = []
        self._collect(self._document)

    def _collect(self, node: dict[str, Any]) -> None:
        for method in node.get("methods", {}).values():
            path = re.sub(r"\{\w+\}", "[^/]+", method.get("flatPath", method["path"]))
            self._methods.append((method["httpMethod"], re.compile(f"/{path}\\Z"), method))
        for resource in node.get("resources", {}).values():
            self._collect(resource)

    def method(self, verb: str, path: str) -> dict[str, Any] | None:
        for known, pattern, method in self._methods:
            if known == verb and pattern.match(path):
                return method
        return None

    def wrong_in_request(self, verb: str, path: str, query: dict[str, list[str]]) -> list[str]:
        method = self.method(verb, path)
        if method is None:
            return [f"{verb} {path} is no method"]
        known = {**self._document["parameters"], **method.get("parameters", {})}
        wrong = []
        for name, values in query.items():
            parameter = known.get(name)
            if parameter is None:
                wrong.append(f"{method['id']} knows no {name}")
                continue
            if len(values) > 1 and not parameter.get("repeated"):
                wrong.append(f"{method['id']}: {name} is repeated")
            for value in values:
                if "enum" in parameter and value not in parameter["enum"]:
                    wrong.append(f"{method['id']}: {name}={value}")
                form = FORMATS.get(parameter.get("format", ""))
                if form and not form.match(value):
                    wrong.append(f"{method['id']}: {name}={value}")
        required = (name for name, one in method.get("parameters", {}).items() if is_asked(one))
        return wrong + [f"{method['id']} lacks {name}" for name in required if name not in query]

    def wrong_in_body(self, verb: str, path: str, body: dict[str, Any]) -> list[str]:
        method = self.method(verb, path)
        if method is None or "request" not in method:
            return [f"{verb} {path} takes no body"]
        return self._wrong(method["id"], {"$ref": method["request"]["$ref"]}, body)

    def wrong_in_answer(self, verb: str, path: str, body: dict[str, Any]) -> list[str]:
        method = self.method(verb, path)
        if method is None or "response" not in method:
            return []
        return self._wrong(method["id"], {"$ref": method["response"]["$ref"]}, body)

    def _wrong(self, where: str, schema: dict[str, Any], value: Any) -> list[str]:
        if "$ref" in schema:
            schema = self._document["schemas"][schema["$ref"]]
        kind = TYPES.get(schema.get("type", ""))
        if kind and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            return [f"{where} is no {schema['type']}"]
        if isinstance(value, list):
            inner = [self._wrong(f"{where}[]", schema["items"], one) for one in value]
            return [one for wrong in inner for one in wrong]
        if isinstance(value, dict):
            known = schema.get("properties", {})
            wrong = [f"{where} knows no {name}" for name in value if name not in known]
            for name, one in value.items():
                if name in known:
                    wrong += self._wrong(f"{where}.{name}", known[name], one)
            return wrong
        if "enum" in schema and value not in schema["enum"]:
            return [f"{where} is none of {', '.join(schema['enum'])}"]
        form = FORMATS.get(schema.get("format", ""))
        return [f"{where} is no {schema['format']}"] if form and not form.match(value) else []


def is_asked(parameter: dict[str, Any]) -> bool:
    """Whether a query must have it."""
    return bool(parameter.get("required")) and parameter.get("location") == "query"


GMAIL = Document("gmail.v1")
DIRECTORY = Document("admin.directory_v1")
IAM = Document("iamcredentials.v1")


def violations(sandbox: GmailSandbox) -> set[str]:
    """Whatever was asked or answered against the documents."""
    wrong: set[str] = set()
    for verb, path, query in sandbox.requests:
        wrong.update(_of(path).wrong_in_request(verb, path, query))
    for verb, path, body in sandbox.bodies:
        wrong.update(_of(path).wrong_in_body(verb, path, body))
    for verb, path, answer in sandbox.answers:
        if answer.status == 200:
            wrong.update(_of(path).wrong_in_answer(verb, path, answer.body))
    return wrong


def _of(path: str) -> Document:
    if path.startswith("/gmail/"):
        return GMAIL
    return DIRECTORY if path.startswith("/admin/") else IAM
