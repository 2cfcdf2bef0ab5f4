"""Ports: a free one is found, one that is taken is named."""

import errno
import socket

import pytest

from embedded.ports import free_port, is_free, obstacle
from embedded.supervisor import Ports, listens
from schemas.errors import ConfigurationError


def test_a_free_port_is_free_and_nothing_listens_there() -> None:
    port = free_port()
    assert is_free(port)
    assert not listens(port)


def test_a_port_where_something_listens_is_not_free_and_is_refused_by_number() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free(port)
        assert listens(port)
        with pytest.raises(ConfigurationError, match=f"port {port} is taken"):
            Ports(rest=port).chosen()


def test_ports_that_are_named_stay_and_the_others_are_chosen() -> None:
    named = free_port()
    chosen = Ports(pubsub=named).chosen()
    assert chosen.pubsub == named
    assert chosen.rest
    assert chosen.grpc


def test_one_port_for_two_servers_is_refused() -> None:
    port = free_port()
    with pytest.raises(ConfigurationError, match=f"port {port} is named twice"):
        Ports(pubsub=port, grpc=port).chosen()


def test_chosen_ports_are_never_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    named, other, third = free_port(), free_port(), free_port()
    offered = iter([named, other, other, third])
    monkeypatch.setattr("embedded.supervisor.free_port", lambda: next(offered))
    assert Ports(rest=named).chosen() == Ports(other, named, third)


def test_a_port_that_we_may_not_have_is_refused_by_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(self: socket.socket, address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", forbidden)
    with pytest.raises(ConfigurationError, match=r"port 80 cannot be used \(Permission denied\)"):
        Ports(pubsub=80).chosen()


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_what_is_no_port_is_not_free(port: int) -> None:
    assert "is none" in obstacle(port)
    assert not is_free(port)
