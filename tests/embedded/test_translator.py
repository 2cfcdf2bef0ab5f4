"""The server translates by our rule, too: one that nothing uses speeds nothing up."""

import subprocess
import sys

import pytest

TRANSLATED = """
from embedded.warehouse_process import mend
mend()
from bqemulator.jobs import executor
print(executor._translator.translate("SELECT ARRAY_AGG(v ORDER BY k) AS l FROM t").value)
"""


@pytest.mark.slow
def test_queries_and_views_are_translated_by_our_rule() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRANSLATED], capture_output=True, text=True, timeout=60, check=True
    )
    assert "LIST_SORT" in done.stdout
