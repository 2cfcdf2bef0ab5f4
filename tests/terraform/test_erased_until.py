"""How long what was erased can still be had, as the report of an erasure says it."""

import re

from offline import ROOT

from operations.privacy.erasing_there import LOGGED_DAYS, TIME_TRAVEL_DAYS


def written(file: str, argument: str) -> set[int]:
    """The numbers that an argument has in a file."""
    text = (ROOT / "terraform" / file).read_text("utf-8")
    return {int(one) for one in re.findall(rf'{argument}\s+= "?(\d+)"?', text)}


def test_time_travel_and_the_audit_log_end_when_the_report_says() -> None:
    assert written("warehouse.tf", "max_time_travel_hours") == {TIME_TRAVEL_DAYS * 24}
    assert written("audit.tf", "retention_days") == {LOGGED_DAYS}


def test_payloads_that_are_deleted_are_gone() -> None:
    text = (ROOT / "terraform" / "storage.tf").read_text("utf-8")
    assert re.search(r"\n      objects = \{ versions = false", text)
    assert 'each.key == "objects" ? 0 :' in text
