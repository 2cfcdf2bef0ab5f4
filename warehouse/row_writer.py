"""Rows written and waited for, with what is refused led off as dead letters."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from schemas.change import stable_hash
from schemas.clock import DAY_US, Clock, wall_clock
from schemas.columns import Row
from schemas.envelope import encode as envelope
from schemas.envelope import topic_of
from schemas.errors import RetriableError
from schemas.operations import DeadLetter
from schemas.records import RawChange
from schemas.tables import BY_ROW
from transforms.accept import change_of
from transforms.dead_letters import MAX_PAYLOAD_BYTES, Store
from transforms.erasure import Marks
from transforms.forget import Known, OpenKnown, forget_rows, nobody
from warehouse.row_sink import OpenSink, RowSink
from warehouse.settling import in_time
from warehouse.storage_write import RefusedRow


class Written(NamedTuple):
    """How many rows their tables have taken, and how many became dead letters."""

    rows: int
    refused: int


class RowWriter:
    """Writes into a sink that it opens when it first needs one.

    A refused row becomes a dead letter beside the others, its payload in `store` where no row can
    hold it. A dead letter that is refused, or a warehouse that does not answer: RetriableError.
    Those whom `open_known` names are forgotten here, whichever way their rows came. What has waited
    for too long is stamped anew (warehouse/settling.py).
    """

    def __init__(
        self,
        open_sink: OpenSink,
        job_name: str,
        pipeline_version: int,
        clock: Clock = wall_clock,
        store: Store | None = None,
        open_known: OpenKnown = nobody,
    ) -> None:
        self._open_sink = open_sink
        self._open_known = open_known
        self._known: Known | None = None
        self._held_against: Marks | None = None
        self._is_mixed = False
        self._store = store
        self._job_name = job_name
        self._version = pipeline_version
        self._clock = clock
        self._sink: RowSink | None = None
        self._rows = 0

    def start(self) -> None:
        """Forgets what was taken and not finished: it will come again."""
        if self._sink is None:
            self._sink = self._open_sink()
            self._known = self._open_known()
        self._sink.discard()
        self._rows = 0
        self._held_against, self._is_mixed = None, False

    def write(self, rows: Iterable[Row]) -> None:
        """Takes rows of whole changes."""
        assert self._sink is not None and self._known is not None
        marks = self._known()
        self._is_mixed = self._marks_changed(marks)
        self._held_against = marks
        left = in_time(forget_rows(tuple(rows), marks), self._clock())
        self._sink.write(left)
        self._rows += len(left)

    def settle(self) -> list[RefusedRow]:
        """Waits for every acknowledgement; what was refused, for who makes no dead letter of it."""
        assert self._sink is not None
        return self._sink.flush()

    def finish(self) -> Written:
        """Waits for every acknowledgement; what was refused becomes dead letters.

        RetriableError where somebody was forgotten since the rows were taken: they come again, and
        are held against these marks together. A letter has one row of a change, which need not say
        by itself whose it is.
        """
        refused = self.settle()
        if refused:
            assert self._sink is not None
            now = self._clock()
            letters = []
            for one in refused:
                # To store a payload may take a minute.
                self._refuse_new_marks(refused)
                letters.append(refused_letter(one, now, self._job_name, self._version, self._store))
            self._refuse_new_marks(refused)
            self._sink.write(letters)
            again = self._sink.flush()
            if again:
                raise RetriableError(f"a dead letter was refused: {again[0].error}")
        return Written(self._rows - len(refused), len(refused))

    def _marks_changed(self, marks: Marks) -> bool:
        """Whether rows since `start` were held against others than these."""
        return self._is_mixed or self._held_against not in (None, marks)

    def _refuse_new_marks(self, refused: Sequence[RefusedRow]) -> None:
        assert self._known is not None
        if self._marks_changed(self._known()):
            raise RetriableError(
                f"{len(refused)} rows were refused while somebody was erased: they come again and "
                "are held against the new marks"
            )

    def close(self) -> None:
        """Ends the connection."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None


def refused_letter(
    refused: RefusedRow,
    now: int,
    job_name: str,
    pipeline_version: int,
    store: Store | None = None,
) -> DeadLetter:
    """The dead letter of a row that its table refused.

    Of a raw change it is the original message, which a replay can publish again; of any other row
    the row itself as JSON.
    """
    row, table = refused.row, BY_ROW[type(refused.row)]
    payload, topic, uri = _as_json(row), None, None
    attributes: dict[str, str] = {}
    if isinstance(row, RawChange):
        change = change_of(row)
        payload, attributes = envelope(change)
        topic = topic_of(change.source)
    identity = getattr(row, "change_id", None) or stable_hash(payload)
    dead_letter_id = stable_hash(table.id, identity, payload)
    if len(payload) > MAX_PAYLOAD_BYTES and store is not None:
        uri, payload = store(f"dead-letters/{dead_letter_id}", payload), b""
    return DeadLetter(
        dead_letter_id=dead_letter_id,
        failed_at=now,
        failed_date=now // DAY_US,
        stage="write",
        error_type="RefusedRow",
        error_message=f"{table.id}: {refused.error}"[:1_000],
        source=getattr(row, "source", None),
        object_type=getattr(row, "object_type", None),
        object_id=getattr(row, "object_id", None),
        change_id=getattr(row, "change_id", None),
        message_id=getattr(row, "message_id", None),
        publish_time=getattr(row, "publish_time", None),
        attempt=getattr(row, "attempt", 1),
        retriable=True,
        pipeline_version=pipeline_version,
        job_name=job_name,
        topic=topic,
        attributes=json.dumps(attributes, ensure_ascii=False),
        payload=payload,
        payload_uri=uri,
        table_id=table.id,
    )


def _as_json(row: Row) -> bytes:
    try:
        return msgspec.json.encode(row)
    except UnicodeEncodeError:
        # Lone surrogates can be escaped, and so kept.
        return json.dumps(msgspec.to_builtins(row)).encode()
