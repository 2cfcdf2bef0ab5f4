"""Traces of a person that are looked for in the same payloads several times: a control, passes, and
a proof. Unwrapping is most of the work, and of the same bytes it says the same."""

import hashlib

from transforms.traces import Edges, Identifiers, Trace, Traces

FEWEST_BYTES = 256
"""What is shorter is searched sooner than it is remembered."""
MOST_REMEMBERED = 3_000_000
"""About 100 bytes of memory each; what comes after them is searched every time."""
DIGEST_BYTES = 16


class Searched(Traces):
    """Traces that remember, by digest, what names nobody; so for one set of identifiers alone."""

    def __init__(self, person: Identifiers) -> None:
        super().__init__(person)
        self._clean: set[bytes] = set()

    def find(self, data: bytes, edges: Edges = "words") -> Trace | None:
        """As Traces: the first trace in some bytes, None where there is none."""
        if len(data) < FEWEST_BYTES:
            return super().find(data, edges)
        salt = edges.encode()
        digest = hashlib.blake2b(data, digest_size=DIGEST_BYTES, salt=salt).digest()
        if digest in self._clean:
            return None
        trace = super().find(data, edges)
        if trace is None and len(self._clean) < MOST_REMEMBERED:
            self._clean.add(digest)
        return trace
