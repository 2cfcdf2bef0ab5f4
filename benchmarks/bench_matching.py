"""Who is who in made-up companies, against their truth: the stream's layers, exact and weighed."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from connectors.bad_input import BadInput
from connectors.files import ImportOptions, plan, read
from sandbox.company import DEMO, SMALL, Scale, export, generate
from sandbox.company.world import AS_OF_US, Truth
from sandbox.evaluate import Sighting, match_rate, pairs
from schemas.change import Change
from schemas.clock import wall_clock
from schemas.identity import IdentityRecord
from transforms.identity.engine import Engine
from transforms.identity.weighed.choice import matching_of
from transforms.normalise import normalise
from transforms.settings import Settings, load_settings

COMPANIES = 20
MODELS = ("exact", "shipped")
LEAST = {"mail_rate": 0.99, "call_rate": 0.97, "pair_precision": 0.995}
BARS = {f"shipped_{name}_mean": (">=", bar) for name, bar in LEAST.items()}


def run(quick: bool = False) -> dict[str, float]:
    """Means, the worst company, and how many companies reach each bar alone."""
    found: dict[str, list[float]] = {}
    scale, seeds = (SMALL, range(7, 9)) if quick else (DEMO, range(1, COMPANIES + 1))
    for seed in seeds:
        truth, settings, records = company(seed, scale)
        for model in MODELS:
            for name, value in matched(truth, settings, records, model).items():
                found.setdefault(f"{model}_{name}", []).append(value)
    figures = {f"{name}_mean": sum(values) / len(values) for name, values in found.items()}
    for name, bar in LEAST.items():
        values = found[f"shipped_{name}"]
        figures[f"shipped_{name}_worst"] = min(values)
        figures[f"shipped_{name}_reached_share"] = sum(v >= bar for v in values) / len(values)
    return figures


def company(seed: int, scale: Scale) -> tuple[Truth, Settings, list[IdentityRecord]]:
    """A company's truth, settings and identity records, as its exports tell them."""
    with tempfile.TemporaryDirectory() as directory:
        made = generate(seed, scale)
        manifest = export(made, Path(directory) / "company")
        settings = load_settings(manifest.settings)
        options = ImportOptions(as_of=AS_OF_US)
        changes = read(plan(list(manifest.imports), options), options)
        return made.truth, settings, list(identities(changes, settings))


def identities(
    changes: Iterable[Change | BadInput], settings: Settings
) -> Iterator[IdentityRecord]:
    """What is resolved of each change that can be read."""
    for change in changes:
        if not isinstance(change, BadInput):
            yield from normalise(change, settings, AS_OF_US)[1]


def matched(
    truth: Truth, settings: Settings, records: list[IdentityRecord], model: str
) -> dict[str, float]:
    """Rates of one company under one model (see `salesintel match-report` for what they mean)."""
    chosen = Settings(
        own_domains=settings.own_domains, own_numbers=settings.own_numbers, identity_model=model
    )
    engine = Engine(chosen, wall_clock, matching_of(chosen))
    engine.add(records)
    links = {key: link.entity_id for key, link in engine.links().items()}
    accounts = {key: one.account_entity_id or "" for key, one in engine.entities().items()}
    mails = [Sighting(truth.records[k], k) for keys in truth.mails.values() for k in keys]
    calls = [Sighting(truth.records[k], k) for k in truth.calls.values()]
    mail = match_rate(mails, links, truth.records, truth.in_crm)
    call = match_rate(calls, links, truth.records, truth.in_crm, accounts)
    pair = pairs(links, {k: t for k, t in truth.records.items() if k in links})
    return {
        "mail_rate": mail.rate,
        "mail_precision": mail.precision,
        "call_rate": call.rate,
        "call_precision": call.precision,
        "pair_precision": pair.precision,
        "pair_recall": pair.recall,
    }
