"""Messages that nobody meant: random ones, and valid ones with something wrong in them."""

import base64
import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, cast

from schemas.change import LANES, OPERATIONS, SOURCES, Change, Source, new_change, opaque_id
from schemas.clock import MAX_US, MIN_US
from schemas.envelope import decode, encode
from schemas.flow import Received
from transforms.normalise.context import ROW_OF

STAMP = 1_769_846_400_000_000
KINDS = (*sorted(ROW_OF), "gmail.message", "gmail.thread", "files.nothing", "hubspot.nothing")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, -(2**63), 2**63, 2**64, 10**30, -(10**30)),
    *(0.1, -0.0, 1e308, 5e-324, "1e999", "NaN", "Infinity", "-", "²", "١٢٣", "1_0", "0x10"),
    *("", " ", "\0", "a\0b", "\ufeff", "\u202e", "\u2028", "é\u0301", "😀" * 300, "x" * 5_000),
    *([], {}, [[]], [None], {"": None}, [{}], {"a": {"b": {"c": [1]}}}, "[]", "{}", "null", ";;"),
    *("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "0000-00-00", "2026-02-30"),
    *("2026-01-31T08:00:00", "253402300800000", "-62135596800001", 253402300800000, 10**17),
    *("a@b", "a@b@c", "@", "<>", "a@xn--", "a@" + "b." * 200 + "com", "mailto:a@b.com"),
    *("+", "+1", "+999999999999999999", "tel:+1-415-234-0100;ext=5", "anonymous", "0" * 400),
    *("http://", "http://[::1", "https://user:pw@acme.com:99999/x", "..", ".com", "ACME.COM."),
    *("0035w00000abcdEAAQ", "files:contact:1", ":::", "a:b", "-" * 300, "../../etc/passwd"),
)
ATTRIBUTES: tuple[str, ...] = (
    *("", " ", "0", "1", "-1", "-0", "00", "²", "١", "1e3", "1_0", "9" * 18, "9" * 400, "1.0"),
    *(str(MAX_US), str(MAX_US + 1), str(MIN_US), str(MIN_US - 1), str(2**63), str(-(2**64))),
    *("\0", "\ufeff", "é", "😀", "x" * 1_024, "{}", "null", "../..", "file:///etc/x", "a@b.com"),
    *("//salesintel/", "//salesintel/no", "salesintel.change.", "salesintel.change.\n", "g" * 32),
)


def received(change: Change, number: int) -> Received:
    return Received(*encode(change), f"h-{number}", STAMP + number)


def random_bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 3, 40, 400)))


def random_text(rng: random.Random) -> str:
    """Of any characters but lone surrogates, which no message can carry."""
    points = (rng.choice((0x20, 0x7F, 0x300, 0xD7FF, 0x10FFFF)) for _ in range(rng.randrange(12)))
    drawn = "".join(chr(rng.randrange(most + 1)) for most in points)
    return drawn.encode("utf-8", "replace").decode()


def of_every_kind(rng: random.Random) -> Iterator[Received]:
    """A valid envelope around random bytes, a random document and nothing, for every kind."""
    number = 0
    for kind in KINDS:
        source, object_type = kind.split(".")
        for payload in (b"", random_bytes(rng), _document(rng), json.dumps(rng.choice(VALUES))):
            for operation in OPERATIONS:
                number += 1
                body = payload if isinstance(payload, bytes) else payload.encode()
                change = new_change(
                    cast(Source, source),
                    object_type,
                    f"id-{number}",
                    body,
                    stamp=rng.choice((STAMP, MIN_US, MAX_US, -1, 0)),
                    fetched=rng.choice((STAMP, MIN_US, MAX_US)),
                    operation=operation,  # type: ignore[arg-type]
                    lane=rng.choice(LANES),  # type: ignore[arg-type]
                    successor="id-other" if operation == "merge" else "",
                    content_type=rng.choice(ATTRIBUTES),
                )
                yield received(change, number)


def _document(rng: random.Random) -> bytes:
    names = ("id", "Id", "properties", "raw", "emails", "date", "extra", "created_at", "", "a\0")
    return json.dumps({name: rng.choice(VALUES) for name in names}).encode()


def at_random(rng: random.Random, count: int) -> Iterator[Received]:
    """Bytes and attributes that have nothing to do with an envelope, and halves of one."""
    names = [*encode(_some_change(rng)).attributes, "ce-dataref", "ce-import-error", "Cookie", ""]
    for number in range(count):
        whole = rng.random() < 0.5
        attributes = dict(encode(_some_change(rng)).attributes) if whole else {}
        for _ in range(rng.randrange(4)):
            value = rng.choice((*ATTRIBUTES, random_text(rng)))
            attributes[rng.choice((*names, random_text(rng)))] = value
        moment = rng.choice((0, STAMP, STAMP + number))
        yield Received(random_bytes(rng), attributes, f"r-{number}", moment)


def _some_change(rng: random.Random) -> Change:
    source, object_type = rng.choice(KINDS).split(".")
    return new_change(cast(Source, source), object_type, "id-1", b"{}", stamp=1, fetched=2)


def mutated(rng: random.Random, messages: list[Received]) -> Iterator[Received]:
    """Each message with something wrong: in its bytes, its document, its mail or its attributes."""
    for number, message in enumerate(messages):
        mutate = rng.choice((_bytes, _fields, _fields, _mail, _attributes, _envelope))
        data, attributes = mutate(rng, message)
        yield Received(data, attributes, f"x-{number}", message.publish_time)


def _around(message: Received, payload: bytes) -> tuple[bytes, dict[str, str]]:
    """A valid envelope around another payload."""
    if "ce-id" not in message.attributes:
        return payload, message.attributes
    change = decode(message.data, message.attributes)
    given = (change.source, change.object_type, change.object_id, payload)
    return encode(new_change(*given, stamp=change.stamp, fetched=change.fetched))


def _bytes(rng: random.Random, message: Received) -> tuple[bytes, dict[str, str]]:
    return _around(message, _spoilt(rng, message.data))


def _spoilt(rng: random.Random, body: bytes) -> bytes:
    spoilt = bytearray(body)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(spoilt) + 1)
        step = rng.randrange(4)
        if step == 0:
            spoilt[at : at + 1] = rng.randbytes(1)
        elif step == 1:
            spoilt[at:at] = random_bytes(rng)
        elif step == 2:
            del spoilt[at:]
        else:
            del spoilt[at : at + rng.randrange(40)]
    return bytes(spoilt)


def _fields(rng: random.Random, message: Received) -> tuple[bytes, dict[str, str]]:
    try:
        document = json.loads(message.data)
    except ValueError:
        return _bytes(rng, message)
    for _ in range(rng.randrange(1, 4)):
        fields = document
        while isinstance(fields, dict) and fields:
            name = rng.choice(sorted(fields))
            if isinstance(fields[name], dict) and rng.random() < 0.8:
                fields = fields[name]
                continue
            fields[name] = deepcopy(rng.choice(VALUES))
            break
    return _around(message, json.dumps(document, ensure_ascii=rng.random() < 0.5).encode())


def _mail(rng: random.Random, message: Received) -> tuple[bytes, dict[str, str]]:
    if message.attributes.get("ce-source") != "//salesintel/gmail":
        return _fields(rng, message)
    document = json.loads(message.data)
    mail = _spoilt(rng, base64.urlsafe_b64decode(document["raw"] + "=="))
    return _around(
        message, json.dumps({**document, "raw": base64.urlsafe_b64encode(mail).decode()}).encode()
    )


def _attributes(rng: random.Random, message: Received) -> tuple[bytes, dict[str, str]]:
    attributes = dict(message.attributes)
    for name in rng.sample(sorted(attributes), min(len(attributes), rng.randrange(1, 3))):
        step = rng.randrange(4)
        if step == 0:
            del attributes[name]
        elif step == 1:
            attributes[name] = rng.choice(ATTRIBUTES)
        elif step == 2:
            at = rng.randrange(len(attributes[name]) + 1)
            attributes[name] = attributes[name][:at] + random_text(rng) + attributes[name][at + 1 :]
        else:
            attributes[name.upper()] = attributes.pop(name)
    return message.data, attributes


def _envelope(rng: random.Random, message: Received) -> tuple[bytes, dict[str, str]]:
    """Another valid envelope around the same payload: another source, type, moment, operation."""
    source, object_type = rng.choice(KINDS).split(".")
    successor = rng.choice(("", "other", opaque_id("x")))
    change = new_change(
        cast(Source, source),
        object_type,
        rng.choice(("1", "a" * 255, "h-1", "::", "no such id")),
        message.data,
        stamp=rng.choice((MIN_US, MAX_US, 0, STAMP)),
        fetched=rng.choice((MIN_US, MAX_US, 0, STAMP)),
        operation=rng.choice(("upsert", "delete", "merge" if successor else "delete")),  # type: ignore[arg-type]
        successor=successor,
    )
    data, attributes = encode(change)
    attributes["ce-attempt"] = str(rng.choice((1, 2, 999, 1_000, 1_001)))
    return data, attributes


assert set(SOURCES) == {kind.split(".")[0] for kind in KINDS}
