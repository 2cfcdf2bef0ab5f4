"""Writes the company as the files that people have: Takeout's mbox, CSV exports, and the truth."""

import csv
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox.company.world import OWN_DOMAIN, Company, Mail, Rep

BAD_ROWS = {
    "salesforce/Contact.csv": (["not-an-id", "No", "One", "", "", "", "", "", "", "", ""],),
    "hubspot/contacts.csv": (["", "Nobody", "Nowhere", "", "", "", "", "", "", "", ""],),
    "salesforce/Account.csv": (["0015w0000000000AAA", "too", "few"],),
}
"""Rows that no reader can take: an id that is none, no id, cells missing."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was written: folders to import, settings that go with them, and expected counts.

    `later` are mbox files of one mail each that are not among the imports: `inputs` counts both.
    """

    directory: Path
    imports: tuple[Path, ...]
    later: tuple[Path, ...]
    settings: Path
    inputs: int
    duplicates: int
    bad: int


def export(company: Company, directory: Path, later: int = 0) -> Manifest:
    """Writes everything below `directory`; the same bytes for the same company.

    The newest `later` mails that only one rep has are kept out of the mailboxes, to arrive after.
    """
    bad = 0
    for name, rows in company.tables.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not rows:
            # Of a very small company: a table without a row has no headings either.
            continue
        broken = BAD_ROWS.get(name, ())
        bad += len(broken)
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(rows[0])
            writer.writerows(row.values() for row in rows)
            writer.writerows(broken)
    alone = sorted((m for m in company.mails if len(m.holders) == 1), key=lambda m: m.stamp_us)
    newest = alone[len(alone) - later :]
    mail = directory / "mail"
    mail.mkdir(parents=True, exist_ok=True)
    for rep in company.reps:
        copies = [_copy(m, rep) for m in company.mails if rep in m.holders and m not in newest]
        (mail / f"{rep.email}.mbox").write_bytes(b"".join(copies))
    arriving = []
    for number, one in enumerate(newest):
        path = directory / "later" / f"{number:03}" / f"{one.holders[0].email}.mbox"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_copy(one, one.holders[0]))
        arriving.append(path)
    company.truth.bad = bad
    settings = directory / "salesintel.toml"
    numbers = [company.own_number, *(rep.number for rep in company.reps)]
    settings.write_text(
        f"own_domains = {json.dumps([OWN_DOMAIN])}\nown_numbers = {json.dumps(numbers)}\n"
        'region = "US"\n',
        encoding="utf-8",
    )
    truth = asdict(company.truth) | {"in_crm": sorted(company.truth.in_crm)}
    (directory / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return Manifest(
        directory=directory,
        imports=tuple(directory / name for name in ("salesforce", "hubspot", "dialpad", "mail")),
        later=tuple(arriving),
        settings=settings,
        inputs=company.truth.changes + bad,
        duplicates=company.truth.duplicates,
        bad=bad,
    )


def _copy(mail: Mail, rep: Rep) -> bytes:
    gmail_id = mail.gmail_ids[mail.holders.index(rep)]
    when = datetime.fromtimestamp(mail.stamp_us / 1e6, UTC)
    head = (
        f"From {gmail_id}@xxx {when.strftime('%a %b %d %H:%M:%S +0000 %Y')}\n"
        f"X-GM-THRID: {mail.thread}\nX-Gmail-Labels: {','.join(mail.labels)}\n"
        f"Delivered-To: {rep.email}\n"
    )
    body = mail.source.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ")
    return head.encode() + body + b"\n"
