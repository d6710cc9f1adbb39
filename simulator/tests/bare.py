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
NAMESPACE = f"/subscriptions/{SUBSCRIPTION}/providers"
GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


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


def ask(
    simulator: SimulatorProcess, path: str, method: str = "GET", **headers: str
) -> httpx.Response:
    """One request with a good token; header names with underscores for dashes."""
    wanted = {name.replace("_", "-"): value for name, value in headers.items()}
    with simulator.http() as http_client:
        token = {"Authorization": f"Bearer {simulator.token(ARM)}"}
        return http_client.request(method, path, headers={**token, **wanted})
