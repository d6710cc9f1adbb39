"""Who the portal is, for Azure: one `DefaultAzureCredential` per process.

The process id is part of the key: a credential used before a fork shares its sockets with the
children and breaks their first calls, so each child makes its own. Nothing is asked of Azure when
this module is imported.
"""

import os
import time
from functools import cache
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential
from django.conf import settings

from portal.cloud import calls
from portal.cloud.calls import Kind
from portal.cloud.endpoints import Plane
from portal.cloud.transport import ShortSleepTransport
from portal.kernel.clock import real_now

CONNECT_TIMEOUT_SECONDS = 5
TOKEN_READ_TIMEOUT_SECONDS = 20


class TokenTransport(ShortSleepTransport):
    """For the token endpoint, on sockets of its own: its requests are counted here.

    The identity library builds its chain by itself, obeys any Retry-After, and repeats; the cap on
    sleeping is the transport's.
    """

    def send(self, request: Any, **options: Any) -> Any:
        began = time.monotonic()
        try:
            response = super().send(request, **options)
        except AzureError:
            seconds = time.monotonic() - began
            calls.count(Plane.IDENTITY, Kind.TIMEOUT, at=real_now(), seconds=seconds)
            raise
        kind, seconds = calls.kind_of(response.status_code), time.monotonic() - began
        calls.count(Plane.IDENTITY, kind, at=real_now(), seconds=seconds)
        return response


@cache
def _credential_of(_pid: int, authority: str) -> TokenCredential:
    transport = TokenTransport(
        connection_timeout=CONNECT_TIMEOUT_SECONDS, read_timeout=TOKEN_READ_TIMEOUT_SECONDS
    )
    return DefaultAzureCredential(transport=transport, authority=authority)


def credential() -> TokenCredential:
    """This process's credential; AZURE_TOKEN_CREDENTIALS in the environment picks its member."""
    return _credential_of(os.getpid(), settings.AZURE_AUTHORITY_HOST)


def forget_credentials() -> None:
    """Drops the credential and its tokens: a fresh process has none (tests, changed identity)."""
    _credential_of.cache_clear()
