"""What is typed or piped into a command."""

import sys

from service.cli.running import fail


def read() -> str:
    """Return all of it; leave with status 2 if it is no text."""
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        fail(f"standard input is not UTF-8 at byte {error.start}")
