"""JSON as vendors write it: half a character in one record leaves the whole answer readable.

A text cut in the middle of a pair of surrogates is legal JSON and no Unicode (RFC 8259, 8.2); our
reader refuses all that stands around it.
"""

import re

_SUSPECT = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""Every escape in its turn, so that a backslash that is itself escaped begins none."""


def readable(body: bytes) -> bytes:
    """The body, with U+FFFD for halves of surrogate pairs and for bytes that are no UTF-8; byte for
    byte as it came where there are none."""
    if _SUSPECT.search(body):
        body = _ESCAPE.sub(lambda one: rb"\ufffd" if one["half"] else one[0], body)
    try:
        body.decode()
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace").encode()
    return body
