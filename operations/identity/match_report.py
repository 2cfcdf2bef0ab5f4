"""`salesintel match-report`: how much was matched and how far it can be trusted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec
from rich.console import Console

from operations.identity.known import Known, known
from operations.identity.noting import looking
from operations.identity.record_files import read_rows
from operations.identity.sightings import sighted
from operations.place import Place, warehouse_at
from schemas.errors import ConfigurationError
from transforms.identity.measures import Score, calibration, pairwise, reviewed
from transforms.identity.weighed.confidence import confidence
from warehouse.query import QueryResult
from warehouse.render import write_table

MOST_SHOWN = 10
FORMATS = ("table", "json")

Truth = Mapping[str, str]
"""record_key to whom it truly is."""


class Section(NamedTuple):
    """Rows under a heading."""

    title: str
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]


def match_report(
    place: Place,
    file: Path | None,
    model: str | None,
    truth: Path | None,
    output: str,
    stream: TextIO,
) -> None:
    """Writes the report; `truth` is a CSV of id and truth, of a file of records the file itself."""
    if output not in FORMATS:
        raise ConfigurationError(f"--format {output!r}: choose one of {', '.join(FORMATS)}")
    told = read_truth(truth) if truth else {}
    if file is not None and not truth:
        told = read_truth(file, required=False)
    with looking(place, file, "match-report") as deed:
        asked = known(place, file, model)
        deed.found = asked.audited
        sections = [Section("rates", RATES, rates(asked, told))]
        if file is None:
            with warehouse_at(place) as client:
                sections[0].rows[:0] = list(sighted(client, asked, told))
        sections += [
            Section("calibration", CALIBRATION, list(calibrated(asked, told))),
            Section("largest components", COMPONENTS, list(largest(asked))),
            Section("hot keys", ("key", "records"), list(hot_keys(asked))),
        ]
        deed.rows_given = sum(len(section.rows) for section in sections)
        _write(sections, output, stream)


def _write(sections: Sequence[Section], output: str, stream: TextIO) -> None:
    if output == "json":
        shown = {section.title: section.rows for section in sections}
        stream.write(msgspec.json.format(msgspec.json.encode(shown).decode(), indent=2) + "\n")
        return
    console = Console(file=stream)
    for section in sections:
        console.rule(section.title, align="left")
        if section.rows:
            found = QueryResult(columns=section.columns, rows=section.rows, truncated=False)
            write_table(found, stream)
        else:
            console.print("none")


def read_truth(path: Path, *, required: bool = True) -> dict[str, str]:
    """Of a CSV with the columns id and truth, id to truth; rows without a truth are left out."""
    told = {}
    for _, row in read_rows(path, ("id", "truth") if required else ("id",)):
        if isinstance(row, dict) and row["id"] and row.get("truth"):
            told[row["id"].strip()] = row["truth"]
    return told


RATES = ("what", "matched", "of", "rate", "precision", "known_by", "of_known")
CALIBRATION = ("p_from", "pairs", "promised", "held", "known")
COMPONENTS = ("records", "entities", "largest_entity", "record")


def rates(asked: Known, truth: Truth) -> list[dict[str, Any]]:
    """Pairs of records that were put together, as far as anybody knows better: the truth, people's
    decisions, and what the engine promises."""
    found = {key: placed.entity_id for key, placed in asked.resolver.placed().items()}
    rows = []
    if truth:
        score = pairwise({key: true for key, true in truth.items() if key in found}, found)
        rows.append(
            _rate("pairs of records", score.right, score.right + score.missed, score, "truth")
        )
    if asked.verdicts:
        score = reviewed(asked.verdicts, asked.alone)
        true = score.right + score.missed
        rows.append(_rate("pairs decided on", score.right, true, score, "review"))
    together = [
        placed.confidence
        for key, placed in asked.resolver.placed().items()
        if _has_others(asked, key)
    ]
    rows.append(
        {
            "what": "records with others",
            "matched": len(together),
            "of": len(found),
            "rate": round(len(together) / max(len(found), 1), 4),
            "precision": round(sum(together) / len(together), 4) if together else None,
            "known_by": "promise",
            "of_known": len(together),
        }
    )
    return rows


def _rate(what: str, matched: int, of: int, score: Score, by: str) -> dict[str, Any]:
    return {
        "what": what,
        "matched": matched,
        "of": of,
        "rate": None if score.recall is None else round(score.recall, 4),
        "precision": None if score.precision is None else round(score.precision, 4),
        "known_by": by,
        "of_known": score.right + score.wrong,
    }


def _has_others(asked: Known, record_key: str) -> bool:
    number = asked.resolver.records.number(record_key)
    return number is not None and len(asked.resolver.components.group(number)) > 1


def calibrated(asked: Known, truth: Truth) -> Iterator[dict[str, Any]]:
    """Pairs by their probability: what they promise, and what came of it where that is known."""
    for bucket in calibration(_pairs(asked, truth)):
        yield {
            "p_from": bucket.low,
            "pairs": bucket.pairs,
            "promised": round(bucket.promised, 4),
            "held": None if bucket.held is None else round(bucket.held, 4),
            "known": bucket.known,
        }


def _pairs(asked: Known, truth: Truth) -> Iterator[tuple[float, bool | None]]:
    components, keys = asked.resolver.components, asked.resolver.records.keys
    for number, other, bits in asked.resolver.pairs():
        features = components.live(number)
        assert features is not None
        left, right = sorted((keys[number], keys[other]))
        yield confidence(bits, features.kind), _is_right(asked, truth, left, right)


def _is_right(asked: Known, truth: Truth, left: str, right: str) -> bool | None:
    if left in truth and right in truth:
        return truth[left] == truth[right]
    verdict = asked.verdicts.get((left, right))
    return None if verdict is None else verdict == "same"


def largest(asked: Known) -> Iterator[dict[str, Any]]:
    """Records that evidence connects, and into how many entities they fall: where many do, a name
    or number is shared that ought to say less."""
    components, keys = asked.resolver.components, asked.resolver.records.keys
    seen: set[int] = set()
    found = []
    for start in components.records():
        if start in seen:
            continue
        seen.add(start)
        connected = [start]
        for one in connected:
            for other in components.neighbours(one):
                if other not in seen:
                    seen.add(other)
                    connected.append(other)
        if len(connected) > 1:
            found.append(connected)
    found.sort(key=lambda one: (-len(one), min(keys[number] for number in one)))
    for connected in found[:MOST_SHOWN]:
        entities = Counter(components.entity_id(number) for number in connected)
        yield {
            "records": len(connected),
            "entities": len(entities),
            "largest_entity": max(entities.values()),
            "record": min(keys[number] for number in connected),
        }


def hot_keys(asked: Known) -> Iterator[dict[str, Any]]:
    """Keys that too many records share to say anything, and how many do."""
    counts = asked.resolver.blocks.hot_keys()
    for key, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST_SHOWN]:
        yield {"key": key, "records": count}
