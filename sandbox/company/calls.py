"""Calls as a Dialpad call-log export has them.

Columns: call_id, master_call_id, entry_point_call_id, direction, state, date_started,
date_connected, date_ended (epoch ms), duration (ms), external_number, internal_number,
contact_name, target_type, target_id, target_name, target_email.
"""

import random
from collections.abc import Iterator

from sandbox.company.world import AS_OF_US, DAY_US, Call, Rep, Scale, TruePerson

LEG_SHARE = 0.12
ANONYMOUS_SHARE = 0.02
INTERNAL_SHARE = 0.03
FIRST_CALL_ID = 5_404_319_552_798_720
"""Above 2^52, as Dialpad's are: a float would lose the last digits."""


def calls(
    rng: random.Random,
    scale: Scale,
    reps: tuple[Rep, ...],
    own_number: str,
    people: tuple[TruePerson, ...],
) -> Iterator[Call]:
    """Calls until `scale.calls` rows are made; the legs of a call are rows of their own."""
    made, call_id = 0, FIRST_CALL_ID
    reachable = [person for person in people if person.numbers or person.account]
    while made < scale.calls:
        call_id += rng.randrange(16, 1 << 24)
        rep = rng.choice(reps)
        person = rng.choice(reachable)
        own = person.numbers[0] if person.numbers else ""
        number = own or (person.account.switchboard if person.account else "")
        owner = person.id if own else (person.account.id if person.account else "")
        name = f"{person.given} {person.family}" if own and rng.random() < 0.5 else ""
        draw = rng.random()
        if draw < ANONYMOUS_SHARE:
            number, owner, name = "", "", ""
        elif draw < ANONYMOUS_SHARE + INTERNAL_SHARE:
            number, owner, name = rng.choice(reps).number, "", ""
        started = (AS_OF_US - rng.randrange(scale.days * DAY_US)) // 1_000
        missed = rng.random() < 0.15
        length = 0 if missed else rng.randrange(20_000, 1_800_000)
        row = {
            "call_id": str(call_id),
            "master_call_id": "",
            "entry_point_call_id": "",
            "direction": rng.choice(("inbound", "outbound")),
            "state": "missed" if missed else "hangup",
            "date_started": str(started),
            "date_connected": "" if missed else str(started + 9_000),
            "date_ended": str(started + 9_000 + length),
            "duration": str(length),
            "external_number": number or "anonymous",
            "internal_number": rep.number,
            "contact_name": name,
            "target_type": "user",
            "target_id": rep.user_id,
            "target_name": f"{rep.given} {rep.family}",
            "target_email": rep.email,
        }
        made += 1
        yield Call(row=row, number=number if owner else "", owner=owner)
        if rng.random() < LEG_SHARE and made < scale.calls:
            call_id += rng.randrange(16, 1 << 20)
            leg = {
                **row,
                "call_id": str(call_id),
                "master_call_id": row["call_id"],
                "entry_point_call_id": row["call_id"],
                "internal_number": own_number,
                "target_type": "office",
            }
            made += 1
            yield Call(row=leg, number=number if owner else "", owner=owner)
