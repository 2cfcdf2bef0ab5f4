"""Whom an erasure or an access request is about, on the stack that runs."""

from pathlib import Path
from typing import NamedTuple

from google.cloud import bigquery

from embedded.directory import DataDirectory, Stack
from operations.audit import keyed
from operations.console import running
from operations.naming import named
from pipelines.checks import checked_settings
from schemas.errors import ConfigurationError
from transforms.erasure import Marks
from transforms.settings import Settings
from transforms.traces import Traces
from warehouse.clients import Endpoint
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
    """The running stack, and what it goes by."""

    directory: DataDirectory
    stack: Stack
    endpoint: Endpoint
    settings: Settings
    key: bytes

    @classmethod
    def of(cls, directory: DataDirectory) -> "Scene":
        """That of a directory; ConfigurationError where none runs."""
        stack, endpoint = running(directory)
        key = directory.make_redaction_key()
        settings = checked_settings(Path(stack.settings) if stack.settings else None, key)
        return cls(directory, stack, endpoint, settings, key)

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

    def person(self, subject: Subject) -> Person:
        """How they are found."""
        marks = Marks(self.marks(subject), self.key, self.settings.region)
        return Person(subject, Traces(subject.identifiers), marks)

    def marks(self, subject: Subject) -> tuple[str, ...]:
        """What everything is held against from an erasure on."""
        return subject.marks(self.key, self.settings.region)
