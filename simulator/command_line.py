"""The command line of ``python -m simulator`` and its help."""

from __future__ import annotations

import argparse
from pathlib import Path

from simulator.server import KEEP_ALIVE_SECONDS, LOOPBACK

_DESCRIPTION = """\
Plays Azure over HTTPS on this machine: tokens, Cognitive Services accounts, deployments and quota
(ARM), Monitor metrics, gateway logs (Log Analytics). The SDKs, az and curl talk to it as to the
real one. Everything is kept in one folder; a restart, also after kill -9, is the same Azure at the
same address."""

_EPILOG = """\
examples:
  python -m simulator --state var/azure
      a small world of its own; prints its address when it is ready, Ctrl-C stops it
  python -m simulator --state var/azure --world my-world.json --clock 2026-03-02T08:00:00Z
      your own world, beginning on a Monday morning
  python -m simulator --state var/azure --proxy-port 0
      also a proxy: with HTTPS_PROXY set to it, clients reach the simulator under Azure's own names

when it is ready, FOLDER/ready.json tells all addresses and secrets; then for example:
  export REQUESTS_CA_BUNDLE=FOLDER/tls/ca.pem
  curl --cacert FOLDER/tls/ca.pem ADDRESS/_sim/state        (the control API; needs no token)

docs/reference/simulator.md describes calls, world files, knobs, faults and the control API."""


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--state", type=Path, required=True, metavar="FOLDER", help="everything is kept here")
    where = parser.add_argument_group("where it listens (port 0: that of the last run, else any)")
    add = where.add_argument
    add("--port", type=int, default=0, metavar="N", help="HTTPS, for all planes (default 0)")
    add("--token-port", type=int, default=0, metavar="N",
        help="plain HTTP, for managed-identity tokens (default 0)")  # fmt: skip
    add("--proxy-port", type=int, metavar="N",
        help="CONNECT proxy for Azure's own host names (default: none)")  # fmt: skip
    add("--host", default=LOOPBACK, metavar="ADDRESS",
        help=f"address to listen on (default {LOOPBACK}); the control API asks nobody who they "
        "are, so other than loopback only in a network of your own")  # fmt: skip
    add("--name", default=LOOPBACK, metavar="HOST",
        help="what clients call this machine: in addresses and the certificate")  # fmt: skip
    add("--keep-alive-seconds", type=int, default=KEEP_ALIVE_SECONDS, metavar="N",
        help="idle connections stay open so long (default %(default)s)")  # fmt: skip
    what = parser.add_argument_group("what it plays (a stored world and clock win over these)")
    add = what.add_argument
    add("--world", type=Path, metavar="FILE", help="world to load the first time")
    add("--clock", default="real", metavar="ISO", help="first setting: a moment, or real (default)")
    add("--traces", type=Path, metavar="DIR", help="folder of the traces a world file names")
    add("--trace", type=Path, metavar="FILE", help="request trace (CSV) to play once, exactly")
    add("--trace-deployment", metavar="ACCOUNT/DEPLOYMENT", help="who gets that trace")
    add("--trace-start", metavar="ISO", help="the minute its first minute falls on")
    return parser
