"""One peer over one file of records: `python er_peers.py PEER RECORDS.csv`, of those in `PEERS`.

It stands alone and runs in an environment that has the packages of requirements-er.txt, not this
project's. A CSV of id,entity_id goes to the standard output, a last line `#seconds,<number>`, of
processor time, as ours is measured; what takes more than `PATIENCE_S` of it is ended. Each
peer has one configuration for every set, as ours has, in the way of its own documentation: fields
that fewer than a twentieth of the records have are left out. Keys and fields chosen by hand for one
set can do better on that set. dedupe learns from labels: it is told the truth of 120 pairs.
GoldenMatch configures itself from the records; `exact` is what a CRM does: one mailbox or one
number, one entity.
"""

import collections
import contextlib
import csv
import gzip
import importlib
import importlib.util
import itertools
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

FIELDS = (
    *("first", "last", "full", "org", "email", "phone"),
    *("dob", "street", "city", "state", "zip"),
)
FEWEST = 0.05
MOST_PAIRS = 2
"""For each record, that a block of recordlinkage may bring."""
THRESHOLD = 0.95
"""Probability from which Splink's pairs are one."""
LABELS = 120
PATIENCE_S = 300
"""Processor time for one set."""

Rows = list[dict[str, str]]
Pairs = Iterable[tuple[str, str]]


def used(rows: Rows) -> list[str]:
    """Columns that enough records have; of a whole name beside its two parts, the parts."""
    filled = [
        name
        for name in FIELDS
        if sum(1 for row in rows if row.get(name)) >= max(1.0, FEWEST * len(rows))
    ]
    return [name for name in filled if name != "full" or "last" not in filled]


def keys(names: list[str]) -> list[tuple[str, ...]]:
    """What a pair must share to be compared, one of these."""
    wanted: tuple[tuple[str, ...], ...] = (
        *(("email",), ("phone",), ("first", "last"), ("last", "dob"), ("first", "dob")),
        *(
            ("dob",),
            ("first", "city"),
            ("last", "city"),
            ("last", "zip"),
            ("street",),
            ("org",),
            ("full",),
            ("first", "zip"),
            ("dob", "zip"),
        ),
    )
    found = [key for key in wanted if all(name in names for name in key)]
    return found or [(name,) for name in names[:1]]


def joined(ids: Iterable[str], pairs: Pairs) -> dict[str, str]:
    """Connected components: entity by id."""
    home = {one: one for one in ids}

    def root(one: str) -> str:
        while home[one] != one:
            home[one] = one = home[home[one]]
        return one

    for a, b in pairs:
        home[root(a)] = root(b)
    return {one: root(one) for one in home}


def pairs_of(rows: Rows, key: tuple[str, ...]) -> int:
    """How many pairs of records share a key."""
    values = (tuple((row.get(name) or "").lower() for name in key) for row in rows)
    sizes = collections.Counter(value for value in values if all(value)).values()
    return sum(size * (size - 1) // 2 for size in sizes)


def selective(rows: Rows) -> list[tuple[str, ...]]:
    """The keys with the fewest pairs first, of those with enough to learn from: what Splink's
    documentation counts before it trains."""
    pairs = {key: pairs_of(rows, key) for key in keys(used(rows))}
    return sorted((k for k in pairs if pairs[k] >= FEWEST * len(rows)), key=lambda k: (pairs[k], k))


def by_splink(rows: Rows) -> dict[str, str]:
    """EM in the blocks of two selective keys, clusters above the threshold."""
    splink: Any = importlib.import_module("splink")
    library: Any = importlib.import_module("splink.comparison_library")
    pandas: Any = importlib.import_module("pandas")
    names = used(rows)
    comparisons = {
        **dict.fromkeys(("first", "last", "full", "org"), library.NameComparison),
        "email": library.EmailComparison,
        **dict.fromkeys(
            ("street", "city"), lambda n: library.JaroWinklerAtThresholds(n, [0.92, 0.8])
        ),
        **dict.fromkeys(("phone", "dob", "zip"), lambda n: library.LevenshteinAtThresholds(n, 1)),
        "state": library.ExactMatch,
    }
    blocks = [splink.block_on(*key) for key in keys(names)]
    settings = splink.SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="id",
        comparisons=[comparisons[name](name) for name in names],
        blocking_rules_to_generate_predictions=blocks,
    )
    table = pandas.DataFrame(
        [{"id": row["id"], **{n: row.get(n) or None for n in names}} for row in rows]
    )
    backend = importlib.import_module("splink.backends.duckdb").DuckDBAPI()
    linker = splink.Linker(backend.register(table), settings, log_level=40)
    train = linker.training
    chosen = selective(rows) or keys(names)[:1]
    sure = [splink.block_on(*key) for key in chosen[:3]]
    train.estimate_probability_two_random_records_match(sure, recall=0.7)
    train.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    apart = [key for key in chosen if not set(key) & set(chosen[0])]
    for key in (chosen[0], *apart[:1]):
        # A level that no match of a block shows has no weight there, and Splink stops: its other
        # block and its defaults stand then.
        with contextlib.suppress(ValueError):
            train.estimate_parameters_using_expectation_maximisation(
                splink.block_on(*key), max_pairs=1e6, record_sample_proportion=1.0
            )
    predicted = linker.inference.predict(threshold_match_probability=THRESHOLD)
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, THRESHOLD)
    return {str(row["id"]): str(row["cluster_id"]) for row in found.as_record_list()}


def by_recordlinkage(rows: Rows) -> dict[str, str]:
    """ECM over the union of the blocks; connected components of what it calls matches."""
    linkage: Any = importlib.import_module("recordlinkage")
    pandas: Any = importlib.import_module("pandas")
    names = used(rows)
    table = pandas.DataFrame(
        [{n: row.get(n) or None for n in names} for row in rows], index=[r["id"] for r in rows]
    )
    indexer = linkage.Index()
    # Narrower keys leave its classifier with pairs that agree by construction; broader ones with so
    # many strangers that it takes a city or an employer for what sets matches apart.
    single = [n for n in ("email", "phone", "last", "dob", "org", "street") if n in names]
    crowded = MOST_PAIRS * len(rows)
    for key in [n for n in single if pairs_of(rows, (n,)) <= crowded] or single:
        indexer.block(key)
    candidates = indexer.index(table)
    compare = linkage.Compare()
    for name in names:
        if name in ("state", "zip", "dob"):
            compare.exact(name, name, label=name)
        else:
            compare.string(name, name, method="jarowinkler", threshold=0.92, label=name)
    vectors = compare.compute(candidates, table)
    # A column that is the same of every pair tells nothing, and its classifier stumbles over it.
    vectors = vectors.loc[:, vectors.nunique() > 1]
    matches = linkage.ECMClassifier(binarize=0.5).fit_predict(vectors)
    return joined((row["id"] for row in rows), ((str(a), str(b)) for a, b in matches))


def by_dedupe(rows: Rows) -> dict[str, str]:
    """Active learning, the truth in a person's place; clusters at its own threshold."""
    dedupe: Any = importlib.import_module("dedupe")
    variables: Any = importlib.import_module("dedupe.variables")
    random.seed(1)
    importlib.import_module("numpy").random.seed(1)
    names = used(rows)
    known = {row["id"]: {n: row.get(n) or None for n in names} for row in rows}
    truth = {row["id"]: row["truth"] for row in rows}
    # A pair is shown by its values: the truth of a pair is that of the records they came from.
    of_values = collections.defaultdict(list)
    for key, values in known.items():
        of_values[tuple(values.values())].append(key)
    deduper = dedupe.Dedupe([variables.String(n, has_missing=True) for n in names], num_cores=1)
    deduper.prepare_training(known, sample_size=3_000)
    for _ in range(LABELS):
        pair = deduper.uncertain_pairs()[0]
        one, other = (of_values[tuple(values[n] for n in names)] for values in pair)
        same = any(truth[a] == truth[b] for a, b in itertools.product(one, other))
        told = {"match": [pair] if same else [], "distinct": [] if same else [pair]}
        deduper.mark_pairs(told)
    deduper.train(recall=0.9)
    found = {}
    for number, (members, _) in enumerate(deduper.partition(known, 0.5)):
        for key in members:
            found[str(key)] = str(number)
    return found


def by_goldenmatch(rows: Rows) -> dict[str, str]:
    """Zero configuration, as its documentation begins; without a language model or the memory of
    an earlier run, and also where it thinks little of what it chose."""
    os.environ["GOLDENMATCH_AUTOCONFIG_MEMORY"] = "0"
    goldenmatch: Any = importlib.import_module("goldenmatch")
    pyarrow: Any = importlib.import_module("pyarrow")
    table = pyarrow.table({n: [row.get(n) or None for row in rows] for n in used(rows)})
    found = goldenmatch.dedupe_df(table, confidence_required=False, allow_red_config=True)
    return {
        rows[place]["id"]: str(number)
        for number, cluster in found.clusters.items()
        for place in cluster["members"]
    }


def by_exact(rows: Rows) -> dict[str, str]:
    """One mailbox or one number, in lower case and in digits, is one entity."""
    held: dict[str, list[str]] = collections.defaultdict(list)
    for row in rows:
        number = "".join(filter(str.isdigit, row.get("phone") or ""))
        for value in ((row.get("email") or "").strip().lower(), number[-10:]):
            if value:
                held[value].append(row["id"])
    pairs = ((ids[0], other) for ids in held.values() for other in ids[1:])
    return joined((row["id"] for row in rows), pairs)


PEERS: dict[str, Callable[[Rows], dict[str, str]]] = {
    "splink": by_splink,
    "dedupe": by_dedupe,
    "recordlinkage": by_recordlinkage,
    "goldenmatch": by_goldenmatch,
    "exact": by_exact,
}
PACKAGES = frozenset(PEERS) - {"exact"}
"""Of the same name as the peer."""


def main(peer: str, path: str) -> None:
    """Resolves the file and writes what was found, and what it took, imports aside."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if peer in PACKAGES:
        importlib.import_module(peer)
    begun = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(begun) + PATIENCE_S, int(begun) + PATIENCE_S + 5))
    found = PEERS[peer](rows)
    took = time.process_time() - begun
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("id", "entity_id"))
    writer.writerows(found.items())
    sys.stdout.write(f"#seconds,{took}\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["installed"]:
        here = (p for p in PEERS if p not in PACKAGES or importlib.util.find_spec(p))
        sys.stdout.write(" ".join(here))
    else:
        main(*sys.argv[1:])
