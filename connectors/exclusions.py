"""What must never be held: dropped by the connector, before anything is published, and counted.

Mailboxes, labels, domains, senders and records of HR, of lawyers, of private life.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from schemas.change import Change


class Exclusions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a deployment; addresses and domains in lower case, domains with all below them."""

    mailboxes: tuple[str, ...] = ()
    """Addresses of mailboxes that are not read."""
    labels: tuple[str, ...] = ()
    """Gmail's label ids or names: a mail that bears one is dropped."""
    domains: tuple[str, ...] = ()
    """A mail from or to an address of these is dropped."""
    senders: tuple[str, ...] = ()
    """A mail from one of these addresses is dropped."""
    records: tuple[str, ...] = ()
    """record_key, `source:object_type:object_id`; a trailing `*` stands for all that begin so."""


class Excluder:
    """Asks whether a record may be held; counts what may not, by reason."""

    def __init__(self, exclusions: Exclusions) -> None:
        self._mailboxes = {_spelt(one) for one in exclusions.mailboxes}
        self._labels = {one.strip().lower() for one in exclusions.labels}
        domains = (_host(one.strip().lstrip("@.")) for one in exclusions.domains)
        # An empty one would be the domain of whatever has no sender.
        self._domains = tuple(one for one in domains if one)
        self._senders = {_spelt(one) for one in exclusions.senders if one.strip()}
        self._records = {one for one in exclusions.records if not one.endswith("*")}
        self._prefixes = tuple(one[:-1] for one in exclusions.records if one.endswith("*"))
        self.counts: Counter[str] = Counter()
        """Dropped so far, by reason: mailbox, label, domain, sender, record."""

    def mailbox(self, address: str) -> bool:
        """Whether a mailbox is left alone altogether."""
        return self._drop("mailbox", _spelt(address) in self._mailboxes)

    def record(self, change: Change) -> bool:
        """Whether a record is dropped by its key."""
        key = change.record_key
        return self._drop(
            "record",
            key in self._records or bool(self._prefixes and key.startswith(self._prefixes)),
        )

    def mail(self, sender: str, addresses: Iterable[str], labels: Iterable[str]) -> bool:
        """Whether a mail is dropped, by its sender, all its addresses, or its labels."""
        if self._drop("sender", _spelt(sender) in self._senders):
            return True
        if self._drop("label", any(label.lower() in self._labels for label in labels)):
            return True
        return self._drop(
            "domain", bool(self._domains) and any(map(self._of_domain, (sender, *addresses)))
        )

    def _of_domain(self, address: str) -> bool:
        host = _host(address)
        return any(host == one or host.endswith(f".{one}") for one in self._domains)

    def _drop(self, reason: str, drop: bool) -> bool:
        if drop:
            self.counts[reason] += 1
        return drop


def _spelt(address: str) -> str:
    """An address as it is compared: lower case, the host as `_host`."""
    local, at, host = address.strip().lower().rpartition("@")
    return f"{local}{at}{_host(host)}" if at else host


def _host(address: str) -> str:
    """Of an address or a host itself: lower case, and as the DNS has it, for one name with umlauts
    is written in two ways."""
    host = address.strip().lower().rpartition("@")[2].rstrip(".>")
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
