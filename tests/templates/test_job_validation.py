"""What is wrong with a job's parameters is said, all of it, before anything is submitted."""

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from submitting import NOW, PLACE, USUAL

from pipelines.main import main
from pipelines.parameters import TEMPLATES
from pipelines.validation import checked_template
from schemas.errors import ConfigurationError

DAY_US = 86_400_000_000


def said(parameters: dict[str, str], place: list[str] = PLACE, now: int = NOW) -> str:
    """What is refused; empty where nothing is."""
    flags = [*place, *(f"--{name}={value}" for name, value in parameters.items())]
    try:
        template = checked_template(PipelineOptions(flags), lambda: now)
    except ConfigurationError as error:
        return str(error)
    assert template.name == parameters["pipeline"]
    return ""


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_usual_parameters_are_right(name: str) -> None:
    assert not said(USUAL[name])


@pytest.mark.parametrize("pipeline", ["", "batch", "Stream"])
def test_a_pipeline_that_is_none_is_refused_with_those_there_are(pipeline: str) -> None:
    assert "name one of stream, backfill, replay, rebuild" in said({"pipeline": pipeline})


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_parameter_that_is_missing_is_named_with_an_example(name: str) -> None:
    for one in TEMPLATES[name].parameters:
        if one.required:
            words = said({key: value for key, value in USUAL[name].items() if key != one.name})
            assert f"{one.name} is missing" in words and one.example in words


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = {"settings": "salesintel.toml", "shards": "0", "seeds": "maybe", "limit": "7"}
    words = said({**USUAL["stream"], **wrong}, PLACE[:1])
    for name in ("settings is 'salesintel.toml'", "shards is 0", "seeds is 'maybe'"):
        assert name in words
    assert "limit is no parameter of it" in words
    for name in ("project", "region", "temp_location", "sdk_container_image"):
        assert f"{name} is missing" in words


@pytest.mark.parametrize(
    ("misspelt", "meant"), [("sinse", "since"), ("errortype", "error_type"), ("dead_leter", "dead")]
)
def test_a_name_that_is_misspelt_is_not_left_out(misspelt: str, meant: str) -> None:
    words = said({**USUAL["replay"], misspelt: "2026-02-01"})
    assert f"{misspelt} is no parameter: {meant}" in words


def test_what_a_launcher_adds_for_itself_is_left_to_beam() -> None:
    assert not said({**USUAL["replay"], "launched_from_console": "true"})


def test_a_job_of_another_runner_needs_no_place_in_the_cloud() -> None:
    assert not said(USUAL["replay"], [])


def test_a_change_is_remembered_for_as_long_as_it_can_come_again() -> None:
    words = said({**USUAL["stream"], "dedupe_horizon_s": "3600"})
    assert "dedupe_horizon_s is below 604800" in words
    words = said({**USUAL["stream"], "dedupe_horizon_s": "1209601"})
    assert "dedupe_horizon_s is above 1209600" in words
    assert not said({**USUAL["stream"], "dedupe_horizon_s": "1209600"})


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2026-02-30", "2026-03-02", "no day of the calendar"),
        ("2026-03-02", "2026-03-02", "is not before until"),
        ("2026-03-03", "2026-03-02", "is not before until"),
    ],
)
@pytest.mark.parametrize("name", ["backfill", "replay", "rebuild"])
def test_days_are_of_the_calendar_and_in_order(
    name: str, since: str, until: str, words: str
) -> None:
    assert words in said({**USUAL[name], "since": since, "until": until})


def test_a_day_is_rebuilt_once_all_of_it_is_written() -> None:
    of_day = {**USUAL["rebuild"], "until": "2027-01-15"}
    midnight = NOW - NOW % DAY_US
    assert "until 2027-01-15 is too late" in said(of_day, now=midnight + 5 * 3_600_000_000)
    assert "name 2027-01-14 or a day before it" in said(of_day, now=midnight + 5 * 3_600_000_000)
    assert not said(of_day, now=midnight + 6 * 3_600_000_000)
    assert "until is missing" in said({k: v for k, v in of_day.items() if k != "until"})


def test_the_launcher_says_in_a_line_why_there_is_no_job(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--pipeline=batch"]) == 1
    assert capsys.readouterr().err.startswith("no job was submitted: pipeline is 'batch'")
