"""What each vendor's records come to in the end: told from its own state, by nothing that reads it.

Object types and ids are those that changes have.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from sandbox.vendors.dialpad.seed import Record
from sandbox.vendors.dialpad.state import DialpadState
from sandbox.vendors.gmail import GmailState
from sandbox.vendors.hubspot import Account
from sandbox.vendors.hubspot.state import SINGULAR, TYPES
from sandbox.vendors.salesforce import Org
from sandbox.vendors.salesforce.answers import shown
from sandbox.vendors.truth import GONE, Expected, Records, living

RELATED = {"contacts": ("companies",), "companies": (), "deals": ("companies", "contacts")}
"""What a record's associations are read with; those of engagements with all three."""
ENGAGED = ("companies", "contacts", "deals")
_IN_PROGRESS = frozenset(("ringing", "connected"))
_ENDED = frozenset(("hangup", "missed"))


def gmail_truth(state: GmailState) -> Records:
    """Messages of all mailboxes, by id; those in the bin live, and bear its label."""
    messages: dict[str, Expected] = {}
    with state.lock:
        for address, mailbox in state.mailboxes.items():
            for event in mailbox.history:
                if event.kind == "messagesDeleted":
                    messages[str(event.message["id"])] = GONE
            for name, message in state.expected(address).items():
                record = {**message.resource(), "mailbox": address}
                messages[name] = living("gmail", "message", record)
    return {"message": messages}


def salesforce_truth(org: Org) -> Records:
    """Rows of all objects: what is in the recycle bin or out of it is gone."""
    found: Records = {}
    with org.lock:
        for name, entity in org.entities.items():
            # Compounds say again what their parts say, and of formulas no change is ever stamped.
            fields = tuple(
                field
                for field, kind in entity.types.items()
                if kind != "address" and field not in entity.formulas
            )
            records = {one.record_id: GONE for one in org.deletions.get(name, ())}
            for record_id, row in org.newest(name).items():
                if not row.get("IsDeleted"):
                    record = shown(entity, row, fields, "")
                    records[record_id] = living("salesforce", name.lower(), record)
                elif row.get("MasterRecordId"):
                    records[record_id] = Expected(merged_into=row["MasterRecordId"])
                else:
                    records[record_id] = GONE
            found[name.lower()] = records
    return found


def hubspot_truth(account: Account, *, associations: bool) -> Records:
    """Records of all objects, and owners."""
    found: Records = {}
    with account.lock:
        for path in TYPES:
            name = SINGULAR.get(path, path.removesuffix("s"))
            records: dict[str, Expected] = {}
            for record in account.objects[path].values():
                made = living("hubspot", name, _hubspot_record(account, path, record.id))
                if not associations:
                    made = msgspec.structs.replace(made, associations=None)
                records[record.id] = GONE if record.archived is not None else made
            found[name] = records
        for (path, loser), winner in account.merged.items():
            name = SINGULAR.get(path, path.removesuffix("s"))
            found[name][loser] = Expected(merged_into=winner)
        found["owner"] = {
            one: living("hubspot", "owner", owner) for one, owner in account.owners.items()
        }
    return found


def _hubspot_record(account: Account, path: str, record_id: str) -> dict[str, Any]:
    record = account.objects[path][record_id]
    made = account.shown(path, record, account.property_names(path))
    made["associations"] = {
        to: {
            "results": [
                {"toObjectId": other}
                for other in sorted(
                    account.links.get((path, to), {}).get(record_id, ()),
                    key=lambda text: (len(text), text),
                )
            ]
        }
        for to in RELATED.get(path, ENGAGED)
    }
    return made


def dialpad_truth(state: DialpadState, told: Iterable[Record]) -> Records:
    """Calls that are over, with what was said; users and contacts; and of `told`, the events that
    somebody is told, what nothing else says: calls in progress, text messages, afterthoughts."""
    found: Records = {
        "call": {},
        "call_event": {},
        "sms": {},
        "transcript": {},
        "recap": {},
    }
    with state.lock:
        for event in told:
            _from_event(found, event)
        for call in state.listed():
            call_id = call["call_id"]
            found["call"][call_id] = living("dialpad", "call", call)
            for kind, read in (("transcript", state.transcript), ("recap", state.recap)):
                said = read(call_id)
                if said is not None:
                    found[kind][call_id] = living("dialpad", kind, said)
        for kind, records in (("user", state.users), ("contact", state.contacts)):
            found[kind] = {key: living("dialpad", kind, one) for key, one in records.items()}
    return found


def _from_event(found: Records, event: Record) -> None:
    state = event.get("state")
    if event.get("call_id") is None:
        if "text" in event:
            found["sms"][str(event["id"])] = living("dialpad", "sms", event)
    elif state in _IN_PROGRESS or state in _ENDED:
        found["call"][str(event["call_id"])] = living("dialpad", "call", event)
    else:
        key = f"{event['call_id']}:{state}"
        found["call_event"][key] = living("dialpad", "call_event", event)
