"""The HTTP face of a simulated HubSpot account.

Faults of its own: `partial` (a batch in which one object failed), `unordered` (search results in no
order), `duplicate_page` (results that stand there twice), `daily` (the day's calls are used up),
`strict_properties` (a property that is asked for and is none is an error, as it is elsewhere),
`circle` (the last page of a list leads back to itself), `undefined` (no property is defined).
"""

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.vendors.faults import Faults
from sandbox.vendors.hubspot.answers import CREATED, Refused, error, full, paged, passes, sorted_by
from sandbox.vendors.hubspot.state import TYPES, Account, Record, iso
from sandbox.vendors.json_answer import EscapedJSON

SEARCH_DEPTH = 10_000
SEARCH_BODY = 3_000
SEARCH_PAGE = 200
BATCH = 100
ASSOCIATIONS = 1_000
SCOPES = {
    "contacts": "crm.objects.contacts.read",
    "companies": "crm.objects.companies.read",
    "deals": "crm.objects.deals.read",
    "emails": "sales-email-read",
}
PATHS = {type_id: path for path, type_id in TYPES.items()}


def application(account: Account, faults: Faults | None = None, page: int = 0) -> Starlette:
    """The account as an application; `page` caps pages of associations, which are short here."""
    return Starlette(routes=_Api(account, faults or Faults(), page or 500).routes())


class _Api:
    def __init__(self, account: Account, faults: Faults, page: int) -> None:
        self._account = account
        self._faults = faults
        self._page = page
        self._calls: deque[int] = deque()
        self._searches: deque[int] = deque()

    def routes(self) -> list[Route]:
        objects, other = "/crm/v3/objects/{path}", "/automation/v4/sequences"
        return [
            self._route(f"{objects}/search", self._search, "POST"),
            self._route(f"{objects}/batch/read", self._batch, "POST"),
            self._route(objects, self._list),
            self._route("/crm/v3/properties/{path}", self._properties),
            # The client asks with a slash at the end, the specification has none.
            self._route("/crm/v3/owners", self._owners),
            self._route("/crm/v3/owners/", self._owners),
            self._route("/crm/v4/associations/{path}/{to}/batch/read", self._associated, "POST"),
            self._route(other + "/enrollments/contact/{id}", self._enrolled),
        ]

    def _route(
        self, path: str, answer: Callable[[Request, Any], dict[str, Any]], method: str = "GET"
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            try:
                self._admit(request, raw)
                with self._account.lock:
                    body = answer(request, json.loads(raw) if raw else None)
                made: Response = EscapedJSON(body, 207 if body.get("errors") else 200)
            except Refused as refused:
                made = refused.answer
            return made

        return Route(path, endpoint, methods=[method])

    def _admit(self, request: Request, raw: bytes) -> None:
        account = self._account
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in account.tokens:
            raise Refused(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        if self._faults.strikes("daily", request.url.path):
            raise Refused(
                429,
                "RATE_LIMITS",
                "You have reached your daily limit.",
                policyName="DAILY",
                errorType="RATE_LIMIT",
            )
        searching = request.url.path.endswith("/search")
        if searching and full(self._searches, account.now(), 1_000, account.searches_per_s):
            raise Refused(
                429,
                "RATE_LIMITS",
                "You have reached your secondly limit.",
                policyName="SECONDLY",
                errorType="RATE_LIMIT",
            )
        if full(self._calls, account.now(), 10_000, account.calls_per_10_s):
            raise Refused(
                429,
                "RATE_LIMITS",
                "You have reached your ten_secondly_rolling limit.",
                policyName="TEN_SECONDLY_ROLLING",
                errorType="RATE_LIMIT",
            )
        if searching and len(raw) > SEARCH_BODY:
            raise Refused(400, "VALIDATION_ERROR", "The request body is too long.")
        scope = SCOPES.get(self._path(request))
        if account.scopes is not None and scope is not None and scope not in account.scopes:
            context = {"requiredGranularScopes": [scope]}
            errors = [{"message": "One or more scopes are missing.", "context": context}]
            raise Refused(403, "MISSING_SCOPES", "A scope is missing.", errors=errors)

    def _path(self, request: Request) -> str:
        path = str(request.path_params.get("path", ""))
        return PATHS.get(path, path)

    def _rows(self, request: Request) -> dict[str, Record]:
        found = self._account.objects.get(self._path(request))
        if found is None:
            raise Refused(400, "VALIDATION_ERROR", "Unable to infer object type.")
        return found

    def _search(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        path, account = self._path(request), self._account
        self._rows(request)
        limit, offset = int(body.get("limit", 10)), int(body.get("after") or 0)
        if limit > SEARCH_PAGE or offset + limit > SEARCH_DEPTH:
            raise Refused(400, "VALIDATION_ERROR", "limit + after is more than can be paged to.")
        stamp = "lastmodifieddate" if path == "contacts" else "hs_lastmodifieddate"
        created = CREATED.get(path, "hs_createdate")
        found = account.found(path)
        for group in body.get("filterGroups", []):
            for one in group["filters"]:
                found = [row for row in found if passes(one, row, stamp, created)]
        by_id = any(sorted_by(one) == "hs_object_id" for one in body.get("sorts", []))
        found.sort(key=lambda row: int(row[1].id) if by_id else (row[0], int(row[1].id)))
        if self._faults.strikes("unordered", request.url.path):
            found.reverse()
        shown = [
            account.shown(path, record, body.get("properties"))
            for _, record in found[offset : offset + limit]
        ]
        if self._faults.strikes("duplicate_page", request.url.path):
            shown += shown
        answer: dict[str, Any] = {"total": len(found), "results": shown}
        if offset + limit < len(found):
            answer["paging"] = {"next": {"after": str(offset + limit)}}
        return answer

    def _batch(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        rows, path, account = self._rows(request), self._path(request), self._account
        ids = [str(one["id"]) for one in body["inputs"]]
        if len(ids) > BATCH:
            raise Refused(400, "VALIDATION_ERROR", f"No more than {BATCH} inputs.")
        unknown = set(body["properties"]) - set(account.property_names(path))
        if unknown and self._faults.strikes("strict_properties", request.url.path):
            wrong = [{"isValid": False, "error": "PROPERTY_DOESNT_EXIST", "name": min(unknown)}]
            message = f"Property values were not valid: {json.dumps(wrong)}"
            raise Refused(400, "VALIDATION_ERROR", message)
        archived = request.query_params.get("archived") == "true"
        found: dict[str, dict[str, Any]] = {}
        absent = []
        for one in ids:
            record = rows.get(account.merged.get((path, one), one))
            if record is None or (record.archived is not None) != archived:
                absent.append(one)
                continue
            found[record.id] = account.shown(path, record, body["properties"])
        answer = self._completed(list(found.values()))
        if absent:
            answer["errors"] = [error("OBJECT_NOT_FOUND", {"ids": absent})]
            answer["numErrors"] = 1
        if found and self._faults.strikes("partial", request.url.path):
            lost = answer["results"].pop()
            answer["errors"] = [error("INTERNAL_ERROR", {"ids": [lost["id"]]})]
            answer["numErrors"] = 1
        return answer

    def _completed(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        moment = iso(self._account.now())
        return {
            "status": "COMPLETE",
            "results": results,
            "startedAt": moment,
            "completedAt": moment,
        }

    def _list(self, request: Request, body: None) -> dict[str, Any]:
        rows, path = self._rows(request), self._path(request)
        archived = request.query_params.get("archived") == "true"
        listed = [row for row in rows.values() if (row.archived is not None) == archived]
        names = request.query_params.getlist("properties")
        return self._paged([self._account.shown(path, row, names) for row in listed], request)

    def _properties(self, request: Request, body: None) -> dict[str, Any]:
        account, path = self._account, self._path(request)
        names = account.property_names(path)
        if self._faults.strikes("undefined", request.url.path):
            names = []
        return {
            "results": [
                {
                    "name": name,
                    "label": name,
                    "type": account.types.get((path, name), "string"),
                    "fieldType": "text",
                    "description": "",
                    "groupName": "information",
                    "options": [],
                }
                for name in names
            ]
        }

    def _owners(self, request: Request, body: None) -> dict[str, Any]:
        archived = request.query_params.get("archived") == "true"
        owners = self._account.owners.values()
        return self._paged([one for one in owners if one["archived"] == archived], request)

    def _paged(self, rows: list[dict[str, Any]], request: Request) -> dict[str, Any]:
        answer = paged(rows, request, 100)
        if self._faults.strikes("circle", request.url.path):
            answer["paging"] = {"next": {"after": "0", "link": "?"}}
        return answer

    def _associated(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        account, inputs = self._account, body["inputs"]
        if len(inputs) > ASSOCIATIONS:
            raise Refused(400, "VALIDATION_ERROR", f"No more than {ASSOCIATIONS} inputs.")
        to = request.path_params["to"]
        links = account.links.get((self._path(request), PATHS.get(to, to)), {})
        results, absent = [], []
        for one in inputs:
            others = list(links.get(one["id"], {}).items())
            start = int(one.get("after") or 0)
            if not others:
                absent.append(one["id"])
                continue
            result: dict[str, Any] = {
                "from": {"id": one["id"]},
                "to": [
                    {"toObjectId": other, "associationTypes": types}
                    for other, types in others[start : start + self._page]
                ],
            }
            following = start + self._page
            if self._faults.strikes("circle", request.url.path):
                following = 1
            if following < len(others):
                result["paging"] = {"next": {"after": str(following)}}
            results.append(result)
        answer = self._completed(results)
        if absent:
            none = error("OBJECT_NOT_FOUND", {"fromObjectId": absent})
            answer["errors"] = [{**none, "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}]
            answer["numErrors"] = len(absent)
        return answer

    def _enrolled(self, request: Request, body: None) -> dict[str, Any]:
        found = self._account.enrollments.get(request.path_params["id"])
        if found is None:
            raise Refused(404, "OBJECT_NOT_FOUND", "No such contact.")
        return found
