"""The weighing engine on labelled sets, how it holds up at a million records, and its peers.

`SALESINTEL_ER_DATA` names the sets (see labelled.py), `SALESINTEL_ER_RECORDS` how many records the
engine is grown to, `SALESINTEL_ER_PYTHON` an interpreter that has the peers (requirements-er.txt).
What is not here is said and left out.
"""

import csv
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console

from benchmarks.bench_weighing import resident, rows
from benchmarks.labelled import DIRECTORY, Rows, attacked, files, pairwise, read
from benchmarks.timing import forget
from transforms.identity.weighed.extraction import Extraction
from transforms.identity.weighed.fitting import fit
from transforms.identity.weighed.resolver import Resolver
from transforms.identity.weighed.rows import record_of

PEERS = Path(__file__).with_name("er_peers.py")
RECORDS = 100_000
"""Without a word on how many."""
ATTACKED = "dq_t3"
PATIENCE_S = 3_600
"""By the clock, for one peer on one set; of processor time it ends itself long before."""
PEER_NAMES = ("exact", "splink", "recordlinkage", "goldenmatch", "dedupe")
MILLION = 1_000_000

F1 = {
    **dict.fromkeys(("dq_t1", "dq_t2", "dq_t3", "febrl3", "febrl4"), 0.999),
    **{"fake_1000": 0.95, "early_childhood": 0.92, "restaurants": 0.945, "hub_attack": 0.98},
}
TIMED = ("febrl4", "dq_t3")
BARS = {
    **{f"{name}_pair_f1": (">=", bar) for name, bar in F1.items()},
    **{f"{name}_events_per_s": (">=", 10_000.0) for name in TIMED},
    **{f"{name}_p50_us": ("<=", 60.0) for name in TIMED},
    **{f"{name}_p99_us": ("<=", 1_000.0) for name in TIMED},
    "kept_bytes_per_record": ("<=", 3_000.0),
    "last_tenth_of_first": (">=", 0.75),
    "rebuild_s_per_million": ("<=", 60.0),
}

console = Console(stderr=True)


def run(quick: bool = False) -> dict[str, float]:
    """Processor time alone counts, of ours of one thread."""
    figures: dict[str, float] = {}
    found = files()
    if not found:
        console.print(f"[yellow]no labelled sets: {DIRECTORY} names no directory of them[/yellow]")
    for name, path in found.items():
        figures |= on_labelled(name, read(path), quick)
        if name == ATTACKED:
            figures |= on_labelled("hub_attack", attacked(read(path)), quick)
    count = 2_000 if quick else int(os.environ.get("SALESINTEL_ER_RECORDS", RECORDS))
    if count != MILLION:
        console.print(f"[yellow]grown to {count:,} records, not to a million[/yellow]")
    # Apart: memory that this process has had and given back would not be counted again.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        figures |= apart.submit(grown, count).result()
    with tempfile.TemporaryDirectory() as directory:
        return figures | against_peers(with_attack(found, Path(directory)), quick)


def on_labelled(name: str, labelled: Rows, quick: bool) -> dict[str, float]:
    """How right, and how fast, event by event from the row on; the better of two passes."""
    known = Extraction().all_features(record_of(row, at) for at, row in enumerate(labelled))
    begun = time.thread_time()
    model = fit(known.items())
    fitted = time.thread_time() - begun
    best: list[float] = []
    for _ in range(1 if quick else 2):
        forget("transforms")
        resolver = Resolver(model)
        took = timed(resolver, labelled)
        best = took if not best or sum(took) < sum(best) else best
    placed = resolver.placed()
    precision, recall, f1 = pairwise(
        {row["id"]: row["truth"] for row in labelled},
        {key: found.entity_id for key, found in placed.items()},
    )
    return {
        f"{name}_pair_precision": precision,
        f"{name}_pair_recall": recall,
        f"{name}_pair_f1": f1,
        f"{name}_fit_s": fitted,
        **{f"{name}_{figure}": value for figure, value in spread(best).items()},
    }


def timed(resolver: Resolver, some: Sequence[dict[str, str]]) -> list[float]:
    """Microseconds of every event, normalisation included."""
    took = []
    gc.collect()
    # As the command does: the engine makes no cycles.
    gc.disable()
    for stamp, row in enumerate(some):
        begun = time.thread_time_ns()
        resolver.receive(record_of(row, stamp))
        took.append((time.thread_time_ns() - begun) / 1e3)
    gc.enable()
    return took


def spread(took: Sequence[float]) -> dict[str, float]:
    """Rate and percentiles."""
    ordered = sorted(took)
    return {
        "events_per_s": len(took) / sum(took) * 1e6,
        "p50_us": ordered[len(took) // 2],
        "p99_us": ordered[len(took) * 99 // 100],
    }


def grown(count: int) -> dict[str, float]:
    """Synthetic people, event by event, then the same state rebuilt from its records."""
    forget("transforms")
    gc.collect()
    before = resident()
    resolver = Resolver()
    tenth = count // 10
    rates = []
    for some in batches(count, tenth):
        took = timed(resolver, some)
        rates.append(len(took) / sum(took) * 1e6)
        console.print(f"[dim]{len(resolver.records):,} records: {rates[-1]:,.0f}/s[/dim]")
    kept = max(0.0, resident() - before) / count
    entities = resolver.components.entities()
    del resolver
    gc.collect()
    took_s = 0.0
    again = Resolver()
    records = (record_of(row, stamp) for stamp, row in enumerate(rows(count)))
    # Records come by the tenth, so that what is timed is the rebuilding and not their making.
    gc.disable()
    for _ in range(10):
        some_records = list(islice(records, tenth))
        begun = time.thread_time()
        again.rebuild(some_records)
        took_s += time.thread_time() - begun
    gc.enable()
    if again.components.entities() != entities:
        raise AssertionError("the rebuilt state is another")
    return {
        "records_count": float(count),
        "first_tenth_events_per_s": rates[0],
        "last_tenth_events_per_s": rates[-1],
        "slowest_tenth_events_per_s": min(rates),
        "last_tenth_of_first": rates[-1] / rates[0],
        "kept_bytes_per_record": kept,
        "rebuild_s": took_s,
        "rebuild_s_per_million": took_s / count * MILLION,
    }


def batches(count: int, size: int) -> Iterator[Rows]:
    """The synthetic rows, some at a time."""
    some: Rows = []
    for row in rows(count):
        some.append(row)
        if len(some) == size:
            yield some
            some = []


def against_peers(found: dict[str, Path], quick: bool) -> dict[str, float]:
    """Each peer on each set in an environment of its own; what is absent or fails is said."""
    python = os.environ.get("SALESINTEL_ER_PYTHON", sys.executable)
    asked = subprocess.run(
        [python, str(PEERS), "installed"], capture_output=True, text=True, check=False
    )
    installed = asked.stdout.split()
    figures: dict[str, float] = {}
    for peer in PEER_NAMES:
        if peer not in installed:
            console.print(
                f"[bold yellow]SKIPPED {peer}: not installed for {python}; "
                "see requirements-er.txt[/bold yellow]"
            )
        elif not quick:
            for name, path in found.items():
                figures |= of_peer(python, peer, name, path)
    return figures


def with_attack(found: dict[str, Path], directory: Path) -> dict[str, Path]:
    """The sets, and the hub attack as a file beside them: peers read files."""
    if ATTACKED not in found:
        return found
    rows = attacked(read(found[ATTACKED]))
    path = directory / "hub_attack.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return {**found, "hub_attack": path}


def of_peer(python: str, peer: str, name: str, path: Path) -> dict[str, float]:
    """What one peer makes of one set; nothing where it fails."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        try:
            subprocess.run(
                [python, str(PEERS), peer, str(path)],
                stdout=told,
                stderr=subprocess.PIPE,
                timeout=PATIENCE_S,
                check=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            lines = (error.stderr or b"").decode("utf-8", "replace").strip().splitlines()
            console.print(f"{peer} on {name}: {lines[-1] if lines else error}", markup=False)
            return {}
        told.seek(0)
        *lines, last = told.read().splitlines()
    placed = {row["id"]: row["entity_id"] for row in csv.DictReader(lines)}
    labelled = read(path)
    _, _, f1 = pairwise({row["id"]: row["truth"] for row in labelled}, placed)
    rate = len(labelled) / float(last.partition(",")[2])
    console.print(f"[dim]{peer} on {name}: F1 {f1:.4f}, {rate:,.0f} records/s[/dim]")
    return {f"{name}_{peer}_pair_f1": f1, f"{name}_{peer}_records_per_s": rate}
