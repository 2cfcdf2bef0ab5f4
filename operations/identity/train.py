"""`salesintel train`: a new version of the model from the records at hand, and what it would
change. The model in use stays in use: to switch is a decision."""

from collections.abc import Mapping
from pathlib import Path

from rich.markup import escape

from operations.console import console, errors
from operations.identity.known import Known, known, resolved, rule, say
from operations.identity.noting import looking
from operations.place import Place
from schemas.errors import ConfigurationError
from transforms.identity.measures import Difference, difference
from transforms.identity.weighed.extraction import Extraction
from transforms.identity.weighed.fitting import FEWEST_MATCHES, fit
from transforms.identity.weighed.weights import Model, write_model

BYTES_A_RECORD = 10_000
"""Weighed under two models, with the features that one is fitted to: 8.1 KB of synthetic people."""
FEWEST_BEARERS = 10
"""A model stays where an erasure does not look, and its file lists values that are common: an
address or a number that fewer records have may be one person's own."""
MOST_EXAMPLES = 5
MOST_PARTS = 4


def train(place: Place, file: Path | None, model: str | None, out: Path) -> Difference:
    """Fits a model, keeps it in `out`, and says what it would change against `model`."""
    if out.exists():
        raise ConfigurationError(f"{out} is there already, and a model is never changed: name anew")
    if file is not None and model is None:
        model = "shipped"
    with looking(place, file, "train") as deed:
        asked = known(place, file, model, bytes_a_record=BYTES_A_RECORD)
        deed.found = asked.audited
        fitted = _fitted(asked)
        deed.found = {**asked.audited, "fitted": fitted.version}
        now, then = _entities(asked), _under(asked, fitted)
        found = difference(now, then)
        _show("split", found.split)
        _show("merged", found.merged)
        console.print(
            f"{len(now):,} records: {len(set(now.values())):,} entities under "
            f"{escape(asked.model.version)}, {len(set(then.values())):,} under "
            f"{escape(fitted.version)}; {len(found.split):,} would split, {len(found.merged):,} "
            f"would merge, {found.moved:,} records be with others than now",
            soft_wrap=True,
        )
        write_model(fitted, out)
    name, use = escape(str(out)), escape(_to_use(place, out))
    console.print(
        f"[green]{name}[/green] has the new model; nothing uses it yet. Look closer: salesintel "
        f"explain RECORD --model {name}; use it: {use}",
        soft_wrap=True,
    )
    return found


def _fitted(asked: Known) -> Model:
    with errors.status("fitting a model") as status:
        features = Extraction(asked.settings).all_features(asked.records)
        fitted = fit(features.items(), lambda text: status.update(text), FEWEST_BEARERS)
    _say_fitted(fitted)
    return fitted


def _to_use(place: Place, out: Path) -> str:
    if place.cloud:
        return (
            "copy it beside the settings in their bucket, write identity_model = "
            f'"{out.name}" into them, and release again'
        )
    return f'write identity_model = "{out.absolute()}" into the settings and start up again'


def _say_fitted(fitted: Model) -> None:
    for kind, weights in (("people", fitted.person), ("accounts", fitted.account)):
        if weights.pairs < FEWEST_MATCHES:
            console.print(f"[yellow]{kind}: too few records to learn from[/yellow], as shipped")
        else:
            console.print(f"{kind}: fitted to about {weights.pairs:,} matches")


def _entities(asked: Known) -> dict[str, str]:
    return {key: placed.entity_id for key, placed in asked.resolver.placed().items()}


def _under(asked: Known, fitted: Model) -> dict[str, str]:
    resolver = resolved(asked.every, fitted, asked.settings)
    rule(resolver, asked.overrides)
    return {key: placed.entity_id for key, placed in resolver.placed().items()}


def _show(what: str, found: Mapping[str, list[list[str]]]) -> None:
    """Examples, those of most records first."""
    ranked = sorted(found.items(), key=lambda one: (-sum(map(len, one[1])), one[0]))
    for entity_id, parts in ranked[:MOST_EXAMPLES]:
        shown = " | ".join(", ".join(part[:MOST_PARTS]) for part in parts[:MOST_PARTS])
        say(f"  would be {what}: {entity_id} ({len(parts)} parts): {shown}")
    if len(ranked) > MOST_EXAMPLES:
        console.print(f"  … and {len(ranked) - MOST_EXAMPLES:,} more")
