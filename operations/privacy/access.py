"""`salesintel grant` and `salesintel revoke`: who may read the texts of which mailbox."""

from operations.audit import audited, this_user
from operations.console import console
from operations.place import Place, warehouse_at
from operations.runs import noted_run
from schemas.clock import Clock, wall_clock
from warehouse.access import EVERY_MAILBOX, granted, reader_row


def set_access(
    place: Place,
    reader: str,
    mailboxes: tuple[str, ...],
    *,
    revoked: bool,
    by: str | None = None,
    clock: Clock = wall_clock,
) -> None:
    """Writes a row of ops.readers for each mailbox, and says what the reader may read now."""
    endpoint = place.reached().endpoint
    who, now = by or this_user(), clock()
    rows = [reader_row(reader, one, by=who, now=now, revoked=revoked) for one in mailboxes]
    command = "revoke" if revoked else "grant"
    asked = {"reader": rows[0].reader, "mailboxes": [row.mailbox for row in rows]}
    with (
        audited(endpoint, command, asked, must=True, by=who),
        noted_run(endpoint, command) as run,
    ):
        run.write(rows)
        run.changes = len(rows)
    with warehouse_at(place) as client:
        now_granted = granted(client).get(rows[0].reader, ())
    if EVERY_MAILBOX in now_granted:
        told = "the texts of all mailboxes, and of calls and notes"
    elif now_granted:
        told = f"the texts of {len(now_granted):,} mailboxes"
    else:
        told = "facts and subjects alone"
    where = "sales.messages and sales.communications"
    console.print(f"{rows[0].reader} reads {told} in {where}", highlight=False)
