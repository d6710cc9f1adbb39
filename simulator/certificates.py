"""The throwaway certificate authority and the server certificate, kept in the state folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509

from simulator.proxy import AZURE_HOSTS

_NAMES = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files. ``server`` holds the private key and the chain."""

    ca: Path
    server: Path


def certificates(folder: Path, name: str = "localhost") -> Certificates:
    """The certificates in ``folder``, made on first use, so clients can go on trusting them.

    They are valid for loopback, for ``name`` and for Azure's hosts (which only the proxy leads
    here). They are made anew when one of these is lacking.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(ca=folder / "ca.pem", server=folder / "server.pem")
    wanted = tuple(dict.fromkeys((*_NAMES, name, *AZURE_HOSTS)))
    if not (made.ca.is_file() and set(wanted) <= _names_of(made.server)):
        authority = trustme.CA(organization_name="Headroom simulator, for tests only")
        leaf = authority.issue_cert(*wanted)
        made.server.touch(mode=0o600)
        leaf.private_key_and_cert_chain_pem.write_to_path(str(made.server))
        authority.cert_pem.write_to_path(str(made.ca))
    return made


def _names_of(server: Path) -> set[str]:
    if not server.is_file():
        return set()
    (leaf, *_chain) = x509.load_pem_x509_certificates(server.read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in names}
