"""`salesintel compact`: what a running stack does by itself each hour, now."""

from embedded.upkeep import compact_once
from operations.console import console
from operations.place import Place
from operations.upkeep import show_counts
from warehouse.compacting import compact_noted
from warehouse.compaction import SMALL_ROWS
from warehouse.settling import settled


def compact(place: Place, *, anew: bool = False) -> None:
    """Brings the current tables up to date, or starts them over where `anew`: on one machine as far
    as its marks say that rows are written, in the cloud as far as its writers keep to."""
    endpoint = place.reached().endpoint
    with console.status("compacting …"):
        if place.directory is None:
            put = compact_noted(endpoint, settled, anew=anew)
        else:
            put = compact_once(place.directory, endpoint, anew=anew)
    if not put:
        whole = ", and views read whole tables" if anew else ""
        console.print(f"nothing to do: no table has {SMALL_ROWS:,} rows{whole}")
        return
    show_counts(put, "rows brought up to date")
