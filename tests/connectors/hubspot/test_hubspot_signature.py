"""Signatures of all versions against answers that openssl and HubSpot's own page know."""

import hashlib
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot import signature
from connectors.hubspot.signature import MOST_SKEW_MS, signed_address, verify
from connectors.webhooks.receiver import Delivery, InvalidSignature
from sandbox.vendors.hubspot.webhooks import signed_headers

NOW_MS = 1_767_225_600_000
BODY = '[{"eventId":1, "propertyValue":"Zoë  ☎"}]'.encode()
HOST = "https://hooks.example.com/webhooks/hubspot"
ALL = ("v1", "v2", "v3")
V1 = "46f3458a87fe9d50dc290f69bf7cdf787923572dd501bcbac8da4d04becf28ab"
V2 = "fdce663f362982910d41a95c2c4de978cf6ccbe63967ee98d79ded383d5ca181"
V3 = "mY/9HD/mkP4QoNmiUqQ8anr+pCX5ROslVtCwAi0U6HA="
V2_ADDRESS = f"{HOST}?a=b%20c&d=e"
V3_ADDRESS = f"{HOST}?a=x%40y%3Az&b=c%20d%26e%2B#fragment"


def v3(signature: str = V3, stamp: str = str(NOW_MS)) -> dict[str, str]:
    return {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}


def older(signature: str, version: str) -> dict[str, str]:
    return {"x-hubspot-signature": signature, "x-hubspot-signature-version": version}


def check(
    headers: dict[str, str],
    url: str = V3_ADDRESS,
    body: bytes = BODY,
    *,
    secrets: tuple[bytes, ...] = (b"s3cret",),
    versions: tuple[str, ...] = ALL,
    now_ms: int = NOW_MS,
    method: str = "POST",
) -> None:
    verify(Delivery(method, url, headers, body), secrets, versions, now_ms)


def test_trap_37_known_answers() -> None:
    check(older(V1, "v1"))
    check(older(V2, "v2"), V2_ADDRESS)
    check(v3())


def test_trap_37_the_answer_that_hubspot_publishes() -> None:
    """Of a GET without a body; it stands in HubSpot's page on validating requests."""
    known = "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
    secret = b"yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
    address = "https://www.example.com/webhook_uri"
    check(older(known, "v2"), address, b"", secrets=(secret,), method="GET")


def test_trap_37_the_newest_version_counts_where_both_are_sent() -> None:
    check({**v3(), **older("0" * 64, "v1")})
    with pytest.raises(InvalidSignature):
        check({**v3("AAAA"), **older(V1, "v1")})


def test_trap_37_while_a_secret_is_rotated_both_are_good() -> None:
    check(v3(), secrets=(b"new", b"s3cret"))
    check(v3(), secrets=(b"s3cret", b"new"))
    with pytest.raises(InvalidSignature):
        check(v3(), secrets=(b"new", b"newer"))


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "no signature"),
        (v3("not base64"), "signature"),
        (v3("ünïcode"), "signature"),
        (v3(stamp=""), "timestamp"),
        (v3(stamp="-1"), "timestamp"),
        (v3(stamp="1" * 40), "timestamp"),
        (v3(stamp="²"), "timestamp"),
        (older(V1, ""), "no signature"),
        (older(V1, "v9"), "no signature"),
        (older("", "v1"), "signature"),
        (older(V1, "v2"), "signature"),
    ],
)
def test_trap_37_what_is_no_signature_is_refused_and_nothing_breaks(
    headers: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidSignature, match=words):
        check(headers)


def test_trap_37_every_secret_is_compared_in_constant_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return genuine(one, other)

    genuine = signature.hmac.compare_digest
    monkeypatch.setattr(signature.hmac, "compare_digest", compare)
    check(v3(), secrets=(b"s3cret", b"new"))
    assert len(compared) == 2


@pytest.mark.parametrize("skew", [-MOST_SKEW_MS, 0, MOST_SKEW_MS])
def test_trap_37_five_minutes_either_way(skew: int) -> None:
    check(v3(), now_ms=NOW_MS + skew)
    if skew:
        beyond = skew + (1 if skew > 0 else -1)
        with pytest.raises(InvalidSignature, match="too old" if skew > 0 else "future"):
            check(v3(), now_ms=NOW_MS + beyond)


CHANGED: list[Callable[[], None]] = [
    lambda: check(v3(), body=BODY.replace(b"  ", b" ")),
    lambda: check(v3(), body=BODY.replace("ë".encode(), "ë".encode("latin-1"))),
    lambda: check(v3(), V3_ADDRESS.replace("https:", "http:")),
    lambda: check(v3(), V3_ADDRESS.replace("hooks.", "evil.")),
    lambda: check(v3(), V3_ADDRESS.replace("%26", "&")),
    lambda: check(v3(), method="PUT"),
    lambda: check(v3(stamp=str(NOW_MS + 1))),
]


@pytest.mark.parametrize("changed", CHANGED)
def test_trap_37_whatever_was_signed_may_not_be_changed(changed: Callable[[], None]) -> None:
    with pytest.raises(InvalidSignature, match="signature"):
        changed()


def test_trap_37_versions_without_a_time_are_believed_only_where_asked_for() -> None:
    for headers in (older(V1, "v1"), older(V2, "v2")):
        with pytest.raises(InvalidSignature, match="no signature"):
            check(headers, V2_ADDRESS, versions=("v3",))


def test_a_dozen_escapes_are_decoded_and_no_others() -> None:
    escaped = "%3A%2f%3F%40%21%24%27%28%29%2A%2C%3B%20%2B%26%3D%25%C3%AB"
    assert (
        signed_address(f"https://h/p?q={escaped}#f")
        == "https://h/p?q=:/?@!$'()*,;%20%2B%26%3D%25%C3%AB"
    )
    # What a decoded percent would make of the rest is nobody's business.
    assert signed_address("https://h/%253A") == "https://h/%253A"


@given(
    st.text(min_size=1).map(str.encode),
    st.binary(),
    st.text(alphabet="abc%/?&=: @é", max_size=20),
)
def test_what_the_sandbox_signs_is_verified(secret: bytes, body: bytes, query: str) -> None:
    url = f"{HOST}?q={quote(query)}"
    for version in ALL:
        made = signed_headers(secret.decode(), "POST", url, body, NOW_MS, version)
        headers = {name.lower(): value for name, value in made.items()}
        check(headers, url, body, secrets=(secret,))


def test_the_answers_above_are_no_copies_of_our_own() -> None:
    assert hashlib.sha256(b"s3cret" + BODY).hexdigest() == V1
