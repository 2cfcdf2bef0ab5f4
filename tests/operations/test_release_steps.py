"""How one release follows another: in place where the running state fits, else by a drain."""

import itertools
from pathlib import Path

import pytest

from operations.release.environment import checked_release, environment_of
from operations.release.steps import REPLACED, Decision, Facts, decided
from schemas.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent.parent
FITS: tuple[str, ...] = ()
GONE = ("Ingest/Dedupe is gone", "Ingest/Settle is gone")


IN_PLACE = ("apply",)


@pytest.mark.parametrize(
    ("facts", "steps"),
    [
        (Facts("b"), IN_PLACE),
        (Facts("b", latest="b"), IN_PLACE),
        (Facts("b", latest="b", stale=True), ("forget", "apply")),
        (Facts("b", latest="a", kept=True), ("seek", "apply")),
        (Facts("b", latest="b", kept=True), ("seek", "apply")),
        (Facts("b", latest="a", stale=True, replace=True), ("forget", "apply")),
        (Facts("b", running="a", ending=True, kept=True), ("drain", "seek", "apply")),
        (Facts("b", running="a", ending=True, differences=GONE), ("drain", "apply")),
        (Facts("b", running="b", ending=True), ("drain", "apply")),
        (Facts("b", running="b", differences=GONE), IN_PLACE),
        (Facts("b", running="b", replace=True), REPLACED),
        (Facts("b", running="a", differences=FITS), IN_PLACE),
        (Facts("b", running="a", differences=FITS, stale=True), ("forget", "apply")),
        (Facts("b", running="a", differences=None), IN_PLACE),
        (Facts("b", running="a", differences=GONE), REPLACED),
        (Facts("b", running="a", differences=GONE, stale=True), REPLACED),
        (Facts("b", running="a", differences=FITS, replace=True), REPLACED),
        (Facts("b", running="a", differences=FITS, kept=True), REPLACED),
    ],
)
def test_a_deployment_updates_what_fits_replaces_what_does_not_and_goes_on_when_broken_off(
    facts: Facts, steps: tuple[str, ...]
) -> None:
    decision = decided(facts)
    assert (decision.steps, decision.position) == (steps, f"{facts.left}-to-b")


@pytest.mark.parametrize("facts", [Facts("a", running="b"), Facts("a", latest="b")])
def test_a_rollback_reads_again_what_the_release_read_for_which_the_stream_was_replaced(
    facts: Facts,
) -> None:
    steps = ("drain", "seek", "apply", "forget")
    decision = decided(facts._replace(back=True, reread=True))
    assert decision == (steps, "a-to-b", "all that b has read is read again")


@pytest.mark.parametrize(
    ("facts", "steps"),
    [
        (Facts("a", latest="c", back=True), IN_PLACE),
        (Facts("a", latest="c", back=True, kept=True), ("seek", "apply")),
        (Facts("a", running="c", back=True, differences=FITS), IN_PLACE),
        (Facts("a", running="c", back=True, differences=GONE), REPLACED),
    ],
)
def test_a_rollback_past_a_release_goes_as_a_deployment_does_and_says_what_is_not_read_again(
    facts: Facts, steps: tuple[str, ...]
) -> None:
    decision = decided(facts)
    assert (decision.steps, decision.position) == (steps, "c-to-a")
    assert decision.why.endswith("when c replaced a, so what c has read is not read again")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts("a", back=True), "nothing has run"),
        (Facts("a", running="a", latest="a", back=True), "name the release before it"),
        (Facts("a", latest="a", back=True), "`make deploy RELEASE=a` starts it again"),
        (Facts("a", running="a", latest="a", ending=True, back=True), "starts it again"),
    ],
)
def test_nothing_is_rolled_back_where_nothing_else_ran(facts: Facts, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        decided(facts)


def every_decision() -> list[Decision]:
    yes_or_no = (False, True)
    facts = [
        Facts("b", running, running or latest, bool(running) and ending, differs, *more)
        for running, latest, differs in itertools.product(
            ("", "a", "b"), ("", "a", "b"), (FITS, GONE, None)
        )
        for ending, *more in itertools.product(*[yes_or_no] * 6)
    ]
    return [decided(one) for one in facts if not one.back or one.left not in ("", "b")]


def test_whatever_is_so_it_ends_applied_and_nothing_is_sought_while_a_job_reads() -> None:
    for decision in every_decision():
        steps = decision.steps
        assert [step for step in steps if step != "forget"][-1] == "apply"
        assert decision.why
        if "seek" in steps and steps[0] != "seek":
            assert steps.index("drain") < steps.index("seek")
        if "snapshot" in steps:
            assert steps.index("snapshot") < steps.index("drain")


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


@pytest.mark.parametrize("text", ["", "V1", "a b", "-x", "a" * 41, "a;rm", "$(x)", "v_1", "a-to-b"])
def test_a_release_is_a_tag(text: str) -> None:
    assert [checked_release(one) for one in ("3f2a91c", "v1.2.0-rc1")] == ["3f2a91c", "v1.2.0-rc1"]
    with pytest.raises(ConfigurationError, match="tag of an image"):
        checked_release(text)
