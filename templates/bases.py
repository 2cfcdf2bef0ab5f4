"""Pins the images that the image is built on, by what their registries say.

    python templates/bases.py            # those that have no digest yet
    python templates/bases.py --renew    # all of them
    python templates/bases.py --frozen   # asks nobody; exit code 1 where one has no digest

A tag may be another image tomorrow; a digest is the image itself.
https://distribution.github.io/distribution/spec/api/#pulling-an-image-manifest
"""

import hashlib
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from email.message import Message
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

FILE = Path(__file__).with_name("bases.env")
HUB = "registry-1.docker.io"
TIMEOUT_S = 30.0
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""Of all platforms first: what a build on any machine pulls."""
_LINE = re.compile(r"([A-Z]+_IMAGE)=([^\s@]+)(?:@(sha256:[0-9a-f]{64}))?\Z")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Answer(NamedTuple):
    """Of a registry: status, headers and body."""

    status: int
    headers: Message
    body: bytes


Ask = Callable[[str, dict[str, str]], Answer]
"""Gets an address with headers."""


class NotPinned(Exception):
    """A base has no digest, or none can be had."""


def asked(address: str, headers: dict[str, str]) -> Answer:
    """Over the network; NotPinned where nobody answers."""
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 (https, but for tests)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refused:
        return Answer(refused.code, refused.headers, b"")
    except OSError as error:
        raise NotPinned(f"{address.split('/')[2]} does not answer: {error}") from None


def digest_of(image: str, ask: Ask = asked, scheme: str = "https") -> str:
    """The digest of what a tag leads to now: that of the bytes of its manifest."""
    repository, _, tag = image.rpartition(":")
    host, _, path = repository.partition("/")
    if not path or not re.search(r"[.:]", host):
        host, path = HUB, repository if path else f"library/{repository}"
    address = f"{scheme}://{host}/v2/{path}/manifests/{tag}"
    headers = {"Accept": MANIFESTS}
    answer = ask(address, headers)
    if answer.status == 401:
        token = _token(answer.headers.get("WWW-Authenticate", ""), ask)
        answer = ask(address, headers | {"Authorization": f"Bearer {token}"})
    if answer.status != 200:
        raise NotPinned(f"{image}: its registry answers {answer.status}")
    digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    if answer.headers.get("Docker-Content-Digest", digest) != digest:
        raise NotPinned(f"{image}: its registry names another digest than its manifest has")
    return digest


def _token(challenge: str, ask: Ask) -> str:
    """What anybody may pull with."""
    words = dict(_CHALLENGE.findall(challenge))
    realm = words.pop("realm", "")
    answer = ask(f"{realm}?{urlencode(words)}", {}) if realm else None
    if answer is None or answer.status != 200:
        raise NotPinned("a registry gives no token to pull with")
    said = json.loads(answer.body)
    return str(said.get("token") or said["access_token"])


def pinned(text: str, digest: Callable[[str], str], *, renew: bool = False) -> str:
    """The text of the file with a digest at each image; one that is there stays but to `renew`."""
    lines = []
    for line in text.splitlines():
        if line.startswith("#") or not line:
            lines.append(line)
            continue
        found = _LINE.match(line)
        if found is None:
            raise NotPinned(f"{FILE.name}: {line!r} is no NAME_IMAGE=image:tag")
        name, image, known = found.groups()
        lines.append(f"{name}={image}@{digest(image) if renew or not known else known}")
    return "\n".join(lines) + "\n"


def refused(image: str) -> str:
    """Of a build that asks nobody."""
    raise NotPinned(f"{image} is not pinned: run `make bases`, and commit {FILE.name}")


def main(
    arguments: Sequence[str], file: Path = FILE, digest: Callable[[str], str] = digest_of
) -> int:
    """Writes the file, unless frozen; exit code 1 with a line where a base is not pinned."""
    text = file.read_text(encoding="utf-8")
    try:
        frozen = "--frozen" in arguments
        found = pinned(text, refused if frozen else digest, renew="--renew" in arguments)
    except NotPinned as error:
        print(error, file=sys.stderr)
        return 1
    if found != text:
        file.write_text(found, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
