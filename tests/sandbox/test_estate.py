"""The estate: whoever reads it with our connectors ends with what it says is the truth."""

import random
import stat
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import requests
from estate_reading import COMPANY, HOUR_US, Time, lacking, live, reading

from connectors.webhooks.service import WebhookService
from embedded.ports import free_port
from sandbox.vendors.estate import NAMES, Estate
from sandbox.vendors.faults import Fault
from sandbox.vendors.server import served
from sandbox.vendors.truth import GONE, Expected, differences

pytestmark = pytest.mark.slow

HAPPENINGS = 200
USUAL = {
    *(f"gmail {one}" for one in "mail reply label trash untrash delete draft".split()),
    *(f"salesforce {one}" for one in "edit create delete merge purge undelete".split()),
    *(f"hubspot {one}" for one in "create edit archive restore merge associate engage".split()),
    *(f"dialpad {one}" for one in "ring connect miss text edit call_transcription".split()),
    "dialpad hang up",
}
"""What the day has among it."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_a_poll_reads_is_what_the_estate_holds(name: str, tmp_path: Path) -> None:
    with reading(tmp_path) as (estate, reader, _):
        reader.poll(name)
        assert lacking(estate, reader, name) == []
        changes = reader.changes()
        assert len({one.record_key for one in changes}) == len(changes)


@pytest.mark.slow
def test_after_two_hundred_happenings_polling_ends_with_the_truth(tmp_path: Path) -> None:
    """With an index that is behind and tokens that run out."""
    rng = random.Random(31)
    with reading(tmp_path, lag_s=15.0, token_s=600) as (estate, reader, time):
        reader.poll()
        happened: Counter[str] = Counter()
        for turn, what in enumerate(live(estate, time, rng, HAPPENINGS)):
            happened[what] += 1
            if turn % 50 == 25:
                reader.poll()
        assert happened.keys() >= USUAL
        for _ in range(2):
            time.us += HOUR_US
            reader.poll()
        assert lacking(estate, reader) == []
        assert estate.deliver() == {}


@pytest.mark.slow
def test_after_two_hundred_happenings_told_by_webhooks_nothing_is_amiss(tmp_path: Path) -> None:
    """Calls in progress, text messages and associations too, of which no poll tells."""
    rng = random.Random(35)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with reading(tmp_path, webhooks=url) as (estate, reader, time):
        service = reader.service(url)
        with served(service.app, port=port):
            reader.poll()
            statuses: Counter[int] = Counter()
            happened: Counter[str] = Counter()
            for turn, what in enumerate(live(estate, time, rng, HAPPENINGS)):
                happened[what] += 1
                if turn % 20 == 19:
                    statuses.update(delivered(estate, service, reader))
            assert set(statuses) == {200}
            assert happened.keys() >= {"hubspot associate", "hubspot dissociate", "hubspot restore"}
            assert statuses[200] > HAPPENINGS / 2
            for name in ("gmail", "hubspot"):
                assert lacking(estate, reader, name) == []
            for _ in range(2):
                time.us += HOUR_US
                reader.poll()
            assert lacking(estate, reader) == []
            expected = estate.expected()
            assert expected["dialpad"]["sms"]
            assert expected["dialpad"]["call_event"]
            states = {one.fields["state"] for one in expected["dialpad"]["call"].values()}
            assert states == {"ringing", "connected", "hangup", "missed"}
            assert any(one.associations for one in expected["hubspot"]["note"].values())


def delivered(estate: Estate, service: WebhookService, reader: object) -> list[int]:
    before = service.tally.counts()
    statuses = [one for listed in estate.deliver().values() for one in listed]
    reader.taken(service, before)  # type: ignore[attr-defined]
    reader.fetch()  # type: ignore[attr-defined]
    return statuses


def test_what_nobody_took_is_sent_again_as_its_vendor_would(tmp_path: Path) -> None:
    time = Time()
    port = free_port()
    estate = Estate(COMPANY, tmp_path, clock=time, webhooks=f"http://127.0.0.1:{port}")
    address = COMPANY.reps[0].email
    estate.gmail.mailboxes[address].watch = {"expiration": (time.us + HOUR_US) // 1_000}
    estate.gmail.store(address, b"Subject: one\r\n\r\nHello\r\n")
    estate.hubspot.create("contacts", {"email": "nova@new.example"})
    estate._phones._text(random.Random(1))
    assert estate.deliver() == {"gmail": [0], "hubspot": [0], "dialpad": [0]}

    answers = [503, 404, 200]
    heard: list[tuple[str, int]] = []

    async def app(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
        status = answers[0]
        heard.append((scope["path"].rpartition("/")[2], status))
        await send({"type": "http.response.start", "status": status, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    with served(app, port=port):  # type: ignore[arg-type]
        assert estate.deliver() == {"gmail": [503], "hubspot": [503], "dialpad": [503]}
        del answers[0]
        # HubSpot never comes again after a 4xx, Dialpad not a fourth time, Pub/Sub always.
        assert estate.deliver() == {"gmail": [404], "hubspot": [404], "dialpad": [404]}
        del answers[0]
        assert estate.deliver() == {"gmail": [200], "hubspot": [], "dialpad": []}
        assert estate.deliver() == {"gmail": [], "hubspot": [], "dialpad": []}
    assert estate.given_up == {"hubspot": 1, "dialpad": 1}
    assert estate.expected()["dialpad"]["sms"] == {}
    assert len(heard) == 7


def test_the_same_seed_brings_the_same_day_whoever_reads_meanwhile(tmp_path: Path) -> None:
    days = []
    for watched in (False, True):
        rng, time = random.Random(3), Time()
        with Estate(COMPANY, tmp_path, clock=time) as estate:
            token = {"Authorization": f"Bearer {estate._access.dialpad}"}
            happened = []
            for _ in range(60):
                time.pass_s(7)
                happened.append(estate.happen(rng))
                if watched:
                    url = f"{estate.addresses['dialpad']}/api/v2/call"
                    estate.faults["dialpad"].switch_on(Fault(name="unordered", times=3))
                    assert requests.get(url, headers=token, timeout=10).status_code == 200
            days.append((happened, estate.expected()))
    assert days[0] == days[1]


def test_settings_name_secrets_that_only_their_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with Estate(COMPANY, folder, clock=Time(), webhooks="http://127.0.0.1:9") as estate:
        text = estate.write_settings().read_text()
    found = tomllib.loads(text)
    assert {"gmail", "salesforce", "hubspot", "dialpad"} == found["sources"].keys()
    assert found["webhooks"] == {"public_url": "http://127.0.0.1:9"}
    secrets = list((folder / "secrets").iterdir())
    assert len(secrets) == 7
    for one in secrets:
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
        assert one.read_text().strip() not in text
        assert f"file:{one}" in text


@pytest.mark.parametrize(("limits", "refused"), [(False, False), (0.5, True)])
def test_limits_are_off_or_so_many_times_the_vendors_own(
    limits: float, refused: bool, tmp_path: Path
) -> None:
    with Estate(COMPANY, tmp_path, clock=Time(), limits=limits) as estate:
        bearer = {"Authorization": f"Bearer {estate._access.hubspot}"}
        url = f"{estate.addresses['hubspot']}/crm/v3/objects/contacts/search"
        statuses = [
            requests.post(url, json={"limit": 1}, headers=bearer, timeout=10).status_code
            for _ in range(3)
        ]
        assert statuses == [200, 200, 429 if refused else 200]
        call = next(iter(estate.dialpad.calls))
        bearer = {"Authorization": f"Bearer {estate._access.dialpad}"}
        url = f"{estate.addresses['dialpad']}/api/v2/call/{call}"
        statuses = [requests.get(url, headers=bearer, timeout=10).status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429 if refused else 200]
        assert bool(estate.google.quota.draw("a@b.example", "watch")) is False
        drawn = [estate.google.quota.draw("a@b.example", "watch") for _ in range(30)]
        assert bool(drawn[-1]) is refused
    assert (estate.salesforce.terms.daily_calls == 50_000) is refused


@pytest.mark.parametrize(
    ("ours", "theirs", "line"),
    [
        (Expected(fields={"a": 1}), Expected(fields={"a": 1}, associations=("notes:1",)), ""),
        (Expected(fields={"a": 1}), Expected(fields={"a": 2}), "{'a': 1}; read: {'a': 2}"),
        (Expected(fields={"a": 1}), None, "{'a': 1}; read: gone"),
        (None, Expected(fields={"a": 1}), "gone; read: {'a': 1}"),
        (GONE, Expected(fields={}), "gone; read: {}"),
        (GONE, None, ""),
        (None, GONE, ""),
        (
            Expected(merged_into="7"),
            Expected(merged_into="8"),
            "merged into 7; read: merged into 8",
        ),
        (Expected(merged_into="7"), GONE, "merged into 7; read: gone"),
        (
            Expected(associations=("notes:1",)),
            Expected(associations=()),
            "{} with notes:1; read: {}",
        ),
    ],
    ids=[
        "nobody_can_know_of_associations",
        "other_fields",
        "never_read",
        "read_and_never_there",
        "still_there_for_us",
        "gone_before_we_read",
        "gone_twice",
        "another_winner",
        "merged_not_deleted",
        "associations",
    ],
)
def test_a_difference_is_a_line_that_says_what_it_is(
    ours: Expected | None, theirs: Expected | None, line: str
) -> None:
    expected = {"hubspot": {"contact": {"1": ours} if ours else {}}}
    found = {"hubspot": {"contact": {"1": theirs} if theirs else {}}}
    lines = [f"hubspot:contact:1: {line}"] if line else []
    assert list(differences(expected, found)) == lines
