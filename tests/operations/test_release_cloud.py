"""A release by the real clients: Pub/Sub's against the embedded server, Dataflow's against a
stand-in of its API, and a terraform that notes how it is called."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import pubsub_v1
from release_place import PROJECT, Place, released_to

from operations.release.cloud import INTERFACE
from operations.release.positions import SUBSCRIPTIONS
from operations.release.steps import REPLACED
from schemas.errors import FatalError, RetriableError

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with released_to(tmp_path, monkeypatch) as made:
        yield made


def test_a_first_deployment_applies_and_asks_for_nothing_else(place: Place) -> None:
    place.stream().prepare()
    assert place.release("abc") == ("apply",)
    assert place.checkout.calls() == [
        "init -input=false -reconfigure -backend-config=environments/dev.backend",
        "apply -input=false -auto-approve -var-file=environments/dev.tfvars -var=release=abc",
    ]
    assert place.stream().last()[1:] == ("abc", True, False)


def test_a_stream_that_was_drained_goes_on_from_where_it_is_however_it_came_to_run(
    place: Place,
) -> None:
    place.release("a")
    assert place.release("b", replace=True) == REPLACED
    place.stream().drain()
    assert place.release("b") == ("apply",)
    assert place.jobs.states() == ["DRAINED", "DRAINED", "RUNNING"]


@pytest.mark.parametrize("drained", [False, True])
def test_a_release_that_comes_again_is_not_taken_back_to_where_it_began_before(
    place: Place, drained: bool
) -> None:
    """a-to-b is there from the first time; nobody goes back to it the second time."""
    for release in ("a", "b", "c", "a"):
        place.release(release, replace=True)
    first = place.positions.kept("a-to-b")
    if drained:
        place.stream().drain()
        assert place.release("b") == ("forget", "apply")
        assert not place.positions.kept("a-to-b")
    else:
        assert place.release("b", replace=True) == REPLACED
        assert place.positions.kept("a-to-b") not in ("", first)


def test_the_same_release_is_replaced_where_that_is_asked_for(place: Place) -> None:
    place.release("b")
    assert place.release("b", replace=True) == REPLACED
    assert place.release("b") == ("forget", "apply")


@pytest.mark.parametrize(
    ("step", "again"),
    [("drain", REPLACED), ("seek", ("seek", "apply")), ("apply", ("seek", "apply"))],
)
def test_what_was_broken_off_goes_on_with_the_same_command(
    place: Place, step: str, again: tuple[str, ...]
) -> None:
    place.jobs.start("other", name="other")
    place.release("a")
    place.broken_off_before(step, "b")
    assert place.release("b") == again
    assert place.jobs.states() == ["DRAINED", "RUNNING"]
    assert place.jobs.states("other") == ["RUNNING"]


def test_what_was_broken_off_in_the_drain_waits_for_its_end(place: Place) -> None:
    place.release("a")
    place.broken_off_before("drain", "b")
    place.jobs.drains_after = 1_000
    with pytest.raises(RetriableError, match="JOB_STATE_DRAINING after 30 s"):
        place.stream(patience_s=30.0).drain()
    assert place.decision("c").steps == ("drain", "apply")
    place.jobs.drains_after = place.jobs.polls + 2
    assert place.release("b") == ("drain", "seek", "apply")


def test_a_failed_apply_says_what_to_do_and_the_next_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.release("a")
    monkeypatch.setenv("FAILS", "1")
    with pytest.raises(RetriableError, match="REPLACE=1"):
        place.release("b", replace=True)
    monkeypatch.setenv("FAILS", "0")
    assert place.release("b") == ("seek", "apply")


def test_what_runs_is_what_dataflow_says_and_not_what_terraform_believes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.release("a")
    monkeypatch.setenv("REFUSED", "1")
    with pytest.raises(RetriableError, match="b does not run: a does"):
        place.release("b")
    assert place.stream().last().release == "a"
    place.stream().drain()
    with pytest.raises(RetriableError, match="b does not run: nothing does"):
        place.release("b")


def test_a_job_that_fails_as_it_starts_is_not_taken_for_one_that_runs(place: Place) -> None:
    place.jobs.starts_as = "JOB_STATE_FAILED"
    with pytest.raises(RetriableError, match="v1.2 does not run: nothing does"):
        place.release("v1.2")
    place.jobs.start("v1_3")
    assert place.stream().last()[1:] == ("v1.3", False, False)


def test_a_job_that_starts_is_waited_for(place: Place) -> None:
    place.jobs.starts_as = "JOB_STATE_QUEUED"
    place.release("a")
    assert place.jobs.states() == ["QUEUED"]
    assert place.stream().last()[1:] == ("a", True, False)


def test_an_update_that_was_refused_did_not_run_last(place: Place) -> None:
    place.release("a")
    place.jobs.starts_as = "JOB_STATE_FAILED"
    place.jobs.jobs[0]["name"] = "aside"
    place.jobs.start("b")
    place.jobs.jobs[0]["name"] = "stream"
    assert place.stream().last().release == "a"
    place.stream().drain()
    assert place.stream().last()[1:] == ("a", False, False)


def test_a_rollback_goes_back_to_the_snapshots_that_were_made_before(place: Place) -> None:
    place.release("a")
    place.release("b", replace=True)
    assert place.release("a", back=True) == ("drain", "seek", "apply", "forget")
    assert place.checkout.calls()[-1].endswith("-var=release=a")
    assert not place.positions.kept("a-to-b")


def test_a_rollback_past_a_release_says_that_nothing_is_read_again(place: Place) -> None:
    for release in ("a", "b", "c"):
        place.release(release, replace=True)
    decision = place.decision("a", back=True)
    assert decision.position == "c-to-a"
    assert "what c has read is not read again" in decision.why


def test_positions_are_of_every_subscription_and_of_the_last_time(place: Place) -> None:
    assert len(SUBSCRIPTIONS) == 6
    assert not place.positions.kept("a-to-b")
    for job in ("first", "second"):
        place.positions.keep("a-to-b", job)
        assert place.positions.kept("a-to-b") == job
    assert place.positions.seek("a-to-b") == ()
    for _ in range(2):
        place.positions.forget("a-to-b")
    assert not place.positions.kept("a-to-b")


def test_a_subscription_that_the_release_adds_is_left_where_it_stands(
    place: Place,
) -> None:
    added = SUBSCRIPTIONS[0]
    with pubsub_v1.SubscriberClient() as subscriber:
        name = f"projects/{PROJECT}/subscriptions/{added}"
        made = subscriber.get_subscription(subscription=name)
        subscriber.delete_subscription(subscription=name)
        place.positions.keep("a-to-b", "job")
        assert place.positions.kept("a-to-b") == "job"
        subscriber.create_subscription(name=name, topic=made.topic)
    assert place.positions.seek("a-to-b") == (added,)


def test_a_drain_of_nothing_is_no_drain(place: Place) -> None:
    place.stream().drain()
    place.release("a")
    for _ in range(2):
        place.stream().drain()
    assert place.jobs.states() == ["DRAINED"]


def test_releases_are_compared_as_their_commits_have_them(place: Place) -> None:
    text = (ROOT / INTERFACE).read_text()
    first = place.checkout.commit(INTERFACE, text)
    second = place.checkout.commit(INTERFACE, text.replace("shards: 64", "shards: 32"))
    stream = place.stream()
    assert stream.differences(first, first) == ()
    assert len(stream.differences(first, second) or ()) == 1
    assert stream.differences(first, "nowhere") is None


def test_a_job_that_nobody_knows_is_not_updated(place: Place) -> None:
    assert not place.stream().last().id
    place.jobs.start()
    with pytest.raises(FatalError, match="no label says of which release.*make drain"):
        place.stream().last()
    place.stream().drain()
    assert place.release("a") == ("apply",)
