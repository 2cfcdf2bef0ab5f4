"""ops.audit: who asked for, looked at, changed, took out or erased what, and with which outcome."""

import hmac
import json
import os
import pwd
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.markup import escape

from operations.console import StackGone, errors
from schemas.clock import DAY_US, Clock, wall_clock
from schemas.errors import ConfigurationError, RetriableError, SalesIntelError
from schemas.operations import Audit
from schemas.tables import BY_ROW
from warehouse.clients import Endpoint, write_client
from warehouse.protobuf import encode
from warehouse.storage_write import Appender, Encoded

GIVE_UP_AFTER_S = 30.0
OPTIONAL_GIVE_UP_AFTER_S = 2.0
"""A question is not kept waiting for its note."""
HASH_CHARACTERS = 32


class Unaudited(RetriableError):
    """What must not go unseen cannot be noted: it is not done."""


class Deed:
    """What is being done; the command says what it was about and how many rows it gave."""

    def __init__(self) -> None:
        self.rows_given: int | None = None
        self.found: dict[str, Any] = {}
        """Parameters that are known only within; the row at the end has them, too."""


@contextmanager
def audited(
    endpoint: Endpoint,
    command: str,
    parameters: Mapping[str, Any],
    *,
    must: bool,
    by: str | None = None,
    clock: Clock = wall_clock,
) -> Iterator[Deed]:
    """Notes what is done within, with its outcome.

    `parameters` hold no address and no number of those whom we sell to: ids, or `keyed` hashes of
    them. What a question asks for (SQL, `--account`, `--search`) stands as it was typed, and so do
    colleagues, who ask or to whom something is granted; an erasure empties what names its person.
    `must`: a row is written before it begins, and Unaudited is raised where it cannot be;
    what erases, changes or takes out personal data is never done unseen. Else one row is written at
    the end, and a warning where that fails: a question is answered all the same.
    """
    begun = Audit(
        audit_id=uuid.uuid4().hex,
        command=command,
        actor=by or this_user(),
        parameters=_json(parameters),
        outcome="begun",
        started_at=(now := clock()),
        noted_at=now,
        noted_date=now // DAY_US,
    )
    deed = Deed()
    give_up = GIVE_UP_AFTER_S if must else OPTIONAL_GIVE_UP_AFTER_S
    if must:
        try:
            _write(endpoint, begun, give_up)
        except RetriableError as error:
            raise Unaudited(
                f"{command} is not done where it cannot be noted in ops.audit ({error}): see "
                "`salesintel status`"
            ) from error
    outcome, error_type = "succeeded", None
    try:
        yield deed
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        outcome, error_type = "stopped" if stopped else "failed", type(error).__name__
        if isinstance(error, StackGone) or (not must and isinstance(error, ConfigurationError)):
            # Nobody is there to take the row, or nothing was asked.
            outcome = ""
        raise
    finally:
        if outcome:
            # Newer than what it follows, also where a clock goes wrong.
            now = max(clock(), begun.noted_at + 1)
            ended = msgspec.structs.replace(
                begun,
                parameters=_json({**parameters, **deed.found}),
                outcome=outcome,
                error_type=error_type,
                rows_given=deed.rows_given,
                noted_at=now,
                noted_date=now // DAY_US,
            )
            try:
                _write(endpoint, ended, give_up)
            except SalesIntelError as error:
                # Also of who may not write there: it is done, and what it gave is seen.
                errors.print(
                    f"{command} is not noted in ops.audit: {escape(str(error))}", style="yellow"
                )


def this_user() -> str:
    """Who runs the process, by the account that the system gave it: LOGNAME says whatever its user
    likes."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # In a container, as a rule.
        return f"uid {os.getuid()}"


def keyed(value: str, key: bytes) -> str:
    """An address, a number or a name as ops.audit may hold it: only who has the key of the data
    directory (`redaction.key`) can tell whether it is that of somebody they know."""
    return hmac.digest(key, value.encode(), "sha256").hex()[:HASH_CHARACTERS]


def _json(parameters: Mapping[str, Any]) -> str:
    return json.dumps(dict(parameters), default=str)


def _write(endpoint: Endpoint, row: Audit, give_up_after_s: float) -> None:
    client = write_client(endpoint)
    appender = Appender(client, endpoint.project, "", give_up_after_s)
    try:
        appender.add(BY_ROW[Audit], Encoded(row, encode(row)))
        appender.send()
        appender.settle()
        refused = appender.take_refused()
    finally:
        appender.close()
        client.transport.close()
    if refused:
        raise RetriableError(f"the row was refused: {refused[0].error}")
