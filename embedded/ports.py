"""Free ports on 127.0.0.1, and why another is none."""

import errno
import secrets
import socket

FIRST, LAST = 20_000, 32_000
"""Below those that Linux (from 32768) and macOS (from 49152) give to outgoing connections: one of
these could take the port between the choice and the server's start, or while it is restarted."""


def free_port() -> int:
    """A port that nothing listens on now."""
    for _ in range(LAST - FIRST):
        port = FIRST + secrets.randbelow(LAST - FIRST)
        if is_free(port):
            return port
    raise OSError(errno.EADDRINUSE, f"no port from {FIRST} to {LAST} is free")


def obstacle(port: int) -> str:
    """Why no server could listen on the port now; empty where one could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OverflowError:
            return "is none: they go up to 65535"
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "is taken"
            return f"cannot be used ({error.strerror})"
    return ""


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    return not obstacle(port)
