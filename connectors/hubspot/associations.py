"""Whom records are with: v4 batch reads, and the further pages inside their results.

https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from connectors.hubspot.client import ASSOCIATIONS_BATCH, HubSpot
from connectors.hubspot.kinds import Kind
from connectors.hubspot.paging import after_of
from schemas.clock import parse_rfc3339
from schemas.errors import RetriableError

_NONE = frozenset({"OBJECT_NOT_FOUND"})
_NO_ASSOCIATIONS = "NO_ASSOCIATIONS_FOUND"


def associations(
    client: HubSpot, kind: Kind, path: str, ids: Iterable[str], fetched: int
) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """Id to its associations with the objects of `path`, in a stable order; and when the server
    had the last of them (us), `fetched` if nothing was asked."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    waiting: list[dict[str, str]] = [{"id": one} for one in ids]
    asked_for: set[tuple[str, str]] = set()
    while waiting:
        asked, waiting = waiting[:ASSOCIATIONS_BATCH], waiting[ASSOCIATIONS_BATCH:]
        body = client.associations(kind, path, asked).body
        _check(body, kind, path)
        with suppress(ValueError):
            fetched = max(fetched, parse_rfc3339(str(body.get("completedAt"))))
        for one in body["results"]:
            record_id = str(one["from"]["id"])
            known = found.setdefault(record_id, {})
            known.update((str(other["toObjectId"]), other) for other in one["to"])
            after = after_of(one)
            if (record_id, after) in asked_for:
                raise RetriableError(f"hubspot: associations {kind.path}-{path} go in a circle")
            if after:
                asked_for.add((record_id, after))
                waiting.append({"id": record_id, "after": after})
    return {
        one: [known[other] for other in sorted(known, key=lambda text: (len(text), text))]
        for one, known in found.items()
    }, fetched


def _check(body: dict[str, Any], kind: Kind, path: str) -> None:
    """RetriableError where part of the batch is missing for another reason than that there is
    none: a record that lost its associations for a moment would lose its account."""
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        category = error.get("category") if isinstance(error, dict) else None
        detail = str(error.get("subCategory")) if isinstance(error, dict) else ""
        if category not in _NONE and _NO_ASSOCIATIONS not in detail:
            raise RetriableError(f"hubspot: part of the associations {kind.path}-{path} failed")
    if not isinstance(body.get("results"), list):
        raise RetriableError(f"hubspot: associations {kind.path}-{path} without results")
