"""Fails when a file that git tracks holds something that looks like a secret.

Patterns of the credentials that this project meets, and long random strings next to a name that
says secret. A false alarm is silenced by the words `not a secret` on the same line.
"""

import math
import re
import subprocess
import sys
from pathlib import Path

PATTERNS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "Google API key": re.compile(r"AIza[0-9A-Za-z_-]{35}"),
    "Google OAuth token": re.compile(r"ya29\.[0-9A-Za-z_-]{20,}"),
    "service account key": re.compile(r'"private_key_id"\s*:\s*"[0-9a-f]{40}"'),
    "HubSpot token": re.compile(r"pat-(?:na|eu)\d-[0-9a-f]{8}-[0-9a-f-]{27}"),
    "Slack webhook": re.compile(r"hooks\.slack\.com/services/T\w+/B\w+/\w+"),
    "Salesforce session": re.compile(r"00D[0-9A-Za-z]{12,15}![0-9A-Za-z._]{40,}"),
    "JWT": re.compile(r"eyJ[0-9A-Za-z_-]{16,}\.eyJ[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{20,}"),
}
NAMED = re.compile(
    r"(?i)(?:secret|password|passwd|api_?key|token)\w*[\"']?\s*[:=]\s*[\"']([^\"'\s]{20,})[\"']"
)
REFERENCE = re.compile(r"projects/[^/]+/secrets/")
"""Where a secret lies in Secret Manager is none."""
RANDOM_BITS = 4.0
"""Bits of entropy a character above which a named value is taken to be random."""

SKIPPED = {".png", ".lock"}
SKIPPED_NAMES = {"requirements.txt", "requirements-local.txt"}


def bits(text: str) -> float:
    """Shannon entropy of a text, in bits a character."""
    shares = [text.count(letter) / len(text) for letter in set(text)]
    return -sum(share * math.log2(share) for share in shares)


def findings(path: Path) -> list[str]:
    """What looks like a secret in a file, as `path:line: kind`."""
    found = []
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        if "not a secret" in line:
            continue
        kinds = [kind for kind, pattern in PATTERNS.items() if pattern.search(line)]
        named = NAMED.search(line)
        if named and not REFERENCE.match(named[1]) and bits(named[1]) > RANDOM_BITS:
            kinds.append("value of a name that says secret")
        found += [f"{path}:{number}: {kind}" for kind in kinds]
    return found


def main() -> int:
    """Exit code 1 with a list where anything was found."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True, text=True)
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    found = [
        finding
        for path in paths
        if path.is_file() and path.suffix not in SKIPPED and path.name not in SKIPPED_NAMES
        for finding in findings(path)
    ]
    print("\n".join(found) if found else f"no secrets in {len(paths)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
