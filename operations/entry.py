"""Entry of the console script: Ctrl-C while the rest is being loaded is a line, too."""

import sys


def main() -> None:
    """Runs the command that was typed."""
    try:
        from operations.cli import main as run

        run()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
