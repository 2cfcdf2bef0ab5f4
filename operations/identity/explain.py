"""`salesintel explain`: why records are one person or account, as the engine weighs them, with
what is published beside it."""

from collections.abc import Iterator
from pathlib import Path

from google.cloud import bigquery

from operations.identity.known import Known, known, say
from operations.identity.noting import looking
from operations.place import Place, warehouse_at
from schemas.clock import rfc3339
from schemas.errors import ConfigurationError
from transforms.identity.weighed.explain import why
from warehouse.query import run_sql

MOST_SHOWN = 10
HELD = """
SELECT left_key, right_key, method, probability
FROM `identity.evidence_latest`
WHERE entity_id = @entity
ORDER BY probability DESC, left_key, right_key
"""
ASKED = """
SELECT IF(left_key = @record, right_key, left_key) AS other, why, probability
FROM `identity.candidates_latest`
WHERE left_key = @record OR right_key = @record
ORDER BY probability DESC, other
"""


def explain(place: Place, file: Path | None, name: str, model: str | None) -> None:
    """Says why of a record or an entity; ConfigurationError where there is none of that name."""
    with looking(place, file, "explain") as deed:
        asked = known(place, file, model)
        record_key = record_named(asked, name, file)
        deed.found = {**asked.audited, "entities": entities_of(asked, record_key)}
        deed.rows_given = len(weighed_as_one(asked, record_key))
        if record_key != name:
            say(f"{name} is an entity; of its records {record_key} names it")
        say(f"weighed with model {asked.model.version}")
        say(why(asked.resolver, record_key, asked.verdicts))
        if file is None:
            say(published(asked, record_key))
            link = asked.links.get(record_key)
            if link is not None:
                with warehouse_at(place) as client:
                    say("\n".join(pairs(client, link.entity_id or "", record_key)))


def record_named(asked: Known, name: str, file: Path | None = None) -> str:
    """The record of that name, or the record that names the entity: as weighed, as published, or
    one that another has since taken in."""
    resolver = asked.resolver
    components, keys = resolver.components, resolver.records.keys
    number = resolver.records.number(name)
    if number is not None and components.group(number):
        return name
    entity_id = resolver.aliases().get(name, name)
    for one in components.records():
        if components.entity_id(one) == entity_id:
            return keys[components.group(one)[0]]
    of_published = sorted(key for key, link in asked.links.items() if link.entity_id == name)
    for key in of_published:
        number = resolver.records.number(key)
        if number is not None and components.group(number):
            return key
    where = f"the column id of {file}" if file else "`salesintel query identity.links_latest`"
    raise ConfigurationError(
        f"{name}: there is no such record or entity; {where} shows which there are"
    )


def weighed_as_one(asked: Known, record_key: str) -> set[str]:
    """The records of the entity that a record belongs to, as weighed."""
    resolver = asked.resolver
    group = resolver.components.group(_number(asked, record_key))
    return {resolver.records.keys[one] for one in group}


def entities_of(asked: Known, record_key: str) -> list[str]:
    """The entity that a record belongs to as weighed, and as published where that is another."""
    link = asked.links.get(record_key)
    weighed = asked.resolver.components.entity_id(_number(asked, record_key))
    return sorted({one for one in (weighed, link.entity_id if link else None) if one})


def _number(asked: Known, record_key: str) -> int:
    number = asked.resolver.records.number(record_key)
    assert number is not None
    return number


def published(asked: Known, record_key: str) -> str:
    """The link that the running pipeline has written for a record, and where it differs."""
    link = asked.links.get(record_key)
    if link is None:
        return "published: nothing yet of this record"
    together = {key for key, one in asked.links.items() if one.entity_id == link.entity_id}
    lines = [
        f"published: {link.entity_id} by {link.method}, confidence {link.confidence:.4f}, "
        f"{len(together)} records, decided {rfc3339(link.resolved_at)}"
    ]
    weighed = weighed_as_one(asked, record_key)
    for what, keys in (
        ("weighed as one and not published so", weighed - together),
        ("published as one and not weighed so", together - weighed),
    ):
        if keys:
            more = f" and {len(keys) - MOST_SHOWN:,} more" if len(keys) > MOST_SHOWN else ""
            lines.append(f"  {what}: {', '.join(sorted(keys)[:MOST_SHOWN])}{more}")
    if weighed == together:
        lines.append("  the same records as weighed")
    return "\n".join(lines)


def pairs(client: bigquery.Client, entity_id: str, record_key: str) -> Iterator[str]:
    """The pairs that hold a published entity together, and whom the record may be besides."""
    held = run_sql(client, HELD, {"entity": entity_id}, limit=MOST_SHOWN)
    yield "held together by:" if held.rows else "held together by: nothing, it is alone"
    for row in held.rows:
        ends = f"{row['left_key']} – {row['right_key']}"
        yield f"  {ends} by {row['method']}, p {row['probability']:.4f}"
    if held.truncated:
        yield "  … and more: salesintel query identity.evidence_latest"
    for row in run_sql(client, ASKED, {"record": record_key}, limit=MOST_SHOWN).rows:
        yield f"  it may be {row['other']}, p {row['probability']:.4f} ({row['why']})"
