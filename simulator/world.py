"""What exists in the simulated Azure: subscriptions, quota limits, accounts, deployments, traffic.

These are values; what changes while the simulator runs is in :mod:`simulator.state` (limits, the
clock) and :mod:`simulator.resources` (accounts, deployments, capacities).
:mod:`simulator.world_file` reads them from JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from simulator.gateways import Gateway
from simulator.lifecycle import Plan
from simulator.models_catalogue import Model, ModelSku
from simulator.scopes import scope_of_place

PoolKey = tuple[str, str, str]
"""(subscription id, place, usage name), all in lower case: one quota bucket.

The place is a region, or wider: see :mod:`simulator.scopes`.
"""


@dataclass(frozen=True)
class Event:
    """A time with more, or less, traffic: ``factor`` multiplies the level in ``[start, end)``."""

    start: datetime
    end: datetime
    factor: float


@dataclass(frozen=True)
class Level:
    """How busy a deployment is over time, as a factor of its peak."""

    profile: str
    growth_per_month: float = 0.0
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Callers:
    """How the callers behave, whatever they ask for. Shares are fractions from 0 to 1.

    The defaults leave a deployment's numbers as a plain world has them.
    """

    api_name: str = "Azure OpenAI API version 2024-10-21"
    stream_share: float = 0.0
    """Requests that stream their answer."""
    priority_share: float = 0.0
    """Requests of service tier priority; the rest is of tier default."""
    bad_request_share: float = 0.0
    """Admitted requests that end as 400."""
    server_error_share: float = 0.0
    """Admitted requests that end as 500."""
    burstiness: float = 0.0
    """0: a minute's requests arrive evenly; 1: all in one ten-second slot of it."""
    request_slices: bool = False
    """Requests are limited per ten seconds, as Azure may, not only per minute."""
    max_tokens_factor: float = 1.0
    """``max_tokens`` of a request ÷ what it really generates; limits count the former."""
    retry_factor: float = 1.0
    """How often a request that is refused is sent in all, 1 to 4."""


@dataclass(frozen=True)
class ProfileTraffic:
    """Generated requests: a level times a peak, with mean token counts per request.

    ``neighbour`` is what somebody else asks of the same deployment at the same time.
    """

    level: Level
    peak_requests_per_minute: float
    prompt_tokens: float
    generated_tokens: float
    cache_match_percent: float = 0.0
    callers: Callers = Callers()
    neighbour: ProfileTraffic | None = None


@dataclass(frozen=True)
class TraceTraffic:
    """Requests of a real trace.

    With ``start`` the trace is played once and exactly, its first minute falling on ``start``.
    Without, it is repeated without end, thinned or multiplied by ``scale`` times the level.
    """

    file: str
    start: datetime | None
    level: Level
    scale: float = 1.0
    cache_match_percent: float = 0.0
    callers: Callers = Callers()


Traffic = ProfileTraffic | TraceTraffic


@dataclass(frozen=True)
class Subscription:
    """A billing boundary with its quota tier."""

    id: str
    name: str
    quota_tier: str


@dataclass(frozen=True)
class Deployment:
    """A model deployment. ``properties`` are those that are kept and given back, nothing more.

    ``generation`` counts the stretches of its life, see :mod:`simulator.resources`; ``revision``
    the changes since the world was loaded.
    """

    subscription: str
    resource_group: str
    account: str
    region: str
    name: str
    model: Model
    sku: ModelSku
    capacity_steps: tuple[tuple[float | None, int], ...]
    created_at: datetime | None
    spillover_deployment_name: str | None
    traffic: Traffic
    tags: dict[str, str] = field(default_factory=dict, hash=False)
    properties: dict[str, Any] = field(default_factory=dict, hash=False)
    generation: int = 0
    revision: int = 0
    changed_at: datetime | None = None
    provisioning_state: str = "Succeeded"

    @cached_property
    def key(self) -> str:
        """``account/deployment`` in lower case; account names are unique in Azure."""
        return f"{self.account}/{self.name}".lower()

    @property
    def uid(self) -> str:
        """The key of this generation; unlike :attr:`key` never used again."""
        return f"{self.key}#{self.generation}" if self.generation else self.key

    @property
    def pool(self) -> PoolKey:
        """The regional key; :meth:`simulator.quota.Quota.pool` knows the pool it stands for now."""
        return (self.subscription.lower(), self.region, self.sku.usage_name.lower())

    @property
    def spill_target(self) -> str | None:
        """The key of the standard deployment that takes what a provisioned one cannot."""
        if self.spillover_deployment_name is None:
            return None
        return f"{self.account}/{self.spillover_deployment_name}".lower()


@dataclass(frozen=True)
class Account:
    """A Cognitive Services account with its deployments.

    ``properties`` are those in which it differs from Azure's defaults, with ARM's names.
    """

    subscription: str
    resource_group: str
    name: str
    region: str
    kind: str
    deployments: tuple[Deployment, ...]
    tags: dict[str, str] = field(default_factory=dict)
    sku: str = "S0"
    identity: dict[str, Any] | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    changed_at: datetime | None = None
    revision: int = 0

    @property
    def id(self) -> str:
        """The ARM resource id."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.CognitiveServices/accounts/{self.name}"
        )


@dataclass(frozen=True)
class Limit:
    """The quota limit of one pool, in capacity units."""

    subscription: str
    region: str
    usage_name: str
    limit: int

    @property
    def pool(self) -> PoolKey:
        """The quota bucket this limit bounds."""
        return (self.subscription.lower(), self.region, self.usage_name.lower())


@dataclass(frozen=True)
class TierUpgrade:
    """A subscription moves up one quota tier at ``at``; ``limits``: usage name → units it gets."""

    subscription: str
    at: datetime
    limits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """Everything a world file says, checked."""

    name: str
    seed: int
    loaded_at: datetime
    subscriptions: tuple[Subscription, ...]
    limits: tuple[Limit, ...]
    accounts: tuple[Account, ...]
    quota_scopes: dict[str, str] = field(default_factory=dict)
    """Usage name → regime, for those that are under a named one from the start."""
    tier_upgrades: tuple[TierUpgrade, ...] = ()
    service_capacity: dict[tuple[str, str], int] = field(default_factory=dict)
    """(region, SKU) → units that Azure itself has there; without an end where it is not said."""
    gateways: tuple[Gateway, ...] = ()
    plans: tuple[Plan, ...] = ()
    extra_regions: frozenset[str] = frozenset()
    """Regions the subscriptions may use although nothing is in them yet."""

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """All deployments of all accounts."""
        return tuple(each for account in self.accounts for each in account.deployments)

    @property
    def regions(self) -> frozenset[str]:
        """Every region something is in or may come into."""
        limited = {row.region for row in self.limits if scope_of_place(row.region) is None}
        return self.extra_regions | {each.region for each in self.accounts} | limited
