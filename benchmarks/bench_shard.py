"""State by shard against state by key: elements of 500 bytes through one keyed step, 64 shards.

Figures for both local runners: `shard`, a step that remembers ids by transforms/shard.py; `dedupe`,
the real one with its timer and its own types; `per_key`, Beam's way, a cell of state for every id.
All three in one run, for the ratio says more than a figure from another machine.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any

import apache_beam as beam
from apache_beam.coders import VarIntCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from schemas.change import new_change
from schemas.flow import Arrival, Normalised
from transforms import coders
from transforms.dedupe import Dedupe
from transforms.keyed import ByShardFn
from transforms.shard import LOG, TOKEN, ShardedState, shard_of

__all__ = ["BARS", "coders", "run"]

BARS = {
    # Four fifths of what a prototype of the step reached on two cores like ours.
    "bundle_based_shard_per_s": (">=", 0.8 * 24_900),
    "fn_api_shard_per_s": (">=", 0.8 * 50_400),
    "bundle_based_dedupe_per_s": (">=", 0.8 * 24_900),
    "fn_api_dedupe_per_s": (">=", 0.8 * 50_400),
}

RUNNERS = {"bundle_based": "BundleBasedDirectRunner", "fn_api": "FnApiRunner"}
SHARDS = 64
BODY = b"x" * 500
ELEMENTS = 50_000
KEYS = 4_000
"""Elements of the step with a cell a key: it takes a millisecond or two for each."""
RUNS = 3
HORIZON_S = 86_400.0

Element = tuple[str, bytes]
"""An id in hex, and 500 bytes."""


class Ids:
    """The index of the ids that were seen."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    def apply(self, entry: bytes) -> None:
        """Remembers an id."""
        self.seen.add(entry)

    def entries(self) -> Iterable[bytes]:
        """Every id."""
        return self.seen

    def __len__(self) -> int:
        return len(self.seen)


class ByShardStateFn(beam.DoFn):  # type: ignore[misc]
    """First sights, by state that is kept by shard."""

    def __init__(self) -> None:
        self._state = ShardedState("bench", Ids)

    def start_bundle(self) -> None:
        """Opens no shard yet."""
        self._state.start_bundle()

    def process(
        self,
        keyed: tuple[int, list[Element]],
        token: Any = beam.DoFn.StateParam(TOKEN),
        log: Any = beam.DoFn.StateParam(LOG),
    ) -> Iterator[Element]:
        """Elements that are new."""
        key, elements = keyed
        shard = self._state.open(key, token, log)
        for element in elements:
            identity = bytes.fromhex(element[0])
            if identity not in shard.index.seen:
                shard.append(identity)
                yield element
        shard.commit(log)

    def finish_bundle(self) -> None:
        """Puts the indexes back."""
        self._state.finish_bundle()


class ByKeyStateFn(beam.DoFn):  # type: ignore[misc]
    """First sights, by a cell of state for every id."""

    SEEN = ReadModifyWriteStateSpec("seen", VarIntCoder())

    def process(
        self, keyed: tuple[str, bytes], seen: Any = beam.DoFn.StateParam(SEEN)
    ) -> Iterator[Element]:
        """Elements that are new."""
        if seen.read() is None:
            seen.write(1)
            yield keyed


def identity(number: int) -> str:
    """A distinct id of 16 bytes, as a change has it."""
    return sha256(b"%d" % number).hexdigest()[:32]


def elements(count: int) -> Iterator[Element]:
    """Distinct elements."""
    return ((identity(number), BODY) for number in range(count))


def changes(count: int) -> Iterator[Normalised]:
    """Distinct changes of 500 bytes, as Dedupe gets them."""
    for number in range(count):
        change = new_change("files", "contact", f"c-{number}", BODY, stamp=number, fetched=number)
        yield Normalised(Arrival(change, f"m-{number}", number), (), ())


def by_shard(messages: beam.PCollection) -> beam.PCollection:
    """The step with state by shard."""
    shard = ByShardFn(lambda element: shard_of(element[0], SHARDS))
    keyed = messages | "By shard" >> beam.ParDo(shard).with_output_types(tuple[int, list[Element]])
    return keyed | "First sight" >> beam.ParDo(ByShardStateFn())


def by_key(messages: beam.PCollection) -> beam.PCollection:
    """The step with state by key."""
    return messages | "First sight" >> beam.ParDo(ByKeyStateFn())


def deduped(messages: beam.PCollection) -> beam.PCollection:
    """The step of the graph."""
    return (messages | "Dedupe" >> Dedupe(SHARDS, HORIZON_S)).first


class CountFn(beam.DoFn):  # type: ignore[misc]
    """Counts what comes out; both runners work in this process."""

    seen = 0

    def process(self, element: object) -> None:
        """Counts."""
        CountFn.seen += 1


PREPARED: dict[str, list[Any]] = {}
"""What the steps read: made before the clock runs, and in no pickled step."""


def _prepared(name: str) -> Iterator[Any]:
    yield from PREPARED[name]


Step = Callable[[beam.PCollection], beam.PCollection]
STEPS: tuple[tuple[str, Step, str, type[Any]], ...] = (
    ("shard", by_shard, "elements", tuple[str, bytes]),
    ("dedupe", deduped, "changes", Normalised),
    ("per_key", by_key, "few elements", tuple[str, bytes]),
)


def _rate(runner: str, step: Step, source: str, kind: type[Any]) -> float:
    """Elements a second, from the start of the pipeline to its end."""
    CountFn.seen, count = 0, len(PREPARED[source])
    began = time.perf_counter()
    with beam.Pipeline(runner=runner, options=PipelineOptions([])) as pipeline:
        begin = pipeline | "Begin" >> beam.Create([source])
        read = begin | "Read" >> beam.FlatMap(_prepared).with_output_types(kind)
        step(read) | "Count" >> beam.ParDo(CountFn())
    passed = time.perf_counter() - began
    if CountFn.seen != count:
        raise AssertionError(f"{CountFn.seen} of {count} elements came out")
    return count / passed


def run(quick: bool = False) -> dict[str, float]:
    """Elements a second, medians; and how many times faster state by shard is."""
    count, keys, runs = (2_000, 200, 1) if quick else (ELEMENTS, KEYS, RUNS)
    PREPARED.update(
        {
            "elements": list(elements(count)),
            "changes": list(changes(count)),
            "few elements": list(elements(keys)),
        }
    )
    figures = {}
    for short, runner in RUNNERS.items():
        for name, step, source, kind in STEPS:
            rates = [_rate(runner, step, source, kind) for _ in range(runs)]
            figures[f"{short}_{name}_per_s"] = statistics.median(rates)
        ratio = figures[f"{short}_shard_per_s"] / figures[f"{short}_per_key_per_s"]
        figures[f"{short}_shard_to_per_key_ratio"] = ratio
    PREPARED.clear()
    return figures
