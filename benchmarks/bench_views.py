"""Every view as a person asks it, `salesintel query VIEW`: its first hundred rows, ten times over.

The warehouse holds 200,000 interactions with 20,000 people of 3,000 accounts, in the memory that it
has by default; it is compacted before it is asked, as `up` does every hour. What a view would read
in BigQuery is worked out beside it: the columns that its SQL and that of the views in it name, of
every table once. Measured are bytes of Arrow, which are those of the price list but for some per
cent.
https://cloud.google.com/bigquery/pricing#data-size-calculation
"""

import json
import re
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from google.cloud import bigquery

from benchmarks.parquet_load import arrow, load
from benchmarks.sales_rows import Size, sales_rows
from embedded.warehouse import WarehouseServer
from schemas.clock import wall_clock
from schemas.errors import SalesIntelError
from schemas.tables import BY_ID, BY_ROW
from warehouse.catalogue import View, provision_views, views
from warehouse.clients import bigquery_client
from warehouse.compaction import compact
from warehouse.provision import provision
from warehouse.query import run_view

RUNS = 10
LIMIT = 100
LONGEST_S = 30.0
"""As long as a question is answered at all; one that is refused counts as much."""
SMALL = Size(interactions=600, people=200, accounts=30, deals=40, users=6)
MB = 1_000_000

BARS = {f"{view_id}_p95_s": ("<=", 2.0) for view_id in views()}

Bytes = dict[str, dict[str, int]]
"""Of each table, the bytes of each column."""


def run(quick: bool = False) -> dict[str, float]:
    """Median and 95th percentile of each view in seconds, and what it would read, in MB."""
    with tempfile.TemporaryDirectory() as directory:
        server = WarehouseServer(Path(directory) / "warehouse")
        client = bigquery_client(server.start())
        try:
            provision(client)
            provision_views(client)
            held = fill(client, SMALL if quick else Size())
            compact(client, settled=wall_clock())
            figures: dict[str, float] = {}
            for view in views().values():
                taken = [asked(client, view.id) for _ in range(1 if quick else RUNS)]
                figures[f"{view.id}_p50_s"] = statistics.median(taken)
                figures[f"{view.id}_p95_s"] = sorted(taken)[int(0.95 * (len(taken) - 1) + 0.5)]
                # The generator makes no rows of some tables: nothing is known of what they cost.
                if read := read_bytes(view, held):
                    figures[f"{view.id}_read_mb"] = read / MB
        finally:
            client.close()
            server.stop()
    return figures


def fill(client: bigquery.Client, size: Size) -> Bytes:
    """Writes the rows, and says what they hold."""
    held: Bytes = defaultdict(dict)
    for rows in sales_rows(size, wall_clock()):
        if rows:
            load(client, rows)
            table = arrow(rows)
            for name in table.column_names:
                held[BY_ROW[type(rows[0])].id][name] = table.column(name).nbytes
    return held


def asked(client: bigquery.Client, view_id: str) -> float:
    """Seconds until a view has answered; LONGEST_S where it has not."""
    began = time.perf_counter()
    try:
        run_view(client, view_id, limit=LIMIT, timeout_s=LONGEST_S)
    except SalesIntelError:
        return LONGEST_S
    return time.perf_counter() - began


def read_bytes(view: View, held: Bytes) -> float:
    """What BigQuery would scan at the most: partitions that a view leaves out are counted too."""
    texts, tables = closure(view)
    words = set(re.findall(r"\w+", " ".join(texts)))
    # A view that is all of a table, and is asked for all of itself.
    whole = len(texts) == 1 and "SELECT *" in view.sql
    return float(
        sum(
            size
            for table in tables
            for name, size in held.get(table, {}).items()
            if whole or name in words
        )
    )


def closure(view: View) -> tuple[list[str], set[str]]:
    """The SQL of a view and of all views in it, and the tables that they read."""
    texts, tables = {view.id: view.sql}, set[str]()
    waiting = [view]
    while waiting:
        for source in waiting.pop().sources:
            if source in BY_ID:
                tables.add(source)
            elif source not in texts:
                texts[source] = views()[source].sql
                waiting.append(views()[source])
    return list(texts.values()), tables


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
