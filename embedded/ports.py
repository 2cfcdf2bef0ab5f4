"""Free ports on 127.0.0.1, and why another is none."""

import errno
import socket


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
