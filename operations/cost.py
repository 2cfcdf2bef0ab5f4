"""`salesintel cost`: what a month costs in the cloud at so many events, line by line."""

from typing import TextIO

import msgspec

from operations.console import console
from operations.costs.model import Bill, PriceList, bill, measured, price_list
from operations.costs.usage import Load
from schemas.errors import ConfigurationError
from warehouse.query import QueryResult
from warehouse.render import write_table

FORMATS = ("table", "json")
COLUMNS = ("service", "what", "usd", "quantity", "unit")


def cost(load: Load, stream: TextIO, output: str = "table") -> None:
    """Writes the bill; ConfigurationError where the format is none."""
    if output not in FORMATS:
        raise ConfigurationError(f"--format {output!r}: choose one of {', '.join(FORMATS)}")
    prices = price_list()
    found = bill(load, measured(), prices.prices)
    if output == "json":
        head = {name: getattr(prices, name) for name in ("as_of", "compared", "currency", "region")}
        shown = {"load": load, "prices": head, **msgspec.structs.asdict(found)}
        stream.write(msgspec.json.format(msgspec.json.encode(shown).decode(), indent=2) + "\n")
        return
    rows = [
        {
            **msgspec.structs.asdict(item),
            "quantity": _short(item.quantity),
            "usd": f"{item.usd:.2f}",
        }
        for item in found.items
    ]
    write_table(QueryResult(columns=COLUMNS, rows=rows, truncated=False), stream)
    _say(found, prices)


def _say(found: Bill, prices: PriceList) -> None:
    console.print(
        f"{found.total:,.2f} {prices.currency} a month, {found.idle:,.2f} of it without any event",
        highlight=False,
    )
    if found.a_million is not None:
        console.print(f"{found.a_million:,.2f} for each million events", highlight=False)
    told = "compared with their pages" if prices.compared else "not compared with their pages"
    console.print(
        f"list prices of {prices.region}, {prices.as_of:%Y-%m-%d}, {told}: "
        "operations/costs/prices.toml",
        highlight=False,
        soft_wrap=True,
    )


def _short(quantity: float) -> str:
    return f"{quantity:,.0f}" if quantity >= 100 else f"{quantity:.3g}"
