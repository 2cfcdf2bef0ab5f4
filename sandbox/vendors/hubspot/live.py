"""A working day in the CRM: records made, edited, archived, put back, merged and put together."""

import random

from sandbox.company.people import plain
from sandbox.company.words import FAMILY, GIVEN, SENTENCES, TITLES, TOPICS
from sandbox.vendors.happening import Happening, one_of
from sandbox.vendors.hubspot.state import SINGULAR, Account, Properties, Record, iso

WEIGHTS = {
    "create": 5,
    "edit": 10,
    "archive": 2,
    "restore": 1,
    "merge": 1,
    "associate": 2,
    "dissociate": 1,
    "engage": 4,
}
CRM = ("contacts", "contacts", "companies", "deals")
ENGAGEMENTS = ("notes", "calls", "emails", "meetings", "tasks", "communications")
PAIRS = (("contacts", "companies"), ("deals", "companies"), ("deals", "contacts"))


class HubSpotLife:
    """What happens in one account."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def happen(self, rng: random.Random) -> Happening:
        """One thing happens."""
        steps = {
            "create": self._create,
            "edit": self._edit,
            "archive": self._archive,
            "restore": self._restore,
            "merge": self._merge,
            "associate": self._associate,
            "dissociate": self._dissociate,
            "engage": self._engage,
        }
        with self.account.lock:
            return one_of(rng, steps, WEIGHTS)

    def _create(self, rng: random.Random) -> Happening:
        path, given, family = rng.choice(CRM), rng.choice(GIVEN), rng.choice(FAMILY)
        properties: dict[str, Properties] = {
            "contacts": {
                "firstname": given,
                "lastname": family,
                "email": f"{plain(given)}.{plain(family)}{rng.randrange(1_000)}@new.example",
                "jobtitle": rng.choice(TITLES),
            },
            "companies": {"name": f"{family} & {given}", "domain": f"{plain(family)}.example"},
            "deals": {"dealname": rng.choice(TOPICS), "amount": str(rng.randrange(1, 90) * 1_000)},
        }
        record = self.account.create(path, properties[path])
        return _made("create", path, record.id)

    def _edit(self, rng: random.Random) -> Happening | None:
        path = rng.choice(CRM)
        record = self._pick(rng, path)
        if record is None:
            return None
        number = rng.randrange(1, 1_000)
        changed: dict[str, Properties] = {
            "contacts": {"jobtitle": f"{rng.choice(TITLES)} {number}"},
            "companies": {"phone": f"(415) 555-{number:04d}"},
            "deals": {"amount": str(number * 500)},
        }
        self.account.edit(path, record.id, changed[path])
        return _made("edit", path, record.id)

    def _archive(self, rng: random.Random) -> Happening | None:
        path = rng.choice(CRM)
        live = list(self.account.live(path))
        if len(live) < 2:
            return None
        record = rng.choice(live)
        self.account.archive(path, record.id)
        return _made("archive", path, record.id)

    def _restore(self, rng: random.Random) -> Happening | None:
        path = rng.choice(CRM)
        gone = [one for one in self.account.objects[path].values() if one.archived is not None]
        if not gone:
            return None
        record = rng.choice(gone)
        self.account.restore(path, record.id)
        return _made("restore", path, record.id)

    def _merge(self, rng: random.Random) -> Happening | None:
        path = rng.choice(CRM)
        live = list(self.account.live(path))
        if len(live) < 3:
            return None
        primary, other = rng.sample(live, 2)
        self.account.merge(path, primary.id, other.id, new_id=rng.random() < 0.5)
        return _made("merge", path, other.id)

    def _associate(self, rng: random.Random) -> Happening | None:
        path, to = rng.choice(PAIRS)
        one, other = self._pick(rng, path), self._pick(rng, to)
        if one is None or other is None:
            return None
        self.account.associate(path, one.id, to, other.id)
        return _made("associate", path, one.id)

    def _dissociate(self, rng: random.Random) -> Happening | None:
        path, to = rng.choice(PAIRS)
        links = self.account.links.get((path, to), {})
        there = self.account.objects[to]
        pairs = [
            (one.id, other)
            for one in self.account.live(path)
            for other in links.get(one.id, ())
            if other in there
        ]
        if not pairs:
            return None
        record_id, other = rng.choice(pairs)
        self.account.dissociate(path, record_id, to, other)
        return _made("dissociate", path, record_id)

    def _engage(self, rng: random.Random) -> Happening | None:
        contact = self._pick(rng, "contacts")
        if contact is None:
            return None
        path, said = rng.choice(ENGAGEMENTS), rng.choice(SENTENCES)
        moment = iso(self.account.now())
        properties: dict[str, Properties] = {
            "notes": {"hs_note_body": f"<p>{said}</p>"},
            "calls": {
                "hs_call_title": rng.choice(TOPICS),
                "hs_call_direction": rng.choice(("INBOUND", "OUTBOUND")),
                "hs_call_duration": str(rng.randrange(5_000, 900_000)),
                "hs_call_to_number": contact.properties.get("phone") or "",
            },
            "emails": {
                "hs_email_subject": rng.choice(TOPICS),
                "hs_email_direction": "EMAIL",
                "hs_email_text": said,
                "hs_email_to_email": contact.properties.get("email") or "",
            },
            "meetings": {"hs_meeting_title": rng.choice(TOPICS), "hs_meeting_start_time": moment},
            "tasks": {"hs_task_subject": rng.choice(TOPICS), "hs_task_status": "NOT_STARTED"},
            "communications": {"hs_communication_body": said},
        }
        record = self.account.create(path, {"hs_timestamp": moment, **properties[path]})
        self.account.associate(path, record.id, "contacts", contact.id)
        return _made("engage", path, record.id)

    def _pick(self, rng: random.Random, path: str) -> Record | None:
        live = list(self.account.live(path))
        return rng.choice(live) if live else None


def _made(what: str, path: str, record_id: str) -> Happening:
    name = SINGULAR.get(path, path.removesuffix("s"))
    return Happening("hubspot", what, name, record_id)
