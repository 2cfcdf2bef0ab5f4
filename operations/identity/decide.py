"""`salesintel link` and `salesintel unlink`: what a person decides about two records or entities,
published, waited for, and shown with what it changed; on one machine or in the cloud."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Literal, NamedTuple

from google.cloud import bigquery

from connectors.publisher import ChangePublisher, publisher_client
from operations.audit import audited, this_user
from operations.console import console
from operations.identity.following import Followed, Links, until_followed
from operations.identity.known import say, standing
from operations.identity.naming import Named, links, named
from operations.identity.reading_whole import reading_whole
from operations.place import Place, warehouse_at
from operations.runs import noted_run
from schemas.clock import wall_clock
from schemas.decision import Decided, Verdict, encode
from schemas.errors import ConfigurationError
from schemas.identity import Override
from schemas.topology import DECISIONS_TOPIC
from warehouse.query import run_sql

MOST_PAIRS = 500
"""Of one command: whoever decides on more names records, not entities."""
MOST_SHOWN = 30
COMMANDS: dict[Literal["same", "different"], str] = {"same": "link", "different": "unlink"}

_CHANGES = """
SELECT what, entity_id, other_ids, revision
FROM `identity.changes`
WHERE revision >= @since AND (
  entity_id IN UNNEST(@entities)
  OR EXISTS (SELECT 1 FROM UNNEST(other_ids) AS other WHERE other IN UNNEST(@entities))
)
ORDER BY revision, what, entity_id
"""

Pair = tuple[str, str]
"""Two record keys, the smaller first."""


class Asked(NamedTuple):
    """What is to be decided: pairs, how each side was named, and the entities it is about."""

    pairs: tuple[Pair, ...]
    left: str
    right: str
    entities: frozenset[str]


def decide(
    place: Place,
    one: str,
    other: str,
    verdict: Literal["same", "different"],
    *,
    undo: bool = False,
    by: str | None = None,
) -> None:
    """Publishes what was decided and shows what it changed; ConfigurationError where the names do
    not say which records are meant, RetriableError where the decision is not written."""
    reached = place.reached()
    command = COMMANDS[verdict]
    with warehouse_at(place) as client:
        with reading_whole(place):
            stand = standing(client)
        asked = (
            _to_undo(client, stand, one, other, verdict)
            if undo
            else _to_decide(named(client, one), named(client, other), verdict)
        )
        decisions = _decisions(asked, "withdrawn" if undo else verdict, stand, by)
        before = links(client, asked.entities)
        detail = {"left": asked.left, "right": asked.right, "pairs": len(decisions), "undo": undo}
        with (
            audited(reached.endpoint, command, detail, must=True, by=by) as deed,
            noted_run(reached.endpoint, command, detail) as run,
        ):
            publisher = ChangePublisher(publisher_client(), reached.project)
            for decided in decisions:
                publisher.publish_message(DECISIONS_TOPIC, *encode(decided))
            run.changes = publisher.flush().messages
            with console.status("waiting for what follows …"):
                followed = until_followed(place, client, decisions, asked.entities, before)
            deed.rows_given = len(decisions)
        _show_done(asked, verdict, undo=undo)
        _show_changes(before, followed, undo=undo)
        entities = asked.entities | set(before.values()) | set(followed.links.values())
        _show_feed(client, followed.since, entities)
    if not followed.is_whole:
        say(f"  what is still on its way, within seconds: {_later(followed.since)}")


def _to_decide(left: Named, right: Named, verdict: Verdict) -> Asked:
    """An entity stands for all its records. That two are one is said of the first record of the
    left with every other; that they are not, of every record of the left with every one of the
    right."""
    if left.kind != right.kind:
        kinds = {left.kind: left.name, right.kind: right.name}
        raise ConfigurationError(f"{kinds['person']} is a person, {kinds['account']} an account")
    if left.name == right.name:
        raise ConfigurationError(f"{left.name} was named twice: name two records or entities")
    ours, theirs = list(left.records), list(right.records)
    if verdict == "same":
        found: Iterable[Pair] = ((ours[0], key) for key in (*ours[1:], *theirs) if key != ours[0])
    else:
        if set(theirs) < set(ours):
            ours = [key for key in ours if key not in theirs]
        elif set(ours) < set(theirs):
            theirs = [key for key in theirs if key not in ours]
        found = product(ours, theirs)
    pairs = tuple(dict.fromkeys((min(a, b), max(a, b)) for a, b in found))
    if not pairs:
        raise ConfigurationError(f"{left.name} and {right.name} are the same single record")
    if len(pairs) > MOST_PAIRS:
        raise ConfigurationError(
            f"that would be {len(pairs):,} decisions, {MOST_PAIRS} are the most: name records"
        )
    return Asked(pairs, left.name, right.name, frozenset((left.entity_id, right.entity_id)))


def _to_undo(
    client: bigquery.Client, stand: Sequence[Override], one: str, other: str, verdict: Verdict
) -> Asked:
    """The decisions that were made under these two names, or about these two records."""
    found = [
        decided
        for decided in stand
        if decided.verdict == verdict
        and {one, other}
        in ({decided.asked_left, decided.asked_right}, {decided.left_key, decided.right_key})
    ]
    if not found:
        raise ConfigurationError(
            f"no decision that {one} and {other} are {verdict} stands: those that do are in "
            "`salesintel query identity.overrides`, in its columns asked_left and asked_right"
        )
    pairs = tuple((decided.left_key, decided.right_key) for decided in found)
    records = {key for pair in pairs for key in pair}
    return Asked(pairs, one, other, frozenset(links(client, (), records).values()))


def _decisions(
    asked: Asked, verdict: Verdict, stand: Sequence[Override], by: str | None
) -> list[Decided]:
    """Newer than what stands, also where a clock goes wrong."""
    newest = {(one.left_key, one.right_key): one.decided_at for one in stand}
    now = wall_clock()
    return [
        Decided(
            left_key=left,
            right_key=right,
            verdict=verdict,
            decided_at=max(now, newest.get((left, right), 0) + 1),
            decided_by=by or this_user(),
            asked_left=asked.left,
            asked_right=asked.right,
        )
        for left, right in asked.pairs
    ]


def _show_done(asked: Asked, verdict: Literal["same", "different"], *, undo: bool) -> None:
    count = len(asked.pairs)
    pairs = f"{count:,} pairs of records are" if count > 1 else "two records are"
    pairs += " the same" if verdict == "same" else " different"
    command = f"salesintel {COMMANDS[verdict]} {asked.left} {asked.right}"
    if undo:
        say(f"taken back: that {pairs}; decide again: {command}")
    else:
        say(f"decided: {pairs}; take it back: {command} --undo")


def _show_changes(before: Links, followed: Followed, *, undo: bool) -> None:
    """Records by the entities that they went from and to."""
    moved: dict[tuple[str, str], list[str]] = {}
    after = followed.links
    for key in sorted(after):
        if before.get(key, after[key]) != after[key]:
            moved.setdefault((before[key], after[key]), []).append(key)
    if not followed.is_seen:
        say(
            "no record has changed its entity yet; where the evidence says the same, none will"
            if undo
            else "what was decided is not to be seen yet: the stream is late, or another decision "
            "holds against it"
        )
    elif not moved:
        say("no record has changed its entity; what was decided holds for what comes")
    for (was, now), keys in sorted(moved.items()):
        say(f"  {was} → {now}")
        for key in keys[:MOST_SHOWN]:
            say(f"    {key}")
        if len(keys) > MOST_SHOWN:
            say(f"    … and {len(keys) - MOST_SHOWN:,} more records")


def _show_feed(client: bigquery.Client, since: int, entities: Iterable[str]) -> None:
    asked: dict[str, int | list[str]] = {"since": since, "entities": sorted(entities)}
    for row in run_sql(client, _CHANGES, {**asked}).rows:
        others = f": {', '.join(row['other_ids'])}" if row["other_ids"] else ""
        say(f"  {row['what']} {row['entity_id']}{others}")


def _later(since: int) -> str:
    """A question to ask again, as a shell takes it."""
    sql = f"SELECT * FROM `identity.changes` WHERE revision >= {since}"  # noqa: S608 (shown, not run)
    return f"salesintel query '{sql}'"
