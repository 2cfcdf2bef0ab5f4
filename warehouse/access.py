"""Who may read what: grants in ops.readers, and what BigQuery has to be told to hold to them.

Reps and managers read views alone, which are authorised on the datasets they read. The view
sales.messages shows a text to those who were granted its mailbox; a row access policy on the tables
with the texts says the same to whoever can reach those.
https://cloud.google.com/bigquery/docs/authorized-views
https://cloud.google.com/bigquery/docs/row-level-security-intro
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from google.cloud import bigquery

from schemas.change import stable_hash
from schemas.errors import ConfigurationError
from schemas.operations import Reader
from schemas.tables import BY_ID
from transforms.identifiers import email
from warehouse.allowed import check_allowed
from warehouse.catalogue import views
from warehouse.latest import latest
from warehouse.statement import one_select

EVERY_MAILBOX = "*"
RESTRICTED = ("sales.bodies", "sales.transcripts")
MOST_POLICIES = 400
"""On one table. https://cloud.google.com/bigquery/quotas#row_access_policy_limits"""

_MEMBER = re.compile(r"(?:user|group|serviceAccount|domain):[A-Za-z0-9._%+@-]+\Z")


class Authorisation(NamedTuple):
    """A view that must be authorised on a dataset: its readers may not read that themselves."""

    view_id: str
    dataset: str


def authorisations() -> list[Authorisation]:
    """Every view for reps or managers, on every dataset whose tables stand behind it.

    An authorised view may read other views only with their datasets authorised too: those are here.
    """
    wanted = set()
    for view_id in seen():
        wanted |= {Authorisation(view_id, one.partition(".")[0]) for one in _behind(view_id)}
    return sorted(wanted)


def seen() -> tuple[str, ...]:
    """Views for reps or managers: all that these see."""
    return tuple(view.id for view in views().values() if set(view.metadata.readers) - {"operator"})


def check_seen(what: str, project: str, *, is_sql: bool) -> None:
    """ConfigurationError where a view, or RefusedQuery where a SELECT, reads anything that reps and
    managers do not see: a table has the texts of everybody."""
    if is_sql:
        check_allowed(one_select(what), project, seen())
    elif what not in seen():
        raise ConfigurationError(
            f"reps and managers do not see {what!r}; with --as there are: {', '.join(seen())}"
        )


def _behind(view_id: str) -> set[str]:
    """Ids of the tables and views that a view reads, directly or through others."""
    found: set[str] = set()
    waiting = [view_id]
    while waiting:
        for source in views()[waiting.pop()].sources - found:
            found.add(source)
            if source in views():
                waiting.append(source)
    return found


def granted(client: bigquery.Client, dataset_prefix: str = "") -> dict[str, tuple[str, ...]]:
    """Reader to the mailboxes that are granted now, * for all; none of whom all was taken back."""
    found: dict[str, list[str]] = {}
    for row in latest(client, Reader, dataset_prefix):
        mailboxes = found.setdefault(row.reader, [])
        if not row.revoked:
            mailboxes.append(row.mailbox)
    return {reader: tuple(sorted(found[reader])) for reader in sorted(found)}


def policies(
    grants: Mapping[str, Sequence[str]],
    project: str,
    administrators: Iterable[str],
    dataset_prefix: str = "",
) -> list[str]:
    """The row access policies of the tables with texts, a statement each; that of a reader who may
    see nothing there any more is dropped.

    `administrators` are members who see all rows (`serviceAccount:…` of the pipeline and of the
    jobs, `group:…` of those on call): with one policy on a table, nobody sees a row without one.
    ConfigurationError where a member is none, or where there are more than a table may have.
    """
    members = sorted(set(administrators))
    for member in members:
        if not _MEMBER.match(member):
            raise ConfigurationError(
                f"{member!r} is no member: write user:, group: or serviceAccount: and the address"
            )
    if not members:
        raise ConfigurationError("nobody would see all rows: name the accounts that write them")
    if len(grants) >= MOST_POLICIES:
        raise ConfigurationError(
            f"{len(grants):,} readers, and a table takes {MOST_POLICIES} policies: grant to fewer, "
            "and let the others read sales.messages"
        )
    statements = []
    for table_id in RESTRICTED:
        table = f"`{project}.{dataset_prefix}{table_id}`"
        statements.append(_policy("administrators", table, members, "TRUE"))
        for reader, mailboxes in grants.items():
            condition = _condition(table_id, mailboxes)
            name = f"reader_{stable_hash(reader)[:16]}"
            if condition:
                statements.append(_policy(name, table, [f"user:{reader}"], condition))
            else:
                statements.append(f"DROP ROW ACCESS POLICY IF EXISTS {name} ON {table}")
    return statements


def _condition(table_id: str, mailboxes: Sequence[str]) -> str:
    if EVERY_MAILBOX in mailboxes:
        return "TRUE"
    if not mailboxes or "mailbox" not in BY_ID[table_id].row.__struct_fields__:
        return ""
    return f"mailbox IN ({', '.join(map(_quoted, mailboxes))})"


def _policy(name: str, table: str, members: Sequence[str], condition: str) -> str:
    to = ", ".join(map(_quoted, members))
    head = f"CREATE OR REPLACE ROW ACCESS POLICY {name} ON {table}"
    return f"{head} GRANT TO ({to}) FILTER USING ({condition})"


def _quoted(text: str) -> str:
    """As a literal: canonical addresses and members hold neither quote nor backslash, or are not
    taken."""
    if not _LITERAL.match(text):
        raise ConfigurationError("an address with a quote or a backslash cannot be in a policy")
    return f"'{text}'"


_LITERAL = re.compile(r"[^'\\\n\r;]+\Z")


def reader_row(reader: str, mailbox: str, *, by: str, now: int, revoked: bool = False) -> Reader:
    """The row of a grant, or of taking one back; ConfigurationError names what is no address."""
    return Reader(
        reader=_address(reader),
        mailbox=mailbox if mailbox == EVERY_MAILBOX else _address(mailbox),
        granted_at=now,
        granted_by=by,
        revoked=revoked,
        written_at=now,
    )


def _address(written: str) -> str:
    found = email.parse(written)
    if found is None:
        raise ConfigurationError(f"{written!r} is no e-mail address: write one, as in ada@ours.com")
    return found.address.lower()
