"""`salesintel explain`: why records are one person or account, as the engine weighs them, with
what is published beside it."""

from pathlib import Path

from embedded.directory import DataDirectory
from operations.known import Known, known, say
from schemas.clock import rfc3339
from schemas.errors import ConfigurationError
from transforms.identity.weighed.explain import why

MOST_SHOWN = 10


def explain(directory: DataDirectory, file: Path | None, name: str, model: str | None) -> None:
    """Says why of a record or an entity; ConfigurationError where there is none of that name."""
    asked = known(directory, file, model)
    record_key = record_named(asked, name)
    if record_key != name:
        say(f"{name} is an entity; of its records {record_key} names it")
    say(f"weighed with model {asked.model.version}")
    say(why(asked.resolver, record_key, asked.verdicts))
    if file is None:
        say(published(asked, record_key))


def record_named(asked: Known, name: str) -> str:
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
    raise ConfigurationError(
        f"{name}: there is no such record or entity; `salesintel query identity.links_latest` "
        "shows which there are"
    )


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
    resolver = asked.resolver
    number = resolver.records.number(record_key)
    assert number is not None
    weighed = {resolver.records.keys[one] for one in resolver.components.group(number)}
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
