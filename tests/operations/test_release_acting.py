"""As whom a release is asked for, by Google's own library against a stand-in of IAM."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import google.auth
import pytest
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2.credentials import Credentials

from operations.release.acting import DEPLOYER_VARIABLE, SCOPE, acting, releaser_of
from schemas.errors import ConfigurationError

PROJECT = "salesintel-test"
DEPLOYER = "salesintel-deployer@state.iam.gserviceaccount.com"


class Iam:
    """Gives tokens for an account, to who may act as it."""

    def __init__(self) -> None:
        self.address = ""
        self.may = {"person"}
        self.asked: list[dict[str, Any]] = []

    def answer(self, bearer: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(body)
        if bearer.removeprefix("Bearer ") not in self.may:
            return 403, {"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}}
        return 200, {"accessToken": "for an hour", "expireTime": "2126-01-01T00:00:00Z"}


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Iam]:
    stand_in = Iam()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = stand_in.answer(self.headers["Authorization"], body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *given: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    stand_in.address = f"http://127.0.0.1:{server.server_port}/generateAccessToken"
    monkeypatch.delenv(DEPLOYER_VARIABLE, raising=False)
    monkeypatch.setattr(google.auth, "default", lambda **given: (Credentials("person"), None))
    yield stand_in
    server.shutdown()
    server.server_close()


def test_a_release_acts_as_the_account_that_may_do_it(iam: Iam) -> None:
    given: Any = acting(PROJECT, looks=False, iam=iam.address)
    assert given.token == "for an hour"
    assert given.service_account_email == releaser_of(PROJECT)
    assert [body["scope"] for body in iam.asked] == [[SCOPE]]


def test_what_is_only_looked_at_is_looked_at_as_terraform_does(
    iam: Iam, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in: Any = acting(PROJECT, looks=True, iam=iam.address)
    assert signed_in.token == "person" and not iam.asked
    monkeypatch.setenv(DEPLOYER_VARIABLE, DEPLOYER)
    deployer: Any = acting(PROJECT, looks=True, iam=iam.address)
    assert deployer.service_account_email == DEPLOYER
    releaser: Any = acting(PROJECT, looks=False, iam=iam.address)
    assert releaser.service_account_email == releaser_of(PROJECT)


def test_who_may_not_is_told_whom_to_ask_before_anything_is_done(
    iam: Iam, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam.may = set()
    with pytest.raises(ConfigurationError, match="cannot act as releaser@.*variable `releasers`"):
        acting(PROJECT, looks=False, iam=iam.address)
    monkeypatch.setenv(DEPLOYER_VARIABLE, DEPLOYER)
    with pytest.raises(
        ConfigurationError,
        match="cannot act as salesintel-deployer@.*variable `deployers` of terraform/bootstrap",
    ):
        acting(PROJECT, looks=True, iam=iam.address)
    monkeypatch.delenv(DEPLOYER_VARIABLE)

    def nobody(**given: Any) -> Any:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr(google.auth, "default", nobody)
    with pytest.raises(ConfigurationError, match="you cannot ask Google"):
        acting(PROJECT, looks=True, iam=iam.address)
