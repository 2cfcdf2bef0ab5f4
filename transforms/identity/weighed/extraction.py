"""What is weighed of a record in a deployment: its own values, by its settings and rules."""

from collections.abc import Iterable

import msgspec

from schemas.identity import IdentityRecord
from transforms.identity.evidence import ExactEvidence, is_host, successor_key
from transforms.identity.messages import is_observed
from transforms.identity.weighed.features import Features, features_of, is_role, match_key
from transforms.identity.weighed.judging import EVERY_RULE, Rules
from transforms.settings import Settings

NO_SETTINGS = Settings()


class Extraction:
    """Features of records; of a version always the same."""

    def __init__(self, settings: Settings = NO_SETTINGS, rules: Rules = EVERY_RULE) -> None:
        self._is_personal = ExactEvidence(settings).is_personal
        self._no_roles = rules.role_mailbox

    def features(self, record: IdentityRecord) -> Features | None:
        """A record's own mailboxes and numbers alone, not those of a function, nor ours, nor
        toll-free ones. Of one that was merged away its successor; None of one that is gone."""
        if record.deleted:
            return _ghost(record)
        if record.shared and is_observed(record.record_key):
            return Features(record.kind, observed=True, own=record.record_key)
        emails, phones, domains = record.emails, record.phones, record.domains
        if record.kind == "person":
            if record.shared:
                emails = phones = ()
            elif emails and self._no_roles:
                emails = tuple(mail for mail in emails if not is_role(match_key(mail)))
        elif domains:
            domains = tuple(name for name in domains if not is_host(name))
        if phones:
            phones = tuple(phone for phone in phones if self._is_personal(phone))
        if (emails, phones, domains) != (record.emails, record.phones, record.domains):
            record = msgspec.structs.replace(record, emails=emails, phones=phones, domains=domains)
        return features_of(record)

    def all_features(self, records: Iterable[IdentityRecord]) -> dict[str, Features]:
        """The features of those that live, by record key: what a model is fitted to."""
        return {
            record.record_key: found
            for record in records
            if not record.deleted and (found := self.features(record)) is not None
        }


def _ghost(record: IdentityRecord) -> Features | None:
    """A merged record says nothing of itself, and carries on what others say of it."""
    successor = successor_key(record)
    if is_observed(record.record_key) or successor in ("", record.record_key):
        return None
    return Features(record.kind, own=record.record_key, same=(successor,))
