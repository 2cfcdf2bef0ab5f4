"""Who a person is to the warehouse: all their records, what only they are known by, and the
interactions that they took part in."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from google.cloud import bigquery

from schemas.errors import ConfigurationError
from schemas.identity import IdentityRecord, StoredRecord
from schemas.records import Person
from schemas.tables import BY_ROW, latest_sql
from transforms.erasure import LONGEST_NAME_WORDS, Kind, marks_of
from transforms.identifiers import email, phone
from transforms.identity.records import from_stored
from transforms.traces import Identifiers, Traces
from warehouse.bounded import WHOLE_TABLES_BYTES, rows
from warehouse.catalogue import qualified
from warehouse.latest import select

TIMEOUT_S = 600.0

_LAST_ENTITY = """
SELECT record_key, entity_id, kind FROM (
  SELECT record_key, entity_id, kind,
    ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY revision DESC) AS place
  FROM `identity.links` WHERE entity_id IS NOT NULL
) WHERE place = 1 AND (entity_id IN UNNEST(@entities) OR record_key IN UNNEST(@records))
"""
"""A record that is gone belongs to the entity that it had last."""
_VERSIONS = "SELECT * FROM `{}` WHERE record_key IN UNNEST(@records)"
_TOOK_PART = """
SELECT DISTINCT interaction_id FROM `sales.participants`
WHERE participant_key IN UNNEST(@records) OR email IN UNNEST(@emails) OR phone IN UNNEST(@phones)
UNION DISTINCT
SELECT DISTINCT interaction_id FROM `sales.interactions`
WHERE EXISTS (SELECT 1 FROM UNNEST(person_keys) AS one WHERE one IN UNNEST(@records))
"""


class Subject(NamedTuple):
    """A person, as an erasure or an access request means them."""

    entities: tuple[str, ...]
    identifiers: Identifiers
    interactions: tuple[str, ...]
    shared: int
    """Addresses, numbers and names of theirs that others bear, too: these stay."""

    def marks(self, key: bytes, region: str) -> tuple[str, ...]:
        """What everything is held against from now on, in an order that is always the same."""
        known = self.identifiers
        kinds: tuple[tuple[Kind, Sequence[str]], ...] = (
            ("record", known.records),
            ("email", known.emails),
            ("phone", known.phones),
            ("name", known.names),
            ("interaction", self.interactions),
        )
        return tuple(
            sorted(
                {
                    mark
                    for kind, values in kinds
                    for value in values
                    for mark in marks_of(key, kind, value, region)
                }
            )
        )


def subject_of(
    client: bigquery.Client,
    *,
    address: str = "",
    number: str = "",
    named: Collection[str] = (),
    region: str = "US",
    dataset_prefix: str = "",
) -> Subject:
    """The person with an address, with a number, or with the records `named`.

    ConfigurationError where it is no address or number, belongs to several people, or the records
    are no person's. An address that nobody is known by may still stand in a text.
    """
    return _Search(client, region, dataset_prefix).subject(address, number, tuple(named))


class _Search(NamedTuple):
    client: bigquery.Client
    region: str
    prefix: str

    def subject(self, address: str, number: str, named: tuple[str, ...]) -> Subject:
        asked = self._asked(address, number)
        records = named or tuple(self._bearers(asked))
        placed = self._placed(records=records)
        if any(row["kind"] != "person" for row in placed):
            raise ConfigurationError("that is an account: name a person, or a record of theirs")
        entities = tuple(sorted({row["entity_id"] for row in placed}))
        if len(entities) > 1:
            raise ConfigurationError(
                f"{len(entities):,} people are known by that: {', '.join(entities[:5])}; name the "
                "one that is meant with --person"
            )
        ours = frozenset(records) | {
            row["record_key"] for row in self._placed(entities=entities) if entities
        }
        borne = self._borne(sorted(ours), asked)
        records_of_others = list(self._others(borne, ours))
        longer = _longer(borne, records_of_others)
        others = [msgspec.json.encode(record) for record in records_of_others]
        alone = Identifiers(
            emails=_alone(borne.emails, "emails", others, longer),
            phones=_alone(borne.phones, "phones", others),
            names=_alone(borne.names, "names", others),
            records=tuple(sorted(ours)),
            longer=longer,
        )
        lost = sum(map(len, borne[:3])) - sum(map(len, alone[:3]))
        if lost and not (alone.emails or alone.phones or alone.records):
            raise ConfigurationError("others bear that, too: name the person with --person")
        took_part = _took_part(self.client, alone, self.prefix)
        return Subject(entities, alone, tuple(took_part), lost)

    def _asked(self, address: str, number: str) -> Identifiers:
        if address:
            read = email.parse(address)
            if read is None:
                raise ConfigurationError("--email: that is no e-mail address")
            return Identifiers(emails=(read.address,))
        if number:
            dialled = phone.parse(number, self.region)
            if dialled is None:
                raise ConfigurationError(
                    "--phone: that is no phone number; write it with its country code, as +1…"
                )
            return Identifiers(phones=(dialled.e164,))
        return Identifiers()

    def _bearers(self, asked: Identifiers) -> Iterator[str]:
        """Records of people that bear an address or a number now; sightings among them."""
        wanted = {found.match_key for one in asked.emails if (found := email.parse(one))}
        for record in self._latest_like(asked):
            keys = {found.match_key for one in record.emails if (found := email.parse(one))}
            bears = keys & wanted or set(record.phones) & set(asked.phones)
            if bears and record.kind == "person" and not record.deleted:
                yield record.record_key

    def _latest_like(self, wanted: Identifiers) -> Iterator[IdentityRecord]:
        """The latest of all records in which any of these is written."""
        pattern = Traces(wanted._replace(records=())).sql_pattern
        if not pattern:
            return
        table = BY_ROW[StoredRecord]
        sql = f"SELECT * FROM ({latest_sql(table, f'`{table.id}`')}) "  # noqa: S608 (own names)
        sql += "WHERE REGEXP_CONTAINS(TO_JSON_STRING(record), @pattern)"
        parameter = bigquery.ScalarQueryParameter("pattern", "STRING", pattern)
        statement = qualified(sql, self.client.project, self.prefix)
        for row in select(self.client, StoredRecord, statement, [parameter]):
            yield from_stored(row)

    def _placed(
        self, entities: Iterable[str] = (), records: Iterable[str] = ()
    ) -> list[dict[str, Any]]:
        return self._ask(_LAST_ENTITY, entities=entities, records=records)

    def _borne(self, records: Sequence[str], asked: Identifiers) -> Identifiers:
        """What any version of these records was known by, with what was asked for."""
        emails, phones, names = set(asked.emails), set(asked.phones), set[str]()
        for stored in self._versions(StoredRecord, records):
            record = from_stored(stored)
            emails |= set(record.emails)
            phones |= set(record.phones)
            names |= {record.full_name, f"{record.given_name} {record.family_name}"}
        for person in self._versions(Person, records):
            emails |= set(person.emails)
            phones |= set(person.phones)
            names |= {person.full_name or "", f"{person.given_name} {person.family_name}"}
            if not (person.given_name and person.family_name):
                names.discard(f"{person.given_name} {person.family_name}")
        whole = {name.strip() for name in names if 2 <= len(name.split()) <= LONGEST_NAME_WORDS}
        return Identifiers(
            tuple(sorted(emails)), tuple(sorted(phones)), tuple(sorted(whole)), tuple(records)
        )

    def _others(self, borne: Identifiers, ours: Collection[str]) -> Iterator[IdentityRecord]:
        """Records of others in which something of the person's is written."""
        for record in self._latest_like(borne):
            if record.record_key not in ours and not record.deleted:
                yield record

    def _versions(self, row: type[Any], records: Sequence[str]) -> Iterator[Any]:
        sql = qualified(_VERSIONS.format(BY_ROW[row].id), self.client.project, self.prefix)
        yield from select(self.client, row, sql, [array("records", records)])

    def _ask(self, sql: str, **values: Iterable[str]) -> list[dict[str, Any]]:
        return _asked(self.client, sql, self.prefix, values)


def again(client: bigquery.Client, subject: Subject, dataset_prefix: str = "") -> Subject:
    """The same person with what they have taken part in meanwhile."""
    interactions = {*subject.interactions, *_took_part(client, subject.identifiers, dataset_prefix)}
    return subject._replace(interactions=tuple(sorted(interactions)))


def _took_part(client: bigquery.Client, known: Identifiers, prefix: str) -> list[str]:
    values = {"records": known.records, "emails": known.emails, "phones": known.phones}
    return sorted(row["interaction_id"] for row in _asked(client, _TOOK_PART, prefix, values))


def _asked(
    client: bigquery.Client, sql: str, prefix: str, values: Mapping[str, Iterable[str]]
) -> list[dict[str, Any]]:
    found = rows(
        client,
        qualified(sql, client.project, prefix),
        [array(name, value) for name, value in values.items()],
        timeout_s=TIMEOUT_S,
        maximum_bytes_billed=WHOLE_TABLES_BYTES,
    )
    return [dict(row.items()) for row in found]


def array(name: str, values: Iterable[str]) -> bigquery.ArrayQueryParameter:
    """A parameter for IN UNNEST."""
    return bigquery.ArrayQueryParameter(name, "STRING", list(values))


def _longer(borne: Identifiers, others: Iterable[IdentityRecord]) -> tuple[str, ...]:
    """Addresses of others in which one of the person's is written."""
    theirs = {found.match_key for one in borne.emails if (found := email.parse(one))}
    traces = Traces(Identifiers(emails=borne.emails))
    return tuple(
        sorted(
            {
                one
                for record in others
                for one in record.emails
                if (found := email.parse(one)) and found.match_key not in theirs
                if traces.find(one.encode(), "none")
            }
        )
    )


def _alone(
    values: Sequence[str], kind: str, others: Sequence[bytes], longer: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Those that are in nobody else's record."""
    find: Callable[[str], Traces] = lambda value: Traces(  # noqa: E731
        Identifiers(**{kind: (value,), "longer": longer})
    )
    return tuple(value for value in values if not any(map(find(value).find, others)))
