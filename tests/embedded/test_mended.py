"""The process of the embedded warehouse goes by what was mended, and not only its tests."""

import subprocess
import sys

import pytest

MENDED = """
from embedded.warehouse_process import mend
mend()
from bqemulator.api.routes import jobs
from bqemulator.jobs import executor
print(executor._translator.translate("SELECT ARRAY_AGG(v ORDER BY k) AS l FROM t").value)
print(type(executor.JOB_RESULTS).__name__, executor.JOB_RESULTS is jobs.JOB_RESULTS)
"""


@pytest.mark.slow
def test_its_translator_has_our_rule_and_its_answers_are_ours() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MENDED], capture_output=True, text=True, timeout=60, check=True
    )
    assert "LIST_SORT" in done.stdout
    assert "RecentAnswers True" in done.stdout
