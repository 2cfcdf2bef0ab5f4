"""Every benchmark runs, and measures what it says; what the figures are is not asked here."""

import importlib
import inspect
import json
import math
from pathlib import Path

import pytest

from benchmarks import bench_er, bench_identifiers, bench_normalise_mail, bench_views
from benchmarks.__main__ import main, names
from benchmarks.bench_stream import outgoing
from benchmarks.html_mails import SMALLEST, html_mail
from benchmarks.labelled import attacked, pairwise
from benchmarks.report import judged
from benchmarks.sales_rows import sales_rows
from benchmarks.stack import MB, BenchStack, Sample
from benchmarks.timing import forget
from embedded.directory import DataDirectory
from schemas.columns import Row
from schemas.flow import Received
from schemas.records import Body
from transforms.identifiers import email, phone
from transforms.normalise import normalise
from warehouse.catalogue import views

SLOW = ("image", "normalise_mail", "pollers", "pubsub", "shard", "sink", "webhooks")
LONG = ("bytes", "graph", "rebuild", "views")
"""Also when they are quick: a minute and more; what an event weighs is asked for seldom."""
CHEAP = ("er", "identifiers", "identity", "matching", "normalise_crm", "search", "weighing")
NOT_EVERYWHERE = {
    "real_mail_us",
    *(bar for bar in bench_er.BARS if bar.startswith(tuple(bench_er.F1))),
}
"""Needs data that is not part of the project."""


@pytest.mark.parametrize("name", names())
def test_a_benchmark_has_a_run_that_can_be_quick_and_bars(name: str) -> None:
    module = importlib.import_module(f"benchmarks.bench_{name}")
    assert inspect.signature(module.run).parameters["quick"].default is False
    assert module.BARS, "something has to be reached"
    for sign, bar in module.BARS.values():
        assert sign in (">=", "<=")
        assert math.isfinite(bar)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "name",
    [
        *CHEAP,
        *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW),
        *(pytest.param(name, marks=(pytest.mark.slow, pytest.mark.exhaustive)) for name in LONG),
    ],
)
def test_a_quick_run_gives_every_figure_that_has_a_bar(name: str) -> None:
    module = importlib.import_module(f"benchmarks.bench_{name}")
    figures = module.run(quick=True)
    assert set(module.BARS) - set(figures) <= NOT_EVERYWHERE
    assert all(math.isfinite(value) and value > 0 for value in figures.values()), figures


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.xdist_group("stack")
def test_a_quick_stream_accounts_for_every_message() -> None:
    module = importlib.import_module("benchmarks.bench_stream")
    figures = module.run(quick=True)
    assert set(module.BARS) <= set(figures)
    assert figures["latency_mails_count"] > 0
    assert figures["restarts_count"] == 0


def test_every_benchmark_is_run_by_a_test() -> None:
    assert sorted((*SLOW, *LONG, *CHEAP, "stream")) == names()


def test_figures_are_written_beside_their_bars_with_the_facts_of_the_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["identifiers", "--quick"], results=tmp_path)
    (path,) = tmp_path.iterdir()
    written = json.loads(path.read_text())
    assert written["quick"] is True
    assert {"processor", "cores", "python", "date", "commit"} <= set(written["machine"])
    bars = {line["figure"]: line for line in written["bars"]}
    assert set(bars) == set(bench_identifiers.BARS)
    assert bars["email_us"]["bar"] == "<= 3"
    assert bars["email_us"]["value"] == written["figures"]["identifiers"]["email_us"]
    assert "known_email_us" in written["figures"]["identifiers"]
    assert "quick: no figure to quote" in capsys.readouterr().out


def test_a_bar_holds_or_not_and_a_figure_that_is_missing_does_neither() -> None:
    bars = {"x": {"rate": (">=", 10.0), "us": ("<=", 3.0), "absent": ("<=", 1.0)}}
    lines = judged("x", {"x": {"rate": 10.0, "us": 3.1, "count": 7.0}}, bars)
    assert {line.figure: line.holds for line in lines} == {
        "rate": True,
        "us": False,
        "count": None,
        "absent": None,
    }
    assert [line.figure for line in lines if line.value is None] == ["absent"]


def test_a_benchmark_that_is_none_is_refused_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["speed"], results=tmp_path)
    assert "no benchmark 'speed'; there are: bytes, er, " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_identifiers_are_distinct_and_can_all_be_read() -> None:
    for values, parse in (
        (bench_identifiers.addresses(500, 90), email.parse),
        (bench_identifiers.international(500), phone.parse),
        (bench_identifiers.american(500), phone.parse),
    ):
        assert len(set(values)) == 500
        assert all(map(parse, values))


def test_html_mails_are_long_distinct_and_read_as_text() -> None:
    mails = [html_mail(number) for number in range(9)]
    assert len(set(mails)) == 9
    for raw in mails:
        assert len(raw) > SMALLEST
        change = bench_normalise_mail._change(raw)
        rows, _ = normalise(change, bench_normalise_mail.SETTINGS, bench_normalise_mail.START_US)
        assert rows[0].kind == "email"
        (body,) = (row.body for row in rows if isinstance(row, Body))
        assert len(body) > 1_000
        assert not {"<p", "<td", "<div"} & set(body.lower().split(">"))


def test_what_a_package_remembers_can_be_forgotten() -> None:
    phone.parse("+14155552671")
    assert phone.parse.cache_info().currsize
    forget("transforms.identifiers")
    assert not phone.parse.cache_info().currsize


def test_pairs_are_counted_on_the_closure_and_a_record_left_out_stands_alone() -> None:
    truth = {"a": "1", "b": "1", "c": "1", "d": "2", "e": "3"}
    assert pairwise(truth, dict(truth)) == (1.0, 1.0, 1.0)
    # One pair of three found, and one of two said is right.
    found = {"a": "x", "b": "x", "d": "y", "e": "y"}
    assert pairwise(truth, found) == pytest.approx((1 / 2, 1 / 3, 2 / 5))
    assert pairwise({"a": "1", "b": "2"}, {}) == (1.0, 1.0, 1.0)


def test_a_hub_attack_changes_mailbox_or_number_and_leaves_the_truth() -> None:
    rows = [{"id": str(n), "truth": str(n), "email": "", "phone": ""} for n in range(10_000)]
    changed = attacked(rows)
    assert [row["truth"] for row in changed] == [row["truth"] for row in rows]
    assert sum(1 for row in changed if row["email"]) == 3_000
    assert sum(1 for row in changed if row["phone"]) == 3_000
    assert not any(row["email"] and row["phone"] for row in changed)


def test_memory_that_grows_evenly_has_its_slope_and_the_peak_is_of_all_together(
    tmp_path: Path,
) -> None:
    stack = BenchStack(DataDirectory(tmp_path), 0)
    stack.samples = [
        Sample(float(second), {"pipeline": (100 + second // 30) * MB, "pubsub": 50 * MB})
        for second in range(0, 301, 30)
    ]
    assert stack.slope_mb_a_minute("pipeline", 0.0, 300.0) == pytest.approx(2.0)
    assert stack.slope_mb_a_minute("pubsub", 0.0, 300.0) == 0.0
    assert stack.peak() == 160 * MB
    assert stack.peak_of("pipeline") == 110 * MB


def test_a_record_is_looked_for_once_however_often_it_is_published() -> None:
    attributes = {"ce-source": "//salesintel/gmail", "ce-objectid": "a"}
    mail = Received(b"1", attributes, "m-1", 1)
    again = Received(b"2", attributes, "m-2", 2)
    call = Received(b"3", {"ce-source": "//salesintel/dialpad", "ce-objectid": "c"}, "m-3", 3)
    broken = Received(b"4", {"ce-source": "//salesintel/gmail"}, "m-4", 4)
    found = outgoing([mail, again, call, broken])
    assert sorted(one.topic for one in found) == ["changes-dialpad"] + ["changes-gmail"] * 3
    assert [one.mark for one in found if one.mark] == ["gmail:message:a"]


def test_the_rows_that_views_are_timed_over_are_the_same_for_one_seed_and_refer_to_each_other() -> (
    None
):
    def made(seed: int) -> dict[str, list[Row]]:
        found = sales_rows(bench_views.SMALL, 1_800_000_000_000_000, seed)
        return {type(rows[0]).__name__: rows for rows in found}

    rows = made(7)
    assert rows == made(7) != made(8)
    assert len({row.interaction_id for row in rows["Interaction"]}) == bench_views.SMALL[0]
    linked = {link.record_key for link in rows["Link"]}
    assert {row.record_key for row in (*rows["Person"], *rows["Account"])} <= linked
    changes = {row.change_id for row in rows["RawChange"]}
    assert {row.change_id for row in (*rows["Interaction"], *rows["Deal"])} <= changes
    assert {row.change_id for row in rows["Participant"]} <= changes


def test_a_view_is_said_to_read_the_columns_that_it_and_its_views_name() -> None:
    held = {"identity.links": {"record_key": 10, "revision": 5, "method": 100}}
    links = views()["identity.links_latest"]
    assert bench_views.read_bytes(links, held) == 115
    assert bench_views.read_bytes(views()["identity.resolved_keys"], held) == 15
