"""The throwaway certificate authority and the server certificate, kept in the state folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

_NAMES = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files. ``server`` holds the private key and the chain."""

    ca: Path
    server: Path


def certificates(folder: Path, name: str = "localhost") -> Certificates:
    """The certificates in ``folder``, made on first use, so clients can go on trusting them.

    They are valid for loopback and for ``name``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(ca=folder / "ca.pem", server=folder / "server.pem")
    if not (made.ca.is_file() and made.server.is_file()):
        authority = trustme.CA(organization_name="Headroom simulator, for tests only")
        leaf = authority.issue_cert(*dict.fromkeys((*_NAMES, name)))
        made.server.touch(mode=0o600)
        leaf.private_key_and_cert_chain_pem.write_to_path(str(made.server))
        authority.cert_pem.write_to_path(str(made.ca))
    return made
