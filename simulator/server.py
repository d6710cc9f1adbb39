"""Starts the two listeners: HTTPS for the planes, plain HTTP for the token endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from simulator.app import https_app, token_app
from simulator.certificates import Certificates, certificates
from simulator.fault_play import AbortableProtocol
from simulator.proxy import serve_proxy
from simulator.state import State, write_atomically
from simulator.tokens import CLIENT, TENANT, Secrets, load_secrets

LOOPBACK = "127.0.0.1"
KEEP_ALIVE_SECONDS = 75
_START_SECONDS = 20


class ListenError(Exception):
    """A port cannot be used; the message is a sentence for a person."""


@dataclass(frozen=True)
class Listeners:
    """The bound sockets."""

    https: socket.socket
    token: socket.socket
    proxy: socket.socket | None = None
    name: str = LOOPBACK  # what clients call this machine: in the addresses and the certificate

    @property
    def ports(self) -> tuple[int, int]:
        """(HTTPS port, token port)."""
        return _port(self.https), _port(self.token)

    @property
    def https_address(self) -> tuple[str, int]:
        """Where this machine itself reaches the HTTPS port."""
        host = self.https.getsockname()[0]
        return LOOPBACK if host == "0.0.0.0" else host, _port(self.https)  # noqa: S104


class _Server(uvicorn.Server):
    """Leaves signals to :func:`run`, which has two servers to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """No signal handlers of its own."""
        yield


def bind(
    folder: Path,
    port: int,
    token_port: int,
    proxy_port: int | None = None,
    *,
    host: str = LOOPBACK,
    name: str = LOOPBACK,
) -> Listeners:
    """Bind the ports; 0 means the one of the last run if it is free, else any; None means none.

    ``host`` other than loopback is for a private network of containers: the control API asks
    nobody who they are.
    """
    stored = folder / "ports.json"
    last: dict[str, int] = json.loads(stored.read_text()) if stored.is_file() else {}
    listeners = Listeners(
        https=_bind_one(host, port, last.get("https", 0)),
        token=_bind_one(host, token_port, last.get("token", 0)),
        proxy=None if proxy_port is None else _bind_one(host, proxy_port, last.get("proxy", 0)),
        name=name,
    )
    https_port, chosen_token_port = listeners.ports
    chosen = {"https": https_port, "token": chosen_token_port}
    if listeners.proxy is not None:
        chosen["proxy"] = _port(listeners.proxy)
    write_atomically(stored, json.dumps({**last, **chosen}))
    return listeners


def _bind_one(host: str, asked: int, last: int) -> socket.socket:
    for port in [asked] if asked else [last, 0]:
        # The protocol is named because asyncio switches Nagle's delay off (40 ms an answer) only
        # on sockets that say they are TCP.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            listener.close()
            continue
        return listener
    raise ListenError(f"Port {asked} of {host} is taken; choose another or 0 for any free one.")


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def ready_facts(
    state: State, listeners: Listeners, keys: Secrets, files: Certificates
) -> dict[str, Any]:
    """What ``ready.json`` tells those who start a simulator."""
    https_port, token_port = listeners.ports
    base = f"https://{listeners.name}:{https_port}"
    return {
        "arm_endpoint": base,
        "metrics_endpoint": f"{base}/metrics/{{region}}",
        "logs_endpoint": base,
        "control_url": f"{base}/_sim",
        "identity_endpoint": f"http://{listeners.name}:{token_port}/msi/token",
        "identity_header": keys.header,
        "authority_host": base,
        "tenant_id": TENANT,
        "client_id": CLIENT,
        "client_secret": keys.client_secret,
        "ca_file": str(files.ca.resolve()),
        "proxy_url": listeners.proxy and f"http://{listeners.name}:{_port(listeners.proxy)}",
        "pid": os.getpid(),
        "subscriptions": [each.id for each in state.world.subscriptions],
        "workspaces": sorted({each.workspace for each in state.world.gateways}),
    }


def run(
    state: State,
    folder: Path,
    listeners: Listeners,
    keep_alive_seconds: int = KEEP_ALIVE_SECONDS,
) -> None:
    """Serve until SIGTERM or SIGINT. ``ready.json`` is there as long as it serves."""
    asyncio.run(_serve(state, folder, listeners, keep_alive_seconds))


async def _serve(state: State, folder: Path, listeners: Listeners, keep_alive_seconds: int) -> None:
    keys, files = load_secrets(folder), certificates(folder / "tls", listeners.name)
    tls = {"ssl_certfile": str(files.server), "ssl_keyfile": str(files.server)}
    servers = (
        _Server(_config(https_app(state, keys), keep_alive_seconds, **tls)),
        _Server(_config(token_app(state, keys), keep_alive_seconds)),
    )
    _stop_on_signals(servers)
    tasks = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, listener in zip(servers, (listeners.https, listeners.token), strict=True)
    ]
    if listeners.proxy is not None:
        await serve_proxy(listeners.proxy, listeners.https_address)
    ready = folder / "ready.json"
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not all(server.started for server in servers):
                await asyncio.sleep(0.01)
        facts = ready_facts(state, listeners, keys, files)
        write_atomically(ready, json.dumps(facts, indent=1))
        print(f"Simulated Azure is ready at {facts['arm_endpoint']}", flush=True)
        await asyncio.gather(*tasks)
    finally:
        ready.unlink(missing_ok=True)


def _config(app: ASGIApp, keep_alive_seconds: int, **tls: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=AbortableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # the front sets it; a knob puts it off
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=1,
        ssl_certfile=tls.get("ssl_certfile"),
        ssl_keyfile=tls.get("ssl_keyfile"),
    )


def _stop_on_signals(servers: tuple[uvicorn.Server, ...]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
