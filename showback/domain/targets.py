"""Which deployment a gateway means: by the host of its account and the name of the deployment."""

from collections.abc import Iterable
from dataclasses import dataclass

GATEWAY = "gateway:"  # what the watermark of a gateway begins with; a region's has no colon


@dataclass(frozen=True)
class Known:
    """A deployment. `subdomain` is the first label of its account's own host; all in lower case."""

    id: int
    subdomain: str
    name: str


def target_of(account_host: str, deployment_name: str, known: Iterable[Known]) -> int | None:
    """None where no deployment goes by it, or more than one.

    Azure's custom subdomains are unique over all of its clouds, so the first label of the host is
    enough: an account answers under several suffixes. Where the gateway answered by itself there is
    no host; then the name must be the only one of its kind.
    """
    subdomain = account_host.lower().partition(".")[0]
    found = [
        each.id
        for each in known
        if each.name == deployment_name.lower() and subdomain in ("", each.subdomain)
    ]
    return found[0] if len(found) == 1 else None
