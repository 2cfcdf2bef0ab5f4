"""Google's own analyser accepts every view. It is the judge of validity: what the embedded
warehouse takes, BigQuery might not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from schemas.current import COMPACTED, CURRENT
from schemas.generate import ROOT
from schemas.tables import TABLES
from warehouse.catalogue import compacted, views

CHECK = ROOT.parent / "shared" / "sql-check" / "check_sql"


@pytest.mark.slow
@pytest.mark.skipif(not CHECK.exists(), reason=f"needs the analyser at {CHECK}")
@pytest.mark.skipif(not shutil.which("java"), reason="the analyser needs java")
@pytest.mark.skipif(not shutil.which("mvn"), reason="the analyser is built with mvn")
@pytest.mark.parametrize("marks", [{}, {table.id: 1 for table in COMPACTED}], ids=["", "compacted"])
def test_the_analyser_of_googlesql_accepts_every_view(
    marks: dict[str, int], tmp_path: Path
) -> None:
    schemas, queries = tmp_path / "schemas", tmp_path / "queries"
    schemas.mkdir()
    queries.mkdir()
    for table in (*TABLES, *CURRENT.values()):
        shutil.copy(ROOT / "terraform" / "schemas" / f"{table.id}.json", schemas)
    for view in views().values():
        (queries / f"{view.id}.sql").write_text(compacted(view.sql, marks), encoding="utf-8")
    check = subprocess.run(
        [CHECK, schemas, queries], capture_output=True, text=True, timeout=280, env=os.environ
    )
    wrong = [line for line in check.stdout.splitlines() if not line.startswith("ok ")]
    assert check.returncode == 0, "\n".join([*wrong, check.stderr[-2_000:]])
    assert wrong == [f"{len(views())} passed, 0 failed"]
