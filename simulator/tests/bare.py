"""A client that is a bare TLS socket: it sees each byte."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from simulator.tests.process import SimulatorProcess
from simulator.tests.worlds import SUBSCRIPTION

ARM = "https://management.azure.com"
ACCOUNTS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/accounts"


@contextmanager
def connection(simulator: SimulatorProcess) -> Iterator[ssl.SSLSocket]:
    """One connection to the HTTPS port."""
    url = httpx.URL(simulator.ready["arm_endpoint"])
    context = ssl.create_default_context(cafile=simulator.ready["ca_file"])
    with (
        socket.create_connection((url.host, url.port or 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=url.host) as wire,
    ):
        yield wire


def everything(wire: ssl.SSLSocket) -> bytes:
    """What comes until the connection ends, in whatever way."""
    received = b""
    try:
        while part := wire.recv(65536):
            received += part
    except (ssl.SSLError, ConnectionError):
        pass  # torn down without TLS's goodbye
    return received


def get_accounts(simulator: SimulatorProcess, *lines: str) -> bytes:
    """The request for the accounts with more header lines."""
    head = [
        f"GET {ACCOUNTS}?api-version=1 HTTP/1.1", "Host: x",
        f"Authorization: Bearer {simulator.token(ARM)}", *lines,
    ]  # fmt: skip
    return "\r\n".join([*head, "", ""]).encode()
