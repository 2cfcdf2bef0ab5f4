"""What is done is noted with its outcome; what must not go unseen is not done unless it can be."""

import os
import pwd
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from google.cloud import bigquery

from embedded.ports import free_port
from embedded.warehouse import PROJECT, WarehouseServer
from operations.audit import Deed, Unaudited, audited, keyed, this_user
from operations.console import StackGone
from operations.identity.noting import looking
from operations.place import Cloud
from schemas.errors import FatalError
from schemas.operations import Audit
from schemas.tables import BY_ROW
from warehouse.clients import Endpoint, bigquery_client
from warehouse.latest import latest, select
from warehouse.provision import provision

AWAY = Endpoint(project=PROJECT, rest="", grpc=f"127.0.0.1:{free_port()}")


class Noted:
    """A warehouse with ops.audit alone."""

    def __init__(self, server: WarehouseServer, client: bigquery.Client) -> None:
        self.endpoint = server.endpoint
        self.client = client

    def of(self, command: str) -> list[Audit]:
        """The newest row of each."""
        return [row for row in latest(self.client, Audit) if row.command == command]


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Noted]:
    folder = tmp_path_factory.mktemp("audit")
    server = WarehouseServer(folder / "warehouse", log=folder / "warehouse.log")
    client = bigquery_client(server.start())
    provision(client, tables=[BY_ROW[Audit]])
    yield Noted(server, client)
    client.close()
    server.stop()


@pytest.mark.slow
def test_a_question_is_one_row_with_its_rows_and_outcome(noted: Noted) -> None:
    with audited(noted.endpoint, "query", {"view": "ops.health"}, must=False, by="ana") as deed:
        deed.rows_given = 9
    [row] = noted.of("query")
    assert (row.actor, row.outcome, row.rows_given) == ("ana", "succeeded", 9)
    assert msgspec.json.decode(row.parameters) == {"view": "ops.health"}
    assert row.started_at < row.noted_at


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "outcome"), [(ValueError("x"), "failed"), (KeyboardInterrupt(), "stopped")]
)
def test_what_must_not_go_unseen_is_noted_before_and_after(
    noted: Noted, error: BaseException, outcome: str
) -> None:
    seen = len(noted.of("erase"))
    with pytest.raises(type(error)), audited(noted.endpoint, "erase", {}, must=True):
        newest = max(noted.of("erase"), key=lambda row: row.noted_at)
        assert (len(noted.of("erase")), newest.outcome) == (seen + 1, "begun")
        raise error
    newest = max(noted.of("erase"), key=lambda row: row.noted_at)
    assert (len(noted.of("erase")), newest.outcome) == (seen + 1, outcome)
    assert newest.error_type == type(error).__name__


@pytest.mark.slow
def test_what_is_known_only_within_stands_in_the_row_at_the_end(noted: Noted) -> None:
    with (
        pytest.raises(ValueError, match="x"),
        audited(noted.endpoint, "grant", {"mailboxes": 1}, must=True) as deed,
    ):
        [begun] = noted.of("grant")
        deed.found = {"readers": 2}
        raise ValueError("x")
    [ended] = noted.of("grant")
    assert msgspec.json.decode(begun.parameters) == {"mailboxes": 1}
    assert msgspec.json.decode(ended.parameters) == {"mailboxes": 1, "readers": 2}


@pytest.mark.slow
def test_of_a_stack_that_has_gone_only_the_beginning_is_there(noted: Noted) -> None:
    with pytest.raises(StackGone), audited(noted.endpoint, "link", {}, must=True):
        raise StackGone("gone")
    assert [row.outcome for row in noted.of("link")] == ["begun"]
    rows = select(noted.client, Audit, "SELECT * FROM `ops.audit` WHERE command = 'link'")
    assert len(list(rows)) == 1


def test_what_cannot_be_noted_is_not_done_where_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.audit.GIVE_UP_AFTER_S", 0.1)
    done: list[Deed] = []
    with (
        pytest.raises(Unaudited, match=r"erase is not done .* ops\.audit .*salesintel status"),
        audited(AWAY, "erase", {}, must=True) as deed,
    ):
        done.append(deed)
    assert not done


class Denying(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A warehouse whose ops.audit somebody may not write."""

    def service(self, handler_call_details: Any) -> Any:
        def deny(requests: Any, context: grpc.ServicerContext) -> None:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "Permission denied on ops.audit")

        return grpc.stream_stream_rpc_method_handler(deny)


@pytest.fixture
def denied() -> Iterator[Endpoint]:
    server = grpc.server(ThreadPoolExecutor(1), handlers=[Denying()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield Endpoint(project=PROJECT, rest="", grpc=f"127.0.0.1:{port}")
    server.stop(None).wait()


def test_a_question_is_answered_all_the_same_and_says_that_it_is_not_noted(
    denied: Endpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("operations.audit.OPTIONAL_GIVE_UP_AFTER_S", 0.1)
    for endpoint in (AWAY, denied):
        with audited(endpoint, "query", {}, must=False) as deed:
            deed.rows_given = 1
        assert "query is not noted in ops.audit" in capsys.readouterr().err
        with looking(Cloud("p", endpoint=endpoint), None, "explain") as deed:
            deed.rows_given = 1
        assert "explain is not noted in ops.audit" in capsys.readouterr().err


def test_whoever_may_not_note_what_must_be_is_not_told_to_try_again(denied: Endpoint) -> None:
    done: list[Deed] = []
    with (
        pytest.raises(FatalError, match=r"ops\.audit cannot be written"),
        audited(denied, "erase", {}, must=True) as deed,
    ):
        done.append(deed)
    assert not done


def test_a_file_of_records_is_its_owners_and_not_noted(capsys: pytest.CaptureFixture[str]) -> None:
    with looking(Cloud("p", endpoint=AWAY), Path("records.csv"), "explain") as deed:
        deed.rows_given = 1
    assert capsys.readouterr().err == ""


def test_who_did_it_is_not_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "ceo")
    assert this_user() == pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)
    assert this_user() == f"uid {2**31 - 7}"


def test_a_keyed_hash_tells_nothing_without_its_key() -> None:
    address = "ann@customer.example"
    assert keyed(address, b"one") == keyed(address, b"one") != keyed(address, b"two")
    assert address not in keyed(address, b"one")
