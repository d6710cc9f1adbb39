"""API Management services in front of deployments, as a world file describes them.

A gateway does not make traffic: it divides what a deployment gets anyway among subscriptions, by
weights that may change at dated moments. See :mod:`simulator.gateway_traffic`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NO_SUBSCRIPTION = ""
"""The weight of calls that carry no subscription key."""


@dataclass(frozen=True)
class Product:
    """What subscriptions are sold as."""

    id: str
    name: str


@dataclass(frozen=True)
class Caller:
    """A subscription of the gateway. Logs know its ``id`` alone, never name and tags.

    ``tokens_per_minute`` is its own limit (the policy llm-token-limit), None for none. The factors
    say how large its requests are beside those of the others.
    """

    id: str
    name: str
    product: str = ""
    tokens_per_minute: int | None = None
    prompt_factor: float = 1.0
    generated_factor: float = 1.0
    tags: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Weights:
    """Which part of the calls each subscription makes, from an epoch minute on."""

    since_minute: float
    by_caller: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Backend:
    """A deployment behind the gateway. Shares are fractions from 0 to 1.

    ``bypass_share`` of its calls come past the gateway; ``content_filter_share`` of those that end
    as 400 were refused by the content filter.
    """

    deployment: str
    weights: tuple[Weights, ...]
    bypass_share: float = 0.0
    content_filter_share: float = 0.0


@dataclass(frozen=True)
class Gateway:
    """An API Management service that logs to the workspace of that id (a GUID)."""

    name: str
    subscription: str
    resource_group: str
    workspace: str
    products: tuple[Product, ...]
    callers: tuple[Caller, ...]
    backends: tuple[Backend, ...]
    logs_bodies: bool = True
    """Whether the answers of backends are logged: only then the logs say why a 400 was one."""

    @property
    def id(self) -> str:
        """The ARM resource id."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.ApiManagement/service/{self.name}"
        )


def gateway_json(gateway: Gateway) -> dict[str, Any]:
    """What the control API tells of it; the names and tags that no log knows."""
    return {
        "id": gateway.id,
        "name": gateway.name,
        "workspace": gateway.workspace,
        "products": [vars(each) for each in gateway.products],
        "subscriptions": [vars(each) for each in gateway.callers],
        "backends": [each.deployment for each in gateway.backends],
    }
