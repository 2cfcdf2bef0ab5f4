"""Sockets that commands serve on."""

import socket

from schemas.errors import ConfigurationError

WAITING = 2_048
"""Connections that the kernel holds until they are taken."""


def listening(host: str, port: int) -> socket.socket:
    """A socket to which vendors can connect from now on; port 0: a free one. ConfigurationError
    where that is not to be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(f"--host {host}: {error.strerror}") from None
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(WAITING)
    except OSError as error:
        opened.close()
        raise ConfigurationError(
            f"{host} port {port}: {error.strerror}; name another with --port"
        ) from None
    return opened
