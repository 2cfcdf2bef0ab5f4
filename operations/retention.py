"""`salesintel retention`: what has expired, deleted now; a running stack does so once a day."""

from pathlib import Path

from embedded.upkeep import expire_once
from operations import config
from operations.console import console
from operations.place import Place
from operations.upkeep import show_counts
from pipelines.checks import checked_retention
from transforms.settings import load_settings
from warehouse.expiring import expire_noted


def retention(place: Place) -> None:
    """Deletes what has expired, by the settings that the stack runs with; in the cloud by those of
    the environment, where the schedule holds it and the compaction apart."""
    reached = place.reached()
    named = Path(reached.settings) if reached.settings else None
    path = config.settings_file() if place.cloud else named
    kept = checked_retention(load_settings(path).retention)
    if kept.holds_all:
        console.print("everything is on legal hold: nothing expires")
        return
    with console.status("deleting what has expired …"):
        if place.directory is None:
            gone = expire_noted(reached.endpoint, kept)
        else:
            gone = expire_once(place.directory, reached.endpoint, kept)
    if not gone:
        console.print("nothing has expired")
        return
    show_counts(gone, "rows deleted")
