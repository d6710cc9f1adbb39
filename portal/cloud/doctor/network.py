"""Why a server was not reached, told apart: name, refusal, certificate, proxy, silence.

The SDKs and the libraries below them wrap these in one another; the deepest words are the useful
ones, so all causes of an error are looked through.
"""

import socket
import ssl
from dataclasses import dataclass

from azure.core.exceptions import (
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
)

from portal.cloud.errors import causes


@dataclass(frozen=True)
class Trouble:
    """`kind` is stable: dns, refused, certificate, tls, proxy, silent, cut or unreachable."""

    kind: str
    words: str  # goes on after "…: "
    fix: str


# Looked through in this order: a proxy's failure has a refused connection inside, and so on.
_TROUBLES: tuple[tuple[tuple[type[BaseException], ...], Trouble], ...] = (
    (
        (ProxyError,),
        Trouble(
            "proxy",
            "the proxy did not let the connection through",
            "Look at HTTPS_PROXY and NO_PROXY, and at what the proxy allows.",
        ),
    ),
    (
        (NameResolutionError, socket.gaierror),
        Trouble(
            "dns",
            "its name cannot be resolved",
            "Look at this machine's DNS, at private DNS zones, and at the spelling of the address.",
        ),
    ),
    (
        (ssl.SSLCertVerificationError,),
        Trouble(
            "certificate",
            "its certificate is not trusted here",
            "Where a proxy opens TLS, put its CA certificate into a file beside the public ones "
            "and name that file in REQUESTS_CA_BUNDLE.",
        ),
    ),
    (
        (ssl.SSLError,),
        Trouble(
            "tls",
            "no TLS connection came about",
            "Something between here and Azure speaks no TLS 1.2: look at proxy and firewall.",
        ),
    ),
    (
        (ConnectionRefusedError,),
        Trouble(
            "refused",
            "the connection was refused",
            "Look at the address and its port; a firewall may refuse them, too.",
        ),
    ),
    (
        (ConnectTimeoutError, ServiceRequestTimeoutError),
        Trouble(
            "silent",
            "nobody answered the attempt to connect",
            "Let this machine reach it on port 443: firewall, network security group, route.",
        ),
    ),
    (
        (ReadTimeoutError, ServiceResponseTimeoutError, TimeoutError),
        Trouble(
            "silent",
            "it was reached, but no answer came in time",
            "Try again; if it lasts, look at proxy and firewall, and at Azure's status page.",
        ),
    ),
    (
        (ProtocolError, ConnectionResetError, BrokenPipeError, ServiceResponseError),
        Trouble(
            "cut",
            "the connection was cut before the answer was whole",
            "Look at the proxy and the firewall between here and Azure.",
        ),
    ),
    (
        (NewConnectionError, ServiceRequestError, OSError),
        Trouble(
            "unreachable",
            "it cannot be reached",
            "Look at this machine's network and at the address.",
        ),
    ),
)


def trouble_of(error: BaseException) -> Trouble | None:
    """The network's part in an error; None when the server did answer."""
    found = tuple(causes(error))
    for kinds, trouble in _TROUBLES:
        if any(isinstance(one, kinds) for one in found):
            return trouble
    return None
