"""How one release follows another: in place where the running state fits, else by a drain."""

import itertools
from pathlib import Path

import pytest

from operations.release.environment import checked_release, environment_of
from operations.release.steps import REPLACED, Decision, Facts, deployment, rollback
from schemas.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent.parent
FITS: tuple[str, ...] = ()
GONE = ("Ingest/Dedupe is gone", "Ingest/Settle is gone")


@pytest.mark.parametrize(
    ("facts", "steps"),
    [
        (Facts("b"), ("apply",)),
        (Facts("b", running="b", differences=GONE), ("apply",)),
        (Facts("b", running="a", differences=FITS), ("apply",)),
        (Facts("b", running="a", differences=None), ("apply",)),
        (Facts("b", running="a", differences=GONE), REPLACED),
        (Facts("b", running="a", differences=FITS, replace=True), REPLACED),
        (Facts("b", running="a", differences=FITS, kept=True), REPLACED),
        (Facts("b", latest="a", kept=True), ("seek", "apply")),
    ],
)
def test_a_deployment_updates_what_fits_replaces_what_does_not_and_goes_on_when_broken_off(
    facts: Facts, steps: tuple[str, ...]
) -> None:
    decision = deployment(facts)
    assert (decision.steps, decision.position) == (steps, "before-b")


@pytest.mark.parametrize(
    ("facts", "steps"),
    [
        (Facts("a", running="b", kept=True), ("drain", "seek", "apply")),
        (Facts("a", latest="b", kept=True), ("drain", "seek", "apply")),
        (Facts("a", latest="b"), ("apply",)),
        (Facts("a", running="b", differences=FITS), ("apply",)),
        (Facts("a", running="b", differences=GONE), REPLACED),
    ],
)
def test_a_rollback_reads_again_what_the_release_read_for_which_the_stream_was_replaced(
    facts: Facts, steps: tuple[str, ...]
) -> None:
    decision = rollback(facts)
    assert (decision.steps, decision.position) == (steps, "before-b")


@pytest.mark.parametrize("facts", [Facts("a"), Facts("a", running="a"), Facts("a", latest="a")])
def test_nothing_is_rolled_back_where_nothing_else_ran(facts: Facts) -> None:
    with pytest.raises(ConfigurationError):
        rollback(facts)


def every_decision() -> list[Decision]:
    facts = [
        Facts("b", running, latest, differs, kept, replace)
        for running, latest, differs, kept, replace in itertools.product(
            ("", "a"), ("", "a"), (FITS, GONE, None), (False, True), (False, True)
        )
    ]
    rolled = [one for one in facts if one.running or one.latest]
    return [*map(deployment, facts), *map(rollback, rolled)]


def test_whatever_is_so_it_ends_applied_and_nothing_is_sought_while_a_job_reads() -> None:
    for decision in every_decision():
        assert decision.steps[-1] == "apply"
        assert decision.why
        if "seek" in decision.steps and decision.steps[0] != "seek":
            assert decision.steps.index("drain") < decision.steps.index("seek")
        if "snapshot" in decision.steps:
            assert decision.steps.index("snapshot") < decision.steps.index("drain")


def test_an_environment_is_one_that_has_its_files() -> None:
    found = environment_of("prod", ROOT / "terraform")
    assert (found.project, found.region) == ("example-salesintel-prod", "us-central1")
    assert (ROOT / "terraform" / found.backend).exists()
    for name in ("stage", "../prod", ""):
        with pytest.raises(ConfigurationError, match="dev, prod"):
            environment_of(name, ROOT / "terraform")


def test_an_environment_that_names_no_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.tfvars").write_text('region = "r"\n')
    with pytest.raises(ConfigurationError, match="names no project"):
        environment_of("dev", tmp_path)


@pytest.mark.parametrize("text", ["", "V1", "a b", "-x", "a" * 41, "a;rm", "$(x)"])
def test_a_release_is_a_tag(text: str) -> None:
    assert checked_release("3f2a91c") == "3f2a91c"
    with pytest.raises(ConfigurationError, match="tag of an image"):
        checked_release(text)
