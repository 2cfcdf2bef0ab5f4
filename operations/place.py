"""Where a command works: on the stack of a data directory, or in the cloud, in the project that the
environment names.

A place says how to reach things. What opens a store is with the commands that need it, so that each
account of the cloud reaches only what it is granted.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from embedded.directory import DataDirectory
from operations import config
from operations.console import running, still_running
from schemas.errors import ConfigurationError

# The clients take longer to load than some commands take to run.
if TYPE_CHECKING:
    from google.cloud import bigquery, secretmanager

    from warehouse.clients import Endpoint

    OpensSecrets = Callable[[], secretmanager.SecretManagerServiceClient]


class Reached(NamedTuple):
    """What is reached now; another one after it was started again."""

    project: str
    endpoint: "Endpoint"
    stack: object = None
    """The stack that it is; None in the cloud, which is never started again."""
    settings: str = ""
    """The settings file that the stack runs with."""


class Place(Protocol):
    """Where a command works."""

    @property
    def cloud(self) -> bool:
        """Whether that is the cloud: secrets lie in Secret Manager alone there."""
        ...

    @property
    def directory(self) -> DataDirectory | None:
        """Where things lie on this machine; None in the cloud."""
        ...

    @property
    def opens_secrets(self) -> "OpensSecrets | None":
        """Secret Manager, where it is another than Google's."""
        ...

    def reached(self) -> Reached:
        """How it is reached now; the clients of this process are pointed at it. ConfigurationError
        where nothing runs there."""
        ...

    def still_there(self) -> None:
        """StackGone where what a command has begun on has ended."""
        ...

    def health(self) -> Mapping[str, Mapping[str, object]]:
        """What a supervisor sees of its processes; nothing where others watch over them."""
        ...

    def objects(self) -> str:
        """Where large payloads go: a folder, or gs://…; ConfigurationError where nobody said."""
        ...

    def cursors(self) -> str:
        """Where the cursors lie, likewise."""
        ...


class StackHere:
    """The stack of a data directory on this machine."""

    cloud = False
    opens_secrets = None

    def __init__(self, directory: DataDirectory) -> None:
        self.directory = directory

    def reached(self) -> Reached:
        """As Place."""
        stack, endpoint = running(self.directory)
        return Reached(stack.project, endpoint, stack, stack.settings)

    def still_there(self) -> None:
        """As Place."""
        still_running(self.directory)

    def health(self) -> Mapping[str, Mapping[str, object]]:
        """As Place."""
        return self.directory.read_health()

    def objects(self) -> str:
        """As Place."""
        return str(self.directory.objects)

    def cursors(self) -> str:
        """As Place."""
        return str(self.directory.path / config.CURSORS)


class Cloud:
    """A project of Google's. `endpoint` and `opens_secrets` are given where they are others than
    Google's own; of Pub/Sub and Cloud Storage their clients look for that themselves."""

    cloud = True
    directory = None

    def __init__(
        self,
        project: str,
        objects: str = "",
        cursors: str = "",
        *,
        endpoint: "Endpoint | None" = None,
        opens_secrets: "OpensSecrets | None" = None,
    ) -> None:
        self.project = project
        self.opens_secrets = opens_secrets
        self._objects, self._cursors, self._endpoint = objects, cursors, endpoint

    def reached(self) -> Reached:
        """As Place."""
        from warehouse.clients import Endpoint

        return Reached(self.project, self._endpoint or Endpoint(project=self.project))

    def still_there(self) -> None:
        """As Place. The cloud does not end while a command works."""

    def health(self) -> Mapping[str, Mapping[str, object]]:
        """As Place. Dataflow's alerts and those of Cloud Run say it."""
        return {}

    def objects(self) -> str:
        """As Place."""
        return _said(self._objects, config.OBJECTS_VARIABLE, "where large payloads go")

    def cursors(self) -> str:
        """As Place."""
        return _said(self._cursors, config.CURSORS_VARIABLE, "where the source's cursors lie")


def _said(value: str, variable: str, meaning: str) -> str:
    if not value:
        raise ConfigurationError(
            f"{variable} is not set: in the cloud it says {meaning}, as in gs://bucket; or name a "
            "stack on this machine with --data"
        )
    return value


def place_of(data: Path | None) -> Place:
    """The stack on the directory that was named; else the project of the environment; else the
    stack on the default directory."""
    project = config.cloud_project()
    if data is None and project is not None:
        return Cloud(project, config.objects_address(), config.cursors_address())
    return StackHere(DataDirectory(data or config.data_directory()))


def settings_at(settings: Path | None, place: Place) -> Path | None:
    """The settings file: what was named, or what is found beside us or in the directory."""
    return settings or config.settings_file(place.directory.path if place.directory else None)


@contextmanager
def warehouse_at(place: Place, reader: str | None = None) -> Iterator["bigquery.Client"]:
    """A client of a place's warehouse, which takes it for `reader` where one is named."""
    from msgspec.structs import replace

    from warehouse.clients import bigquery_client

    client = bigquery_client(replace(place.reached().endpoint, reader=reader))
    try:
        yield client
    finally:
        client.close()
