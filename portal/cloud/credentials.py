"""Who the portal is, for Azure: one `DefaultAzureCredential` per process.

The process id is part of the key: a credential used before a fork shares its sockets with the
children and breaks their first calls, so each child makes its own. Nothing is asked of Azure when
this module is imported.
"""

import os
from functools import cache

from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import DefaultAzureCredential
from django.conf import settings

from portal.cloud.retry import LONGEST_SLEEP_SECONDS

CONNECT_TIMEOUT_SECONDS = 5
TOKEN_READ_TIMEOUT_SECONDS = 20


class ShortSleepTransport(RequestsTransport):  # type: ignore[misc]
    """For the token endpoint: the identity library obeys any Retry-After, so the cap is here."""

    def sleep(self, duration: float) -> None:
        super().sleep(min(duration, LONGEST_SLEEP_SECONDS))


@cache
def _credential_of(_pid: int, authority: str) -> TokenCredential:
    transport = ShortSleepTransport(
        connection_timeout=CONNECT_TIMEOUT_SECONDS, read_timeout=TOKEN_READ_TIMEOUT_SECONDS
    )
    return DefaultAzureCredential(transport=transport, authority=authority)


def credential() -> TokenCredential:
    """This process's credential; AZURE_TOKEN_CREDENTIALS in the environment picks its member."""
    return _credential_of(os.getpid(), settings.AZURE_AUTHORITY_HOST)


def forget_credentials() -> None:
    """Drops the credential and its tokens: a fresh process has none (tests, changed identity)."""
    _credential_of.cache_clear()
