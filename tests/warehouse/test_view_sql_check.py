"""Google's own analyser accepts every view. It is the judge of validity: what the embedded
warehouse takes, BigQuery might not."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipelines.proof import COMPARED
from schemas.current import COMPACTED, CURRENT
from schemas.generate import ROOT
from schemas.tables import TABLES
from warehouse.catalogue import compacted, views
from warehouse.digests import latest_digests, summed
from warehouse.quality.checking import window_of
from warehouse.quality.conditions import is_row_rule
from warehouse.quality.questions import Question, counted, question, sample
from warehouse.quality.rules import RULES, chosen

CHECK = ROOT.parent / "shared" / "sql-check" / "check_sql"


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHECK.exists(), reason=f"needs the analyser at {CHECK}"),
    pytest.mark.skipif(not shutil.which("java"), reason="the analyser needs java"),
    pytest.mark.skipif(not shutil.which("mvn"), reason="the analyser is built with mvn"),
]
KINDS = {
    str: "STRING",
    int: "INT64",
    float: "FLOAT64",
    datetime: "TIMESTAMP",
    date: "DATE",
    list: "ARRAY<STRING>",
}


def assert_accepted(folder: Path, texts: Mapping[str, str]) -> None:
    schemas, queries = folder / "schemas", folder / "queries"
    schemas.mkdir()
    queries.mkdir()
    for table in (*TABLES, *CURRENT.values()):
        shutil.copy(ROOT / "terraform" / "schemas" / f"{table.id}.json", schemas)
    for name, text in texts.items():
        (queries / f"{name}.sql").write_text(text, encoding="utf-8")
    check = subprocess.run(
        [CHECK, schemas, queries], capture_output=True, text=True, timeout=280, env=os.environ
    )
    wrong = [line for line in check.stdout.splitlines() if not line.startswith("ok ")]
    assert check.returncode == 0, "\n".join([*wrong, check.stderr[-2_000:]])
    assert wrong == [f"{len(texts)} passed, 0 failed"]


@pytest.mark.parametrize("marks", [{}, {table.id: 1 for table in COMPACTED}], ids=["", "compacted"])
def test_the_analyser_of_googlesql_accepts_every_view(
    marks: dict[str, int], tmp_path: Path
) -> None:
    assert_accepted(tmp_path, {view.id: compacted(view.sql, marks) for view in views().values()})


def test_the_analyser_of_googlesql_accepts_every_question_of_a_rule(tmp_path: Path) -> None:
    texts = {view.id: view.sql for view in views().values()}
    window = window_of(datetime(2026, 3, 11, tzinfo=UTC))
    asked: list[Question] = []
    for table in TABLES:
        of_rows = [rule for rule in chosen([table.id]) if is_row_rule(rule)]
        asked += [counted(table, of_rows, window)] if of_rows else []
    asked += [question(rule, window) for rule in RULES if not is_row_rule(rule)]
    asked += [one for rule in RULES if (one := sample(rule, window)) is not None]
    for place, (sql, parameters) in enumerate(asked):
        # The analyser takes each for a view, which has no parameters.
        typed = {name: f"CAST(NULL AS {KINDS[type(one)]})" for name, one in parameters.items()}
        filled = re.sub(r"@(\w+)", lambda found, typed=typed: typed[found[1]], sql)
        texts[f"quality.question_{place}"] = filled
    assert_accepted(tmp_path, texts)


def test_the_analyser_of_googlesql_accepts_every_digest_and_the_ways_back(tmp_path: Path) -> None:
    texts = {
        f"ops.digests_{table.dataset}_{table.name}": (
            f"SELECT {summed('digest')} FROM ({latest_digests(table, f'`{table.id}`')})"
        )
        for table in COMPARED
    }
    written = (ROOT / "docs" / "disaster-recovery.md").read_text("utf-8")
    for place, statement in enumerate(re.findall(r"```sql\n(.*?)```", written, re.DOTALL)):
        # A table of another dataset that the analyser is not told of stands for one it knows.
        here = statement.replace(
            "CLONE `PROJECT.backup.sales_people_20261129`", "CLONE `sales.people`"
        )
        texts[f"ops.way_{place}"] = here.replace("PROJECT.backup.", "ops.").replace("PROJECT.", "")
    assert_accepted(tmp_path, texts)
