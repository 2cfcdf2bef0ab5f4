"""What stands in the tables, and the rows that bring them up to a new decision."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from schemas.columns import Row
from schemas.identity import Entity, EntityChange, Link
from transforms.identity.messages import PublishedEntity, PublishedLink


class Moment(NamedTuple):
    """When a decision was made and which it is."""

    revision: int
    now: int
    """Microseconds since the epoch."""


class Ledger:
    """Links and entities as they stand in the tables."""

    def __init__(self) -> None:
        self.links: dict[str, PublishedLink] = {}
        self.entities: dict[str, PublishedEntity] = {}

    def update(
        self,
        links: Mapping[str, PublishedLink | None],
        entities: Mapping[str, PublishedEntity | None],
        moment: Moment,
    ) -> list[Row]:
        """Takes in decisions (None: gone) and returns the rows of those that are news."""
        changed = {key: link for key, link in links.items() if link != self.links.get(key)}
        renewed = {key: view for key, view in entities.items() if view != self.entities.get(key)}
        if not changed and not renewed:
            return []
        origins, ways = self._moves(changed)
        firsts: dict[str, str] = {}
        for key, link in sorted(changed.items()):
            if link is not None:
                firsts.setdefault(link.entity_id, f"{key} {link.method}")
        rows: list[Row] = []
        rows += (self._link_row(key, link, moment) for key, link in sorted(changed.items()))
        for entity_id, view in sorted(renewed.items()):
            if view is None:
                rows += self._gone(entity_id, ways.get(entity_id, {}), links, moment)
                continue
            rows.append(_entity(view, moment))
            if entity_id not in self.entities:
                came_from = sorted(origins.get(entity_id, ()))
                why = firsts.get(entity_id, "")
                rows.append(_change(entity_id, view.kind, "created", came_from, why, moment))
        # Who lost members and lives on is told of in the feed alone.
        for entity_id, way in sorted(ways.items()):
            left = sorted(to for to in way if to)
            gone = entity_id in renewed and renewed[entity_id] is None
            if left and not gone and entity_id in self.entities:
                kind = self.entities[entity_id].kind
                rows.append(_change(entity_id, kind, "split", left, _reason(way, links), moment))
        self._take_in(changed, renewed)
        return rows

    def _moves(
        self, changed: Mapping[str, PublishedLink | None]
    ) -> tuple[dict[str, set[str]], dict[str, dict[str, list[str]]]]:
        """Entity -> entities its records came from; entity -> where its records went, and which."""
        origins: dict[str, set[str]] = {}
        ways: dict[str, dict[str, list[str]]] = {}
        for record_key, link in changed.items():
            before = self.links.get(record_key)
            if before is None or (link and link.entity_id == before.entity_id):
                continue
            to = link.entity_id if link else ""
            ways.setdefault(before.entity_id, {}).setdefault(to, []).append(record_key)
            if to:
                origins.setdefault(to, set()).add(before.entity_id)
        for way in ways.values():
            if len(way) > 1:
                way.pop("", None)
        return origins, ways

    def _gone(
        self,
        entity_id: str,
        way: Mapping[str, list[str]],
        links: Mapping[str, PublishedLink | None],
        moment: Moment,
    ) -> list[Row]:
        into = sorted(to for to in way if to)
        weight = Counter({to: len(way[to]) for to in into})
        successor = min(into, key=lambda to: (-weight[to], to)) if into else None
        what = "retired" if not into else "merged" if len(into) == 1 else "split"
        kind = self.entities[entity_id].kind
        return [
            _retired(entity_id, kind, successor, moment),
            _change(entity_id, kind, what, into, _reason(way, links), moment),
        ]

    def _link_row(self, record_key: str, link: PublishedLink | None, moment: Moment) -> Link:
        before = self.links.get(record_key)
        kind = link.kind if link else before.kind if before else "person"
        return Link(
            record_key=record_key,
            kind=kind,
            entity_id=link.entity_id if link else None,
            confidence=link.confidence if link else 0.0,
            method=link.method if link else "single",
            is_deleted=link is None,
            revision=moment.revision,
            resolved_at=moment.now,
        )

    def _take_in(
        self,
        links: Mapping[str, PublishedLink | None],
        entities: Mapping[str, PublishedEntity | None],
    ) -> None:
        for key, link in links.items():
            if link is None:
                self.links.pop(key, None)
            else:
                self.links[key] = link
        for entity_id, view in entities.items():
            if view is None:
                self.entities.pop(entity_id, None)
            else:
                self.entities[entity_id] = view


def _reason(way: Mapping[str, list[str]], links: Mapping[str, PublishedLink | None]) -> str:
    """The first record that moved, and what it is joined by now."""
    first = min((min(keys) for keys in way.values()), default="")
    link = links.get(first)
    return f"{first} {link.method if link else 'deleted'}".strip()


def _change(
    entity_id: str, kind: str, what: str, other_ids: list[str], reason: str, moment: Moment
) -> EntityChange:
    return EntityChange(
        entity_id=entity_id,
        kind=kind,
        what=what,
        other_ids=tuple(other_ids),
        reason=reason,
        revision=moment.revision,
        resolved_at=moment.now,
    )


def _entity(view: PublishedEntity, moment: Moment) -> Entity:
    return Entity(
        entity_id=view.entity_id,
        kind=view.kind,
        display_name=view.display_name,
        primary_email=view.primary_email,
        primary_domain=view.primary_domain,
        account_entity_id=view.account_entity_id,
        account_confidence=view.account_confidence,
        is_internal=view.is_internal,
        is_shared=view.is_shared,
        record_count=view.record_count,
        is_retired=False,
        successor_id=None,
        revision=moment.revision,
        resolved_at=moment.now,
    )


def _retired(entity_id: str, kind: str, successor: str | None, moment: Moment) -> Entity:
    """Nothing personal stays in the row of an entity that is gone."""
    return Entity(
        entity_id=entity_id,
        kind=kind,
        display_name=None,
        primary_email=None,
        primary_domain=None,
        account_entity_id=None,
        account_confidence=None,
        is_internal=False,
        is_shared=False,
        record_count=0,
        is_retired=True,
        successor_id=successor,
        revision=moment.revision,
        resolved_at=moment.now,
    )


def published_link(row: Link) -> PublishedLink | None:
    """What a row of identity.links says; None where the record is gone."""
    if row.is_deleted or row.entity_id is None:
        return None
    return PublishedLink(row.kind, row.entity_id, row.confidence, row.method)


def published_entity(row: Entity) -> PublishedEntity | None:
    """What a row of identity.entities says; None of a retired one."""
    if row.is_retired:
        return None
    return PublishedEntity(
        row.entity_id,
        row.kind,
        row.display_name,
        row.primary_email,
        row.primary_domain,
        row.account_entity_id,
        row.account_confidence,
        row.is_internal,
        row.is_shared,
        row.record_count,
    )
