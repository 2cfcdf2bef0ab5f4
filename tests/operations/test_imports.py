"""The command `import`: how it ends."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from operations import cli, imports


@pytest.mark.parametrize(
    ("changes", "bad", "exit_code"), [(3, 0, 0), (3, 2, 0), (0, 2, 1), (0, 0, 0)]
)
def test_an_import_of_which_nothing_could_be_read_ends_with_exit_code_1(
    changes: int, bad: int, exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        imports, "import_files", lambda *given, **options: imports.Imported(changes, bad)
    )
    result = CliRunner().invoke(cli.app, ["import", "a.csv"])
    assert result.exit_code == exit_code
    assert ("dead_letters_summary" in result.stdout) == (bad > 0)
