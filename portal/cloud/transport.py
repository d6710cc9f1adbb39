"""The sockets: one pool per process for all clients, and none of them sleeps for long.

requests keeps ten connections a host by itself, and throws away what is used beyond; the pool here
is as large as any number of threads that a web worker may be given. Keyed by process id: a socket
used before a fork breaks the child's first calls.
"""

import os
from functools import cache

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from portal.cloud.retry import LONGEST_SLEEP_SECONDS

HOSTS_KEPT = 64  # Resource Manager, and one host a region for metrics
CONNECTIONS_PER_HOST = 32


class ShortSleepTransport(RequestsTransport):  # type: ignore[misc]
    """Never sleeps longer than a worker may, whichever policy asks for it."""

    def sleep(self, duration: float) -> None:
        super().sleep(min(duration, LONGEST_SLEEP_SECONDS))


def transport(*, connect_seconds: float, read_seconds: float) -> ShortSleepTransport:
    """On this process's sockets; closing a client leaves them to the others."""
    return ShortSleepTransport(
        session=_session(os.getpid()),
        session_owner=False,
        connection_timeout=connect_seconds,
        read_timeout=read_seconds,
    )


def close_connections() -> None:
    """Closes this process's sockets; clients made before are to be forgotten as well."""
    if _session.cache_info().currsize:
        _session(os.getpid()).close()
    _session.cache_clear()


@cache
def _session(_pid: int) -> requests.Session:
    session = requests.Session()
    never = Retry(total=False, redirect=False, raise_on_status=False)  # repeats are a policy's
    session.mount(
        "https://",
        HTTPAdapter(
            max_retries=never, pool_connections=HOSTS_KEPT, pool_maxsize=CONNECTIONS_PER_HOST
        ),
    )
    return session
