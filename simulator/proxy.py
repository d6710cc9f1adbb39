"""A CONNECT proxy that leads Azure's own host names to the simulator, and no other host anywhere.

With ``HTTPS_PROXY`` set to it, clients keep all their production defaults: management.azure.com,
the regional metrics hosts, the public sign-in host. It is no firewall: a client that knows no
proxies goes out by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

AZURE_HOSTS = (
    "management.azure.com",
    "*.metrics.monitor.azure.com",
    "api.loganalytics.io",
    "login.microsoftonline.com",
    "login.windows.net",
    "prices.azure.com",
)
_HEAD_SECONDS = 10
_CHUNK = 65536


def leads_to_the_simulator(host: str) -> bool:
    """Whether it is one of Azure's hosts that are played; ``*`` stands for one label."""
    name = host.lower().rstrip(".")
    _, _, parent = name.partition(".")
    return name in AZURE_HOSTS or f"*.{parent}" in AZURE_HOSTS


async def serve_proxy(listener: socket.socket, target: tuple[str, int]) -> asyncio.Server:
    """Accept on ``listener`` and connect to ``target`` until the server is closed."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            writer.close()
            return
        refusal = _refusal(head)
        if refusal:
            writer.write(refusal)
            writer.close()
            return
        await _join(reader, writer, target)

    return await asyncio.start_server(accept, sock=listener)


def _refusal(head: bytes) -> bytes | None:
    """None for ``CONNECT`` to a host that is played."""
    method, _, rest = head.decode("latin-1").partition(" ")
    host = rest.partition(" ")[0].rpartition(":")[0]
    if method == "CONNECT" and leads_to_the_simulator(host):
        return None
    status = "403 Forbidden" if method == "CONNECT" else "405 Method Not Allowed"
    sentence = (
        f"The simulator's proxy leads to Azure's hosts only, not to {host}; set NO_PROXY for it.\n"
        if method == "CONNECT"
        else "The simulator's proxy knows CONNECT only: set HTTPS_PROXY to it, not HTTP_PROXY.\n"
    )
    text = sentence.encode("ascii", "replace")
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + text


async def _join(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]
) -> None:
    far_reader, far_writer = await asyncio.open_connection(*target)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Until one side ends; then the other side ends too, as a torn connection must."""
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
    with contextlib.suppress(OSError):
        sink.close()
