"""docs/permissions.md says what is granted."""

from permissions_page import PAGE, markdown


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run `make permissions`"
