"""Whom an erasure or an access request is about, where a command works."""

from collections.abc import Iterable
from typing import NamedTuple

from google.cloud import bigquery

from connectors.secrets import SecretStore
from operations import config
from operations.audit import keyed
from operations.identity.naming import named
from operations.identity.settings_in_use import settings_in_use, settings_named
from operations.place import Place
from schemas.errors import ConfigurationError
from schemas.operations import Erasure
from transforms.erasure import Marks, mark_of_key
from transforms.searched import Searched
from transforms.settings import Settings
from warehouse.clients import Endpoint
from warehouse.erasures import marks_shared_with
from warehouse.subject import Subject, subject_of
from warehouse.traced import Person


class Asked(NamedTuple):
    """How the person is named: one of the three."""

    address: str = ""
    number: str = ""
    person: str = ""
    """An entity, or a record."""

    def audited(self, key: bytes) -> dict[str, str]:
        """As ops.audit may hold it, also when the person is erased: a record names them, an entity
        does not."""
        record = self.person if ":" in self.person else ""
        given = {"email": self.address, "phone": self.number, "record": record}
        hashes = {name: keyed(value, key) for name, value in given.items() if value}
        return {**hashes, **({"person": self.person} if self.person and not record else {})}


class Scene(NamedTuple):
    """A place, and what it goes by: the settings and the key of its pipeline."""

    place: Place
    endpoint: Endpoint
    settings: Settings
    settings_file: str
    """What the settings were read from; empty for the defaults."""
    key: bytes

    @classmethod
    def of(cls, place: Place) -> "Scene":
        """That of a place; ConfigurationError where nothing runs there, or nobody said what its
        pipeline goes by."""
        reached = place.reached()
        key = _key_of(place)
        with settings_in_use(place, key) as settings:
            return cls(place, reached.endpoint, settings, settings_named(place), key)

    def subject(self, client: bigquery.Client, asked: Asked) -> Subject:
        """Who is meant; ConfigurationError where that is nobody, or several."""
        if sum(map(bool, asked)) != 1:
            raise ConfigurationError("name the person by --email, --phone or --person, one of them")
        records: tuple[str, ...] = ()
        if asked.person:
            found = named(client, asked.person)
            if found.kind != "person":
                raise ConfigurationError(f"{found.name} is an account: name a person")
            records = found.records
        return subject_of(
            client,
            address=asked.address,
            number=asked.number,
            named=records,
            region=self.settings.region,
        )

    def person(self, subject: Subject, standing: Iterable[Erasure] = ()) -> Person:
        """How they are found: also by the marks of erasures of theirs that stand, for one that was
        broken off has left less to know them by."""
        own = frozenset(self.marks(subject))
        marks = own | marks_shared_with(subject.marks(self.key, self.settings.region), standing)
        known = Marks(marks, self.key, self.settings.region)
        return Person(subject, Searched(subject.identifiers), known, was_marked=marks != own)

    def marks(self, subject: Subject) -> tuple[str, ...]:
        """What everything is held against from an erasure on, and the key that it was made with."""
        return (mark_of_key(self.key), *subject.marks(self.key, self.settings.region))


def _key_of(place: Place) -> bytes:
    """The key of the pipeline: marks under another one would match nobody."""
    if place.directory is not None:
        return place.directory.make_redaction_key()
    reference = config.redaction_key()
    if not reference:
        raise ConfigurationError(
            f"{config.REDACTION_KEY_VARIABLE} is not set: in the cloud it names the secret with "
            "the key of the stream, as in projects/PROJECT/secrets/redaction-key/versions/latest"
        )
    secrets = SecretStore(place.opens_secrets, cloud=True)
    return secrets.get(reference).reveal_bytes()
