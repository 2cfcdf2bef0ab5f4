"""What stands against updating a running job is named, with what to do."""

import json
from pathlib import Path

import pytest

from pipelines.compatibility import NAMES, incompatibilities, main, read, renamed

ROOT = Path(__file__).resolve().parents[2]
STREAM = ROOT / "tests" / "templates" / "golden" / "stream.txt"
RUNNING = """\
shards: 64

Read
    main: ReceivedCoder

Dedupe
    first: NormalisedCoder

Dedupe/Remember
    first: NormalisedCoder
    state log: bag of bytes
    state token: read_modify_write of bytes
    timer rotate: processing time, timer(varint)

Dedupe/Tell
    main: RowBatchCoder
"""


def found(coming: str, names: dict[str, str] | None = None) -> list[str]:
    return sorted(map(str, incompatibilities(RUNNING, coming, names or {})))


def test_the_same_graph_and_one_with_more_steps_stand_against_nothing() -> None:
    assert not found(RUNNING)
    assert not found(RUNNING + "\nSignals\n    main: RowBatchCoder\n    state log: bag of bytes\n")
    other = RUNNING.replace("    main: ReceivedCoder", "    main: ReceivedCoder\n    other: bytes")
    assert not found(other)


@pytest.mark.parametrize(
    ("was", "now", "says", "advice"),
    [
        ("shards: 64", "shards: 128", "shards: 64 became 128", "in parallel"),
        ("Dedupe/Tell", "Dedupe/Say", "Dedupe/Tell: is not there any more", "transform-names.json"),
        (
            "Read\n    main: ReceivedCoder",
            "Read\n    main: bytes",
            "Read: output main was ReceivedCoder, is bytes",
            "in parallel",
        ),
        (
            "    state log: bag of bytes\n",
            "",
            "Dedupe/Remember: state log was bag of bytes, is gone",
            "in parallel",
        ),
        (
            "state token: read_modify_write of bytes",
            "state token: read_modify_write of varint",
            "state token was read_modify_write of bytes, is read_modify_write of varint",
            "in parallel",
        ),
        (
            "timer rotate: processing time",
            "timer rotate: event time",
            "timer rotate was processing time, timer(varint), is event time, timer(varint)",
            "in parallel",
        ),
        (
            "    main: RowBatchCoder\n",
            "    main: RowBatchCoder\n    state seen: bag of bytes\n",
            "Dedupe/Tell: state seen was not there, is bag of bytes",
            "in parallel",
        ),
    ],
)
def test_a_change_is_named_with_what_to_do(was: str, now: str, says: str, advice: str) -> None:
    assert was in RUNNING
    (only,) = found(RUNNING.replace(was, now))
    assert says in only
    assert advice in only and "docs/updates.md" in only


def test_a_step_that_was_renamed_is_found_by_the_mapping_with_all_within_it() -> None:
    coming = RUNNING.replace("Dedupe", "Remember once")
    assert len(found(coming)) == 3
    assert not found(coming, {"Dedupe": "Remember once"})
    assert renamed("Dedupe/Remember", {"Dedupe": "A", "Dedupe/Remember": "B"}) == "B"


def test_a_step_that_is_gone_may_be_mapped_to_nothing_unless_it_had_state() -> None:
    without_tell = RUNNING.partition("\nDedupe/Tell")[0]
    assert not found(without_tell, {"Dedupe/Tell": ""})
    without_dedupe = RUNNING.partition("\nDedupe\n")[0]
    gone = found(without_dedupe, {"Dedupe": ""})
    assert len(gone) == 3 and all("is taken away with its" in one for one in gone)


def test_the_mapping_of_this_tree_leads_to_steps_that_there_are() -> None:
    steps = read(STREAM.read_text(encoding="utf-8")).steps
    for now in json.loads(NAMES.read_text(encoding="utf-8")).values():
        assert now == "" or now in steps


def test_the_command_says_yes_or_why_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running, coming = tmp_path / "running.txt", tmp_path / "coming.txt"
    running.write_text(RUNNING)
    coming.write_text(RUNNING)
    assert main([str(running), str(coming)]) == 0
    assert "can be updated in place" in capsys.readouterr().out
    coming.write_text(RUNNING.replace("64", "32"))
    assert main([str(running), str(coming)]) == 1
    assert "1 reasons against" in capsys.readouterr().err
