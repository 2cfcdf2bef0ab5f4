"""The batch endpoint: many calls in one multipart/mixed body, each answered by itself.

https://developers.google.com/workspace/gmail/api/guides/batch
"""

import json
from collections.abc import Callable
from email.parser import BytesParser
from urllib.parse import parse_qs, urlsplit

from sandbox.vendors.faults import Faults
from sandbox.vendors.gmail import errors
from sandbox.vendors.gmail.errors import Answer

MOST_PARTS = 100
AT_ONCE = 25
"""Parts beyond these meet "Too many concurrent requests for user"."""
BOUNDARY = "batch_sandbox"

Call = Callable[[str, str, dict[str, list[str]]], Answer]
"""Method, path and query of a part to its answer."""


def answer_batch(
    body: bytes, content_type: str, call: Call, faults: Faults
) -> tuple[int, bytes, str]:
    """Status, body and content type of the answer. Faults: `part_malformed`, by the path."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + body).get_payload()
    if not isinstance(parts, list) or len(parts) > MOST_PARTS:
        refused = errors.refusal(400, "badRequest", "The batch request could not be processed.")
        return 400, json.dumps(refused.body).encode(), "application/json"
    answered = []
    for place, part in enumerate(parts):
        request = str(part.get_payload()).split("\n", 1)[0]
        method, target, _ = request.split(" ", 2)
        url = urlsplit(target)
        result = (
            errors.too_many() if place >= AT_ONCE else call(method, url.path, parse_qs(url.query))
        )
        cut = faults.strikes("part_malformed", url.path)
        answered.append(_part(str(part["Content-ID"]), result, cut))
    end = f"--{BOUNDARY}--\r\n"
    return 200, ("".join(answered) + end).encode(), f'multipart/mixed; boundary="{BOUNDARY}"'


def _part(content_id: str, answer: Answer, cut: bool) -> str:
    body = json.dumps(answer.body)
    body = body[: len(body) // 2] if cut else body
    return (
        f"--{BOUNDARY}\r\nContent-Type: application/http\r\n"
        f"Content-ID: <response-{content_id[1:]}\r\n\r\n"
        f"HTTP/1.1 {answer.status} Answer\r\nContent-Type: application/json; charset=UTF-8\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}\r\n"
    )
