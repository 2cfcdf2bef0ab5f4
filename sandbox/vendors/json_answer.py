"""Answers in JSON as some vendors write it: everything beyond ASCII escaped, halves of characters
too, which no UTF-8 can hold."""

import json
from typing import Any

from starlette.responses import JSONResponse


class EscapedJSON(JSONResponse):
    """A JSONResponse in ASCII."""

    def render(self, content: Any) -> bytes:
        """As JSONResponse."""
        return json.dumps(content, separators=(",", ":")).encode()
