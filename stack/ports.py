"""Finding a port that a web server can have."""

from __future__ import annotations

import socket

from stack.paths import StackError

ADDRESS = "127.0.0.1"
USUAL = range(8000, 8020)


def choose_port(wanted: int | None) -> int:
    """The wanted port (`StackError` if it is taken), or a free one of the usual ones, or any."""
    if wanted is not None:
        if not is_free(wanted):
            raise StackError(f"Port {wanted} is taken. Leave --port out to have a free one found.")
        return wanted
    return next(filter(is_free, USUAL), None) or any_free_port()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do, so that a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except (OSError, OverflowError):
            return False
        return True


def any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port
