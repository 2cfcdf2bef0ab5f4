"""What the service answers, as OpenAPI 3.1."""

from typing import Any

_ANSWERS = {
    "200": "All of it is with Pub/Sub, or is nothing that we keep.",
    "401": "Not signed by the vendor. Nothing is kept.",
    "404": "No such source here.",
    "413": "The body is larger than we take.",
    "503": "Not published, or not come in time: send it again.",
}


def document(sources: tuple[str, ...], version: str) -> dict[str, Any]:
    """Of a service that takes these sources."""
    paths: dict[str, Any] = {
        f"/webhooks/{source}": {
            "post": {
                "operationId": f"receive_{source}",
                "summary": f"Events of {source}, signed as {source} signs.",
                "requestBody": {"required": True, "content": {"*/*": {}}},
                "responses": {code: {"description": words} for code, words in _ANSWERS.items()},
            }
        }
        for source in sources
    }
    for path, words in (
        ("/health", "It runs."),
        ("/health/live", "It runs."),
        ("/health/ready", "It can publish."),
    ):
        paths[path] = {
            "get": {
                "operationId": path.strip("/").replace("/", "_"),
                "responses": {"200": {"description": words}, "503": {"description": "Not now."}},
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "salesintel webhooks", "version": version},
        "paths": paths,
    }
