"""Normalising mails: the real ones, the demo's, and HTML mails of 20 KB and more; one core.

Of a mail the best of several rounds counts, each with the caches of identifiers and of what was
decoded empty at its start; of the mails the median. Where the folder of real mails is not beside
the project, they have no figure.
"""

import statistics
import tempfile
import time
import zipfile
from pathlib import Path

from rich.console import Console

from benchmarks.html_mails import html_mail
from benchmarks.mix import demo_mix
from benchmarks.timing import forget
from connectors.files.mail import mail_change
from schemas.change import Change
from schemas.envelope import decode
from schemas.errors import SkippableError
from transforms.normalise import normalise
from transforms.settings import Settings

BARS = {
    "real_mail_us": ("<=", 250.0),
    "demo_mail_us": ("<=", 250.0),
    "html_20_kb_ms": ("<=", 1.5),
}

REAL = Path(__file__).parents[1].parent / "shared" / "data" / "mail" / "real_mail.zip"
START_US = 1_770_000_000_000_000
SETTINGS = Settings(own_domains=("own.example",))
DEMO_MESSAGES = 1_500
HTML_MAILS = 200
ROUNDS = 5


def real_mails() -> list[Change]:
    """The real and hostile mails, or none where they are not at hand."""
    if not REAL.exists():
        return []
    with zipfile.ZipFile(REAL) as archive:
        found = [archive.read(name) for name in sorted(archive.namelist())]
    return [_change(raw) for raw in found if raw.strip()]


def _change(raw: bytes) -> Change:
    return mail_change(
        raw, b"", mailbox="rex.roe@own.example", file_name="mail.eml", as_of=START_US
    )


def demo_mails() -> list[Change]:
    """The mails of the demo's mix that can be read."""
    with tempfile.TemporaryDirectory() as directory:
        messages, _ = demo_mix(DEMO_MESSAGES, Path(directory))
    mails = [m for m in messages if m.attributes.get("ce-type", "").endswith("change.message")]
    return [decode(m.data, m.attributes) for m in mails]


def _median_us(mails: list[Change], rounds: int) -> float:
    """Median over the mails of the microseconds that each takes at its best."""
    best = [float("inf")] * len(mails)
    for _ in range(rounds):
        forget("transforms")
        for place, mail in enumerate(mails):
            began = time.perf_counter_ns()
            try:
                normalise(mail, SETTINGS, START_US)
            except SkippableError:
                continue  # a dead letter, and no mail
            best[place] = min(best[place], (time.perf_counter_ns() - began) / 1_000)
    return statistics.median(us for us in best if us != float("inf"))


def run(quick: bool = False) -> dict[str, float]:
    """Microseconds and milliseconds a mail."""
    rounds, html_mails = (1, 20) if quick else (ROUNDS, HTML_MAILS)
    figures = {}
    real = real_mails()
    if real:
        figures["real_mail_us"] = _median_us(real, rounds)
        figures["real_mails_count"] = float(len(real))
    else:
        Console().print(f"no real mails here: {REAL} does not exist", soft_wrap=True)
    figures["demo_mail_us"] = _median_us(demo_mails(), rounds)
    made = [_change(html_mail(number)) for number in range(html_mails)]
    figures["html_20_kb_ms"] = _median_us(made, rounds) / 1_000
    return figures


if __name__ == "__main__":
    print(run())
