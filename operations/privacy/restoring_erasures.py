"""Who was erased after a snapshot was taken stays erased when it is brought back.

The rows of ops.erasures name nobody: keyed hashes, made with the key that the snapshot has, too.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from google.cloud import bigquery

from embedded.compacted_file import DATABASE
from embedded.directory import DataDirectory
from embedded.manifest import Manifest, file_sum
from embedded.supervisor import Supervisor
from embedded.warehouse import PROJECT
from operations import config
from operations.console import NO_ANSWER, warehouse_of
from operations.place import StackHere
from operations.privacy.erase import apply_standing
from schemas.clock import from_us
from schemas.columns import columns
from schemas.errors import ConfigurationError
from schemas.operations import Erasure
from schemas.tables import BY_ROW
from warehouse.latest import record, select, table_reference

HOW_TO_EXPORT = "salesintel query ops.erasures --format json --limit 1000000 > erasures.json"
KEY = "redaction.key"
_TABLE = BY_ROW[Erasure]
_ROWS = msgspec.json.Decoder(list[dict[str, Any]])
_LINES = msgspec.json.Decoder(dict[str, Any])


def known_to_file(path: Path, manifest: Manifest) -> list[Erasure]:
    """All erasures of a file; ConfigurationError where the snapshot knows newer ones: what came
    after it is not in the file either."""
    found = erasures_of_file(path)
    if _newest(found) < manifest.erased_until:
        raise ConfigurationError(
            f"{path} is older than the snapshot, which knows of erasures until "
            f"{from_us(manifest.erased_until):%Y-%m-%d %H:%M:%S} UTC: name a newer one, made by "
            f"`{HOW_TO_EXPORT}`"
        )
    return found


def known_in(target: Path, manifest: Manifest) -> list[Erasure] | None:
    """Erasures that the directory knows of which is to be replaced, or was the snapshot's source;
    None where neither can say.

    One with another key is another system, if only one that was begun anew under the same name: its
    marks match nobody here, and that it has none tells nothing. Nor does one that knows less than
    the snapshot itself.
    """
    found: list[Erasure] | None = None
    for path in dict.fromkeys((target.resolve(), Path(manifest.source))):
        if DataDirectory(path).is_one() and _has_key_of(path, manifest):
            there = erasures_of_directory(path)
            if there is not None and _newest(there) >= manifest.erased_until:
                found = [*(found or ()), *there]
    return found


def _has_key_of(path: Path, manifest: Manifest) -> bool:
    kept, key = manifest.files.get(KEY), DataDirectory(path).redaction_key
    try:
        return kept is not None and file_sum(key) == kept
    except OSError:
        return False


def _newest(erasures: list[Erasure]) -> int:
    return max((one.asked_at for one in erasures), default=0)


def erasures_of_file(path: Path) -> list[Erasure]:
    """Rows of ops.erasures as `query` writes them: a JSON list, or an object a line."""
    try:
        text = path.read_bytes().strip()
        if not text:
            raise ConfigurationError(
                f"{path} is empty: whatever wrote it has failed. Without erasures it would be []; "
                f"make it with `{HOW_TO_EXPORT}`"
            )
        rows = _ROWS.decode(text) if text.startswith(b"[") else _LINES.decode_lines(text)
        return [record(Erasure, _with_times(row)) for row in rows]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{path} holds no rows of ops.erasures ({type(error).__name__}): make it with "
            f"`{HOW_TO_EXPORT}`"
        ) from None


def _with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    times = {column.name for column in columns(Erasure) if column.kind == "TIMESTAMP"}
    return {
        name: datetime.fromisoformat(value) if name in times else value
        for name, value in row.items()
    }


def erasures_of_directory(path: Path) -> list[Erasure] | None:
    """All that the stack on a directory knows of erasures, whether it runs or not; None where that
    cannot be read."""
    directory = DataDirectory(path)
    try:
        with warehouse_of(directory) as client:
            return list(_all(client))
    except ConfigurationError:
        return _of_stopped(directory.warehouse / DATABASE)
    except NO_ANSWER:
        return None


def _all(client: bigquery.Client) -> list[Erasure]:
    return list(select(client, Erasure, f"SELECT * FROM {table_reference(client, _TABLE)}"))  # noqa: S608


def _of_stopped(database: Path) -> list[Erasure] | None:
    # It may be what the restore is for: broken in any way.
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            found = connection.execute(
                f'SELECT * FROM "{PROJECT}__{_TABLE.dataset}"."{_TABLE.name}"'  # noqa: S608
            )
            names = [column[0] for column in found.description or ()]
            return [record(Erasure, dict(zip(names, row, strict=True))) for row in found.fetchall()]
    except (duckdb.Error, OSError):
        return None


def unknown_to(client: bigquery.Client, erasures: list[Erasure]) -> list[Erasure]:
    """Those whose rows the warehouse does not have."""
    there = {(one.erasure_id, one.part, one.asked_at) for one in _all(client)}
    return [one for one in erasures if (one.erasure_id, one.part, one.asked_at) not in there]


def apply_erasures(directory: DataDirectory) -> bool:
    """Takes out of a directory's tables and files whoever its ops.erasures says is forgotten;
    whether nothing of them is left.

    The whole stack runs meanwhile, as `erase` needs it: here, where its children can be started
    again, while another thread asks for it.
    """
    supervisor = Supervisor(directory, config.settings_file(directory.path))
    try:
        supervisor.start()
        with ThreadPoolExecutor(1, thread_name_prefix="erasures") as pool:
            erased = pool.submit(apply_standing, StackHere(directory))
            erased.add_done_callback(lambda _: supervisor.ask_to_stop())
            supervisor.run()
            return erased.result()
    finally:
        supervisor.stop()
