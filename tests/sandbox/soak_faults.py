"""Which faults are on when: drawn anew for each stretch of a soak, until every one has struck."""

import random

from embedded.pubsub import FaultPlan
from sandbox.vendors.estate import NAMES, Estate
from sandbox.vendors.faults import Fault
from sandbox.vendors.switches import EVERYWHERE, SWITCHES

ON = 0.35
"""Part of the switches that are on in a stretch."""
SHARES = (0.003, 0.03)
ONCE = frozenset(
    # What closes a source for an hour or ends a process, and what is waited for in earnest.
    "hang 401 403 topic_refused request_limit api_disabled forbidden token_refused daily refused"
    " undefined".split()
)
"""Strike once in a stretch: for ever, each of them is a refusal that a person has to mend."""
ONCE_SHARE = 0.01
SELDOM_ASKED = frozenset(
    "history_gone token_refused token_html bulk_refused bulk_failed bulk_aborted bulk_short"
    " bulk_miscounted bulk_cut bulk_locator_lost bulk_again bulk_empty bulk_no_text".split()
)
SELDOM_SHARE = 0.1
UNREACHED = {"gmail": frozenset({"start_ahead_taken"})}
"""Only a mailbox that was put back has an id behind where we stand."""
FIRST_SHARE = 0.5
"""Of what has not struck yet."""


def switches(vendor: str) -> tuple[str, ...]:
    """Those of a vendor that a soak can have strike."""
    left_out = UNREACHED.get(vendor, frozenset())
    return tuple(one for one in (*EVERYWHERE, *SWITCHES[vendor]) if one not in left_out)


def switch_over(estate: Estate, rng: random.Random) -> None:
    """Other faults than those that were on."""
    for vendor in NAMES:
        faults = estate.faults[vendor]
        faults.switch_off()
        for name in switches(vendor):
            share, drawn = rng.uniform(*SHARES), rng.random()
            struck = faults.struck[name]
            if not struck:
                fault = Fault(name=name, share=FIRST_SHARE, times=1)
            elif drawn >= ON:
                continue
            elif name in ONCE:
                fault = Fault(name=name, share=ONCE_SHARE, times=struck + 1)
            elif name in SELDOM_ASKED:
                fault = Fault(name=name, share=SELDOM_SHARE)
            else:
                fault = Fault(name=name, share=share)
            faults.switch_on(fault)


def pubsub_plan(rng: random.Random) -> FaultPlan:
    """What goes wrong with Pub/Sub during the next step: mostly nothing."""
    code = rng.choice(("UNAVAILABLE", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"))
    method = rng.choice(("Publish", "Publish", "Pull", "Acknowledge", "ModifyAckDeadline"))
    plans = (
        FaultPlan(),
        FaultPlan(latency_s=0.002),
        FaultPlan(errors={method: code}, error_calls=rng.randint(1, 4)),
        FaultPlan(drop_acknowledgements=True),
        FaultPlan(duplicates=True),
    )
    return rng.choices(plans, (6, 1, 2, 1, 1))[0]


def unstruck(estate: Estate) -> list[tuple[str, str]]:
    """Vendors and switches of theirs of which nothing was seen."""
    return [
        (vendor, name)
        for vendor in NAMES
        for name in switches(vendor)
        if not estate.faults[vendor].struck[name]
    ]


def struck_table(estate: Estate, seed: int) -> str:
    """Vendor, switch, how often it struck: for people."""
    lines = [f"seed {seed}", f"{'vendor':<12}{'switch':<24}struck"]
    for vendor in NAMES:
        struck = estate.faults[vendor].struck
        lines += [f"{vendor:<12}{name:<24}{struck[name]}" for name in switches(vendor)]
    return "\n".join(lines)
