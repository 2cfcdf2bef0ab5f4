"""`python -m embedded.pubsub --directory DIR --port N`: runs until SIGTERM or Ctrl-C."""

import argparse
import signal
import sys
from pathlib import Path

from embedded.pubsub.server import PubSubServer
from embedded.safe_event import SafeEvent
from schemas.errors import FatalError


def main() -> int:
    """Prints `listening on 127.0.0.1:PORT` when it answers."""
    parser = argparse.ArgumentParser(prog="embedded.pubsub", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="Where messages are kept.")
    parser.add_argument("--port", type=int, default=0, help="0 = a free one.")
    options = parser.parse_args()
    asked_to_stop = SafeEvent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    server = PubSubServer(options.directory, options.port)
    try:
        address = server.start()
    except FatalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"listening on {address}", flush=True)
    asked_to_stop.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
