"""What an erasure says: whom it found where, and what still holds them afterwards."""

from collections.abc import Collection, Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from operations.console import console
from operations.privacy.surroundings import Surroundings
from schemas.clock import from_us
from schemas.operations import Erasure
from transforms.traces import Spot
from transforms.treatments import TREATMENTS
from warehouse.traced import Person

WAYS = {
    "changes": "written again without the person",
    "records": "deleted",
    "texts": "emptied where they name the person",
    "nobody": "searched",
}
ELSEWHERE = """What still holds them, and until when:
{}
  the sources themselves: what they send again is redacted as it comes."""


def show(person: Person, found: Mapping[str, int], places: Sequence[Spot]) -> None:
    """Whom it is about, in numbers, and where they stand; nobody's name."""
    subject = person.subject
    known = subject.identifiers
    said = (
        (len(known.records), "records"),
        (len(known.emails), "addresses"),
        (len(known.phones), "numbers"),
        (len(known.names), "names"),
        (len(subject.interactions), "interactions"),
    )
    counts = ", ".join(f"{count:,} {what}" for count, what in said)
    who = ", ".join(subject.entities) or "nobody who is known"
    console.print(f"{who}: {counts}", highlight=False)
    if subject.shared:
        console.print(f"{subject.shared:,} of theirs others bear, too: these stay", highlight=False)
    if person.was_marked:
        console.print("An erasure of theirs stands: what it has marked is looked for, too.")
    table = Table(show_edge=False)
    for heading in ("table", "rows", "what happens to them"):
        table.add_column(heading)
    for table_id, count in found.items():
        table.add_row(table_id, f"{count:,}", WAYS[TREATMENTS[table_id].way])
    console.print(table)
    for place in places:
        how = f" in {' in '.join(reversed(place.trace.wrappings))}" if place.trace.wrappings else ""
        console.print(f"  {place.path}: {place.trace.kind}{how}", highlight=False)


def show_proof(erasure_id: str, around: Surroundings, was_found: bool, left: Sequence[str]) -> None:
    """What the search has found before and after, and what it does not reach."""
    if left:
        foreign = [place for place in left if around.is_foreign(place)]
        ours = [place for place in left if place not in foreign]
        if ours:
            console.print(
                f"[red]something is left[/red] in {escape(', '.join(ours))}: do it again; it goes "
                "on from there"
            )
        if foreign:
            console.print(
                f"[red]something is left[/red] in {escape(', '.join(foreign))}: no erasure changes "
                "files that were put into the data directory, as the demo puts its company there. "
                "Delete them, or move them away where they are kept for as long as they may be; "
                "then do it again"
            )
        return
    before = "found them before" if was_found else "had not found them before either"
    console.print(
        f"[green]erased[/green]: {erasure_id}. The search {around.searched} {before} and finds "
        "nothing now.",
        highlight=False,
    )
    console.print(ELSEWHERE.format(around.elsewhere), highlight=False)


def show_standing(left: Collection[str]) -> None:
    """What is left of all who were erased before, as far as marks tell."""
    if left:
        console.print(f"[red]something is left[/red] in {', '.join(left)}: do it again")
        return
    console.print(
        "Nothing is left of whom ops.erasures names, as far as its marks tell: whoever still has "
        "an address erases by it once more.",
        highlight=False,
    )


def show_erasures(parts: Sequence[Erasure]) -> None:
    """A line for each erasure."""
    table = Table(show_edge=False)
    for heading in ("erasure", "asked at", "by", "reason", "marks", "stands"):
        table.add_column(heading)
    by_id: dict[str, list[Erasure]] = {}
    for part in parts:
        by_id.setdefault(part.erasure_id, []).append(part)
    for erasure_id, its in by_id.items():
        newest = its[0]
        marks = sum(len(one.marks) for one in its)
        asked = from_us(newest.asked_at).isoformat(timespec="seconds")
        stands = "lifted" if newest.is_lifted else "yes"
        table.add_row(erasure_id, asked, newest.asked_by, newest.reason, f"{marks:,}", stands)
    console.print(table)
