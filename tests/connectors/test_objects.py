"""Large payloads lie in a folder, whole, and no address leads out of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.objects import FolderStore
from schemas.errors import FatalError, RetriableError


def test_what_is_put_is_got_back_and_the_newest_of_a_name_wins(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "objects")
    uri = store.put("dead-letters/abc", b"\x00one")
    assert store.get(uri) == b"\x00one"
    assert store.put("dead-letters/abc", b"two") == uri
    assert store.get(uri) == b"two"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["abc"]


@pytest.mark.parametrize("name", ["", "../x", "a/../../x", "/etc/passwd", "a//b", "a\nb", "ü"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FatalError, match="no name of an object"):
        FolderStore(tmp_path).put(name, b"")


@given(uri=st.text() | st.from_regex(r"folder:[./a-z]{0,12}", fullmatch=True))
def test_an_address_finds_what_was_put_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, uri: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "objects" / "inner"
    FolderStore(folder).put("kept", b"kept")
    (folder.parent / "secret").write_bytes(b"secret")
    try:
        assert FolderStore(folder).get(uri) == b"kept"
    except LookupError:
        assert uri != "folder:kept"


def test_a_folder_that_cannot_be_read_now_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    uri = store.put("a/b", b"x")

    def fails(_: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fails)
    with pytest.raises(RetriableError, match="Input/output error"):
        store.get(uri)
