"""Which test rehearses which runbook; `python tests/operations/rehearsals.py` writes the table in
docs/cloud.md."""

from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cloud.md"
BEGIN, END = "<!-- rehearsals: made by `make permissions` -->\n", "<!-- end -->"

HERE = "tests/operations/test_runbooks.py"
_FAULTS = "tests/stack/test_faults.py"
_HOOKS = "tests/stack/test_live_webhooks.py"
_NIGHT = "tests/stack/test_nightly.py"
_POLL = "tests/stack/test_poll.py"

_BY_NAME = (
    "data-quality",
    "error-ratio",
    "figures-missing",
    "freshness-slo",
    "hints-waiting",
    "job-by-hand-failed",
    "job-failed",
    "night-failed",
    "oldest-message",
    "pipeline-not-running",
    "query-failures",
    "source-quota",
    "stuck-work",
    "warehouse-write-failures",
)
_KILLED = f"{_FAULTS}::test_a_pipeline_that_is_killed_again_and_again_loses_nothing"
_AWAY = f"{_FAULTS}::test_an_outage_of_the_warehouse_in_the_middle_of_an_import_is_waited_out"
_FORGED = f"{_HOOKS}::test_what_is_forged_is_refused_and_published_nowhere"
_DOWN = f"{_HOOKS}::test_while_pubsub_is_down_vendors_are_asked_to_come_again_and_nothing_is_lost"
_UNREACHED = (
    f"{_HOOKS}::test_a_service_that_is_down_answers_no_probe_and_a_poll_meets_what_it_has_missed"
)
_GIVEN_UP = f"{_HOOKS}::test_a_hint_that_is_given_up_is_a_dead_letter_and_a_replay_is_a_hint_again"
_DRIFTED = f"{_NIGHT}::test_trap_51_subscriptions_that_have_drifted_fail_the_night_with_their_fix"
_DOCTOR = f"{_POLL}::test_the_doctor_of_a_source_tells_a_good_token_from_a_refused_one"
_UNREADY = (
    "tests/operations/test_health_port.py"
    "::test_a_loop_is_ready_while_its_turns_go_well_and_alive_while_it_turns"
)
_RULES = (
    "tests/operations/test_watching.py"
    "::test_the_exit_code_of_quality_says_whether_an_error_was_found"
)
_REPORT = (
    "tests/operations/test_identity_commands.py"
    "::test_the_report_never_gives_a_rate_without_its_precision"
)
_DECIDED = (
    "tests/stack/test_decided_by_people.py"
    "::test_link_and_unlink_take_hold_are_taken_back_and_outlive_the_stack"
)

REHEARSED: Mapping[str, tuple[str, ...]] = {
    **{name: (f"{HERE}::test_runbook_{name.replace('-', '_')}",) for name in _BY_NAME},
    "pipeline-failed": (_KILLED,),
    "webhook-errors": (_DOWN,),
    "webhook-signatures": (_FORGED,),
    "webhooks-slo": (_DOWN,),
    "webhooks-unreachable": (_UNREACHED,),
    "job-not-started": (_UNREADY,),
    "state-growth": (_REPORT, _DECIDED),
}
"""Tests that bring a condition about, and follow what the runbook says."""

BESIDES: Mapping[str, tuple[str, ...]] = {
    "hints-waiting": (_GIVEN_UP,),
    "night-failed": (_DRIFTED,),
    "pipeline-not-running": (_KILLED,),
    "stuck-work": (_AWAY,),
}
"""More of them, on a whole stack."""

CLOUD_ALONE: Mapping[str, str] = {
    "budget": "bills are Google's, and so is all that it says to look at",
    "secret-denied": "only Secret Manager refuses; who may read what is tested on a plan",
    "secret-due": "only Secret Manager reminds; that a new version is read is tested with secrets",
    "workers-at-limit": "one machine has one worker",
}
"""What no machine of ours can bring about."""

LEFT: Mapping[str, Mapping[str, str]] = {
    "hints-waiting": {
        "doctor gmail": _DOCTOR,
        "replay --stage fetch --yes": _GIVEN_UP,
    },
    "job-failed": {"doctor SOURCE": _DOCTOR},
    "night-failed": {
        "nightly SOURCE": _DRIFTED,
        "subscribe dialpad": _DRIFTED,
        "quality": _RULES,
    },
}
"""Commands that the tests here leave to another."""


def rehearsing(name: str) -> tuple[str, ...]:
    """Those that rehearse a runbook."""
    return REHEARSED.get(name, ()) + BESIDES.get(name, ())


def table() -> str:
    """The table in the docs."""
    lines = ["| runbook | rehearsed by |", "|---|---|"]
    for name in sorted(REHEARSED.keys() | CLOUD_ALONE.keys()):
        how = (
            "<br>".join(f"`{one}`" for one in rehearsing(name)) or f"not here: {CLOUD_ALONE[name]}"
        )
        lines.append(f"| [{name}](../runbooks/{name}.md) | {how} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
