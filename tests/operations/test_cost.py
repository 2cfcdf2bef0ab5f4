"""The cost model: a price for everything, nothing cheaper for more, and its own worked example."""

import json
import math
import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from operations import cli
from operations.costs.model import MEASURED, Bill, bill, load_of, measured, price_list
from operations.costs.usage import EVERY_MINUTES, SECRETS, Load, Use, an_event, used
from schemas.errors import ConfigurationError
from schemas.topology import RETENTION_S

ROOT = Path(__file__).resolve().parent.parent.parent
WEIGHTS = measured()
PRICES = price_list().prices
MOST_EVENTS = 1e10

shares = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 1)).map(
    lambda three: tuple(one / sum(three) for one in three)
)
loads = st.builds(
    lambda events, mix, duplicates, months, questions: Load(
        events=events,
        mail_share=mix[0],
        call_share=mix[1],
        duplicates=duplicates,
        months=months,
        questions=questions,
    ),
    st.floats(0, MOST_EVENTS),
    shares,
    st.floats(0, 2),
    st.floats(0, 60),
    st.floats(0, 1e6),
)


def of(load: Load) -> Bill:
    return bill(load, WEIGHTS, PRICES)


def quantities(load: Load) -> list[float]:
    return [use.quantity for use in used(load, WEIGHTS)]


@given(loads, st.sampled_from(["events", "duplicates", "months", "questions", "workers"]))
def test_more_of_anything_is_never_cheaper(load: Load, name: str) -> None:
    more = msgspec.structs.replace(load, **{name: getattr(load, name) * 1.5 + 0.1})
    assert of(more).total >= of(load).total - 1e-6
    for before, after in zip(quantities(load), quantities(more), strict=True):
        assert after >= before * (1 - 1e-9)


@given(loads)
def test_all_but_the_workers_is_in_proportion_to_the_events_above_what_is_always_there(
    load: Load,
) -> None:
    def at(events: float) -> list[Use]:
        return used(msgspec.structs.replace(load, events=events), WEIGHTS)

    for idle, once, twice in zip(at(0), at(load.events), at(2 * load.events), strict=True):
        if "workers" not in once.what:
            grown = once.quantity - idle.quantity
            assert math.isclose(twice.quantity - idle.quantity, 2 * grown, abs_tol=1e-6)


@given(loads)
def test_a_month_without_events_costs_what_waits_and_nothing_else(load: Load) -> None:
    nothing = of(msgspec.structs.replace(load, events=0.0))
    assert nothing.total == nothing.idle > 0
    assert nothing.a_million is None
    free_of_events = {"Cloud Run", "Dataflow", "Load balancing", "Secret Manager", "Scheduler"}
    for item in nothing.items:
        assert item.usd == 0 or item.service in free_of_events, item
    everything = of(load)
    assert math.isclose(everything.total, sum(item.usd for item in everything.items))


def test_every_price_is_used_has_its_page_and_everything_used_has_a_price() -> None:
    load = load_of(None, None, events=1e6)
    assert {use.price for use in used(load, WEIGHTS)} == set(PRICES)
    for name, price in PRICES.items():
        assert price.page.startswith("https://cloud.google.com/"), name
        assert price.usd > 0 <= price.free


def test_what_is_free_each_month_is_given_once() -> None:
    load = load_of(None, None, events=1e7)
    found = of(load)
    paid = sum(i.usd for i in found.items if i.service == "BigQuery" and i.unit == "TiB")
    asked = sum(u.quantity for u in used(load, WEIGHTS) if u.price == "bigquery_query")
    price = PRICES["bigquery_query"]
    assert math.isclose(paid, (asked - price.free) * price.usd)


def test_a_kind_of_event_weighs_what_was_measured_of_it() -> None:
    only_mail = Load(events=1, mail_share=1, call_share=0)
    assert an_event(only_mail, WEIGHTS, "message") == WEIGHTS["mail_message_bytes"]
    assert tomllib.loads(MEASURED.read_text())["bytes"].keys() == WEIGHTS.keys()


@pytest.mark.parametrize(
    "wrong", [{"events": -1}, {"mail_share": 0.9, "call_share": 0.2}, {"months": math.nan}]
)
def test_a_load_that_no_month_could_have_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        load_of(**{"events": 1.0, "mail_share": None, "call_share": None, **wrong})


def cron_minutes(cron: str) -> float:
    minute, hour, *days = cron.split()
    assert days == ["*", "*", "*"]
    if minute.startswith("*/"):
        return float(minute[2:])
    return 1_440.0 if hour.isdigit() else 60.0


def test_schedules_secrets_and_days_are_those_of_the_deployment() -> None:
    text = (ROOT / "terraform" / "connectors.tf").read_text()
    polled = re.findall(r'(\w+) = "([*/\d ]+)"', text.split("polled = {")[1].split("}")[0])
    crons = {f"poll-{source}": cron for source, cron in polled}
    crons |= dict(re.findall(r'^ {6}(\w+) += \{ account.*cron = "([^"]+)"', text, re.MULTILINE))
    night = re.search(r'"nightly".*cron = "([^"]+)"', text)
    assert night
    crons |= {f"nightly-{source}": night[1] for source, _ in polled}
    found = {name: cron_minutes(cron) for name, cron in crons.items()}
    assert len(found) > 10
    assert found.items() <= EVERY_MINUTES.items()
    secrets = (ROOT / "terraform" / "secrets.tf").read_text()
    assert len(re.findall(r"\{ of = ", secrets)) == SECRETS
    assert RETENTION_S == 7 * 86_400


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["cost", *map(str, arguments)])


def test_the_command_shows_the_bill_and_of_which_day_its_prices_are() -> None:
    shown = call("--events", 1_000_000)
    assert shown.exit_code == 0
    assert "for each million events" in shown.stdout
    assert f"{price_list().as_of}" in shown.stdout
    told = json.loads(call("--events", 1_000_000, "--format", "json").stdout)
    assert math.isclose(told["total"], of(load_of(None, None, events=1e6)).total)
    assert call("--events", 1, "--format", "xml").exit_code == 2
    assert call("--events", -1).exit_code == 2


def test_the_worked_example_of_the_docs_is_what_the_model_says() -> None:
    page = (ROOT / "docs" / "capacity.md").read_text()
    example = page.split("<!-- example -->")[1]
    command = re.search(r"salesintel cost (.+)", example)
    assert command
    told = json.loads(call(*command[1].split(), "--format", "json").stdout)
    services: dict[str, float] = {}
    for item in told["items"]:
        services[item["service"]] = services.get(item["service"], 0.0) + item["usd"]
    table = dict(re.findall(r"^\| ([A-Z][\w/ ]+?) \| ([\d,.]+) \|", example, re.MULTILINE))
    assert table == {name: f"{usd:,.2f}" for name, usd in services.items()}
    for figure in ("total", "idle", "a_million"):
        assert f"{told[figure]:,.2f}" in example, figure


@pytest.mark.slow
@pytest.mark.exhaustive
def test_what_is_measured_is_what_the_benchmark_says() -> None:
    from benchmarks import bench_bytes

    found = bench_bytes.run(quick=True)
    for name, value in WEIGHTS.items():
        assert found[name] == pytest.approx(value, rel=0.25), name
