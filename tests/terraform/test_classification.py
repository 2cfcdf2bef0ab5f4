"""Classes of personal data, and the days that rows are kept: schemas/ alone says what they are."""

import re
from pathlib import Path

import pytest
from offline import ROOT

from schemas.columns import POLICIES
from schemas.retention import CLASSES, DAYS
from schemas.tables import TABLES
from transforms.settings import Retention, load_settings
from warehouse.access import RESTRICTED

TERRAFORM = ROOT / "terraform"
ENVIRONMENTS = sorted((TERRAFORM / "environments").glob("*.toml"))


def test_no_class_is_named_where_tags_are_made() -> None:
    for name in ("classification.tf", "warehouse.tf"):
        text = (TERRAFORM / name).read_text("utf-8")
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        named = [one for one in (*POLICIES, *CLASSES) if re.search(rf'"{one}"|\b{one} +=', code)]
        assert not named, name


def test_no_days_are_written_where_tables_are_made() -> None:
    text = (TERRAFORM / "warehouse.tf").read_text("utf-8")
    assert not set(map(int, re.findall(r"\b\d+\b", text))) & set(DAYS.values())


def test_tables_with_texts_are_those_of_their_class() -> None:
    assert set(RESTRICTED) == {table.id for table in TABLES if table.retention == "bodies"}


def given_to_terraform(text: str) -> Retention:
    """Variable `retention` of an environment, as the settings file has it."""
    block = re.search(r"^retention = \{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    told = block[1] if block else ""
    days = {name: int(value) for name, value in re.findall(r"(\w+) *= *(\d+)", told)}
    return Retention(**days, legal_hold=bool(re.search(r"legal_hold *= *true", told)))


@pytest.mark.parametrize("settings", ENVIRONMENTS, ids=lambda path: path.stem)
def test_terraform_keeps_rows_as_long_as_the_settings_of_the_environment_say(
    settings: Path,
) -> None:
    wanted = load_settings(settings).retention
    told = given_to_terraform(settings.with_suffix(".tfvars").read_text("utf-8"))
    assert [told.days(one) for one in CLASSES] == [wanted.days(one) for one in CLASSES]
    assert told.legal_hold == bool(wanted.legal_hold)


def test_the_days_of_an_environment_are_read() -> None:
    told = given_to_terraform(
        "retention = {\n  days       = { bodies = 200, raw = 30 }\n  legal_hold = true\n}\n"
    )
    assert (told.bodies, told.raw, told.facts) == (200, 30, DAYS["facts"])
    assert told.legal_hold is True
