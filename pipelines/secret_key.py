"""The key of field policies and erasures, as it travels to workers: by its reference alone.

A graph is staged in a bucket with all that its steps hold. The key must not lie there: it is
pickled as the name of its secret, and whoever unpickles it asks Secret Manager, once a process.
"""

from connectors.secrets import Secrets, SecretStore

_KEYS: dict[str, "ReferencedKey"] = {}
"""Those that this process has read. Beam unpickles every step once while the graph is built."""


class ReferencedKey(bytes):
    """Bytes that are pickled as where they come from."""

    reference: str

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (referenced_key, (self.reference,))

    def __repr__(self) -> str:
        return f"ReferencedKey({self.reference!r})"


def key_from(secrets: Secrets, reference: str) -> ReferencedKey:
    """The key at a reference; ConfigurationError where there is none, or we may not have it."""
    key = _KEYS[reference] = ReferencedKey(secrets.get(reference).reveal_bytes())
    key.reference = reference
    return key


def referenced_key(reference: str) -> ReferencedKey:
    """The key, as a worker reads it."""
    return _KEYS.get(reference) or key_from(SecretStore(cloud=True), reference)
