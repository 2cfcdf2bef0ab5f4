"""Ports: a free one is found, one that is taken is named."""

import socket

import pytest

from embedded.ports import free_port, is_free
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
