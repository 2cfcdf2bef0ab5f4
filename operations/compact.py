"""`salesintel compact`: what a running stack does by itself each hour, now."""

from embedded.upkeep import compact_once
from operations.console import console
from operations.place import Place
from operations.upkeep import show_counts
from schemas.errors import ConfigurationError
from warehouse.compaction import SMALL_ROWS


def compact(place: Place) -> None:
    """Brings the current tables up to date."""
    endpoint = place.reached().endpoint
    if place.directory is None:
        # A guess would hide what is written later than it says.
        raise ConfigurationError(
            "in the cloud Dataflow's watermark says how far the pipeline is, and nothing reads it "
            "yet: pause the job compact; without it the views show the same, slower"
        )
    with console.status("compacting …"):
        put = compact_once(place.directory, endpoint)
    if not put:
        console.print(f"nothing to do: no table has {SMALL_ROWS:,} rows")
        return
    show_counts(put, "rows brought up to date")
