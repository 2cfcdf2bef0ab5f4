"""Prices put to what is used: the bill of a month, and what a million events cost."""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from operations.costs.usage import Load, Measured, Use, used

PRICES = Path(__file__).parent / "prices.toml"
MEASURED = Path(__file__).parent / "measured.toml"
MILLION = 1e6


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one unit; `free` units of each month cost nothing."""

    unit: str
    usd: float
    page: str
    """Where it stands."""
    free: float = 0.0


class PriceList(msgspec.Struct, frozen=True, kw_only=True):
    """All prices, and of which day they are."""

    as_of: date
    compared: bool
    """Whether somebody has held them against the pages on that day."""
    currency: str
    region: str
    prices: dict[str, Price]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the bill; of what is free each month the first lines take."""

    service: str
    what: str
    quantity: float
    unit: str
    usd: float


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """Of a month, US dollars."""

    items: list[Item]
    total: float
    idle: float
    """Of it, what a month without an event would cost."""
    a_million: float | None
    """What each million events adds to that; None where there are none."""


def price_list(path: Path = PRICES) -> PriceList:
    """The one file of prices."""
    given = tomllib.loads(path.read_text(encoding="utf-8"))
    prices = {name: one for name, one in given.items() if isinstance(one, dict)}
    head: dict[str, Any] = {name: one for name, one in given.items() if name not in prices}
    return msgspec.convert({**head, "prices": prices}, PriceList)


def measured(path: Path = MEASURED) -> Measured:
    """Bytes an event, as benchmark `bytes` has measured them."""
    return msgspec.convert(
        tomllib.loads(path.read_text(encoding="utf-8"))["bytes"], dict[str, float], strict=False
    )


def load_of(mail_share: float | None, call_share: float | None, **given: float) -> Load:
    """A load with the demo's shares where none are named."""
    weights = measured()
    mail = weights["mail_share"] if mail_share is None else mail_share
    call = weights["call_share"] if call_share is None else call_share
    return msgspec.convert({**given, "mail_share": mail, "call_share": call}, Load)


def bill(load: Load, weights: Measured, prices: Mapping[str, Price]) -> Bill:
    """What the load costs in its last month."""
    items = priced(used(load, weights), prices)
    total = sum(item.usd for item in items)
    nothing = msgspec.structs.replace(load, events=0.0)
    idle = sum(item.usd for item in priced(used(nothing, weights), prices))
    a_million = (total - idle) / load.events * MILLION if load.events else None
    return Bill(items=items, total=total, idle=idle, a_million=a_million)


def priced(uses: Iterable[Use], prices: Mapping[str, Price]) -> list[Item]:
    """A line each, in their order."""
    free = {name: price.free for name, price in prices.items()}
    items = []
    for use in uses:
        given = min(free[use.price], use.quantity)
        free[use.price] -= given
        price = prices[use.price]
        items.append(
            Item(
                service=use.service,
                what=use.what,
                quantity=use.quantity,
                unit=price.unit,
                usd=(use.quantity - given) * price.usd,
            )
        )
    return items
