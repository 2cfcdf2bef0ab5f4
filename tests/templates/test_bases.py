"""The image is built on pinned images alone: digests come from registries, and stand in a file."""

import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from templates.bases import FILE, HUB, NotPinned, asked, digest_of, main, pinned

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "templates" / "Dockerfile").read_text(encoding="utf-8")
MANIFEST = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
OTHER = "sha256:" + "0" * 64


class Registry:
    """Gives manifests to who bears a token, and a token to anybody."""

    def __init__(self) -> None:
        self.host = ""
        self.named = DIGEST
        self.asked: list[str] = []


@pytest.fixture
def registry() -> Iterator[Registry]:
    stand_in = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stand_in.asked.append(self.path)
            status, headers, body = 404, {}, b""
            if self.path.startswith("/token?"):
                status, body = 200, b'{"token": "anybody"}'
            elif self.headers.get("Authorization") != "Bearer anybody":
                words = f'realm="http://{stand_in.host}/token",service="r",scope="pull"'
                status, headers = 401, {"WWW-Authenticate": f"Bearer {words}"}
            elif self.path == "/v2/some/image/manifests/1.0":
                status, headers, body = 200, {"Docker-Content-Digest": stand_in.named}, MANIFEST
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    stand_in.host = f"127.0.0.1:{server.server_port}"
    yield stand_in
    server.shutdown()
    server.server_close()


def test_a_digest_is_that_of_the_manifest_that_a_tag_leads_to(registry: Registry) -> None:
    assert digest_of(f"{registry.host}/some/image:1.0", scheme="http") == DIGEST
    assert registry.asked[1] == "/token?service=r&scope=pull"


def test_a_registry_that_has_it_not_or_names_another_is_not_believed(registry: Registry) -> None:
    with pytest.raises(NotPinned, match="answers 404"):
        digest_of(f"{registry.host}/some/image:2.0", scheme="http")
    registry.named = OTHER
    with pytest.raises(NotPinned, match="names another digest"):
        digest_of(f"{registry.host}/some/image:1.0", scheme="http")


def test_nobody_there_is_told_by_name() -> None:
    with pytest.raises(NotPinned, match=r"127\.0\.0\.1:9 does not answer"):
        asked("http://127.0.0.1:9/v2/", {})


@pytest.mark.parametrize(
    ("image", "address"),
    [
        ("python:3.11", f"https://{HUB}/v2/library/python/manifests/3.11"),
        ("apache/beam:2", f"https://{HUB}/v2/apache/beam/manifests/2"),
        ("gcr.io/a/b:latest", "https://gcr.io/v2/a/b/manifests/latest"),
    ],
)
def test_an_image_is_looked_for_where_docker_would(image: str, address: str) -> None:
    found: list[str] = []

    def ask(asked_for: str, headers: dict[str, str]) -> object:
        found.append(asked_for)
        raise NotPinned("enough")

    with pytest.raises(NotPinned):
        digest_of(image, ask)  # type: ignore[arg-type]
    assert found == [address]


def test_digests_are_recorded_once_and_renewed_when_asked() -> None:
    text = f"# why\nA_IMAGE=a:1\nB_IMAGE=b:2@{OTHER}\n"
    once = pinned(text, lambda image: DIGEST)
    assert once == f"# why\nA_IMAGE=a:1@{DIGEST}\nB_IMAGE=b:2@{OTHER}\n"
    assert pinned(once, lambda image: OTHER) == once
    assert pinned(once, lambda image: DIGEST, renew=True).count(DIGEST) == 2
    with pytest.raises(NotPinned, match="is no NAME_IMAGE"):
        pinned("A_IMAGE=a:1@sha256:abc\n", lambda image: DIGEST)


def test_a_release_is_built_on_nothing_that_is_not_pinned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bases.env"
    file.write_text("A_IMAGE=a:1\n")
    assert main(["--frozen"], file) == 1
    assert "a:1 is not pinned: run `make bases`" in capsys.readouterr().err
    assert main([], file, lambda image: DIGEST) == 0
    assert file.read_text() == f"A_IMAGE=a:1@{DIGEST}\n"
    assert main(["--frozen"], file) == 0


def test_no_build_has_a_base_but_those_of_the_file() -> None:
    named = set(re.findall(r"^(\w+)=", FILE.read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"^FROM \$\{(\w+)\}", DOCKERFILE, re.MULTILINE)) == named
    assert len(re.findall(r"^FROM ", DOCKERFILE, re.MULTILINE)) == len(named)
    # Without a default: a build that is not told stops.
    assert set(re.findall(r"^ARG (\w+_IMAGE)$", DOCKERFILE, re.MULTILINE)) == named
    assert not re.search(r"^COPY --from=(?!beam|launcher)", DOCKERFILE, re.MULTILINE)


def test_builds_that_are_released_ask_nobody() -> None:
    build = yaml.safe_load((ROOT / "templates" / "cloudbuild.yaml").read_text("utf-8"))
    (step,) = (one for one in build["steps"] if one["id"] == "build")
    assert "is not pinned" in step["args"][-1] and "bases.env" in step["args"][-1]
    release = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))
    assert release["jobs"]["release"]["env"]["FROZEN"] == "1"
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "templates/bases.py $(if $(FROZEN),--frozen)" in makefile
