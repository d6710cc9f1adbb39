"""The values a model catalogue is made of: versions, the SKUs they are sold as, rate limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

STANDARD_SKUS = ("Standard", "GlobalStandard", "DataZoneStandard")
PROVISIONED_SKUS = (
    "ProvisionedManaged",
    "GlobalProvisionedManaged",
    "DataZoneProvisionedManaged",
)
# Catalogue rows from before the names above; spelled in either case.
_OLD_PROVISIONED = ("provisioned",)
_FINE_TUNED_POOL = "-finetune"
FINE_TUNED_MARK = ".ft-"  # in names of fine-tuned models: gpt-4o-2024-08-06.ft-0e20…
HOSTING_KINDS = ("OpenAI", "AIServices")
"""The kinds of account that host model deployments."""
ModelKey = tuple[str, str]
"""(name, version) in lower case."""


@dataclass(frozen=True)
class RateLimit:
    """``count`` of ``key`` (request or token) in each ``renewal_seconds``, for one unit."""

    key: str
    count: int
    renewal_seconds: int


@dataclass(frozen=True)
class CapacityRule:
    """Which capacities the service accepts; ``step`` counts from ``minimum``.

    Any of them may be None: the catalogue then says nothing, and Azure takes from 1, by 1, without
    an upper bound. ``allowed`` values, where there are any, are the only ones.
    """

    minimum: int | None = None
    maximum: int | None = None
    step: int | None = None
    default: int | None = None
    allowed: tuple[int, ...] = ()

    def largest_within(self, units: int) -> int:
        """The largest capacity accepted that is no more than ``units``; 0 when there is none."""
        if self.allowed:
            return max((each for each in self.allowed if each <= units), default=0)
        units = units if self.maximum is None else min(units, self.maximum)
        least, step = self.minimum or 1, self.step or 1
        return 0 if units < least else units - (units - least) % step

    def smallest_for(self, units: int) -> int:
        """The smallest capacity accepted that is no less than ``units``, whatever the maximum."""
        if self.allowed:
            return min((each for each in self.allowed if each >= units), default=max(self.allowed))
        least, step = self.minimum or 1, self.step or 1
        return max(least, least - (least - units) // step * step)

    def problem(self, capacity: int) -> str | None:
        """A sentence when ``capacity`` is not allowed."""
        if self.allowed and capacity not in self.allowed:
            return f"must be one of {', '.join(map(str, self.allowed))}"
        minimum, step = self.minimum or 1, self.step or 1
        if self.maximum is None and capacity < minimum:
            return f"must be at least {minimum}"
        if capacity < minimum or (self.maximum is not None and capacity > self.maximum):
            return f"must lie between {minimum} and {self.maximum}"
        if (capacity - minimum) % step:
            return f"must be {minimum} plus a multiple of {step}"
        return None


@dataclass(frozen=True)
class ModelSku:
    """One way to deploy a model. ``rate_limits`` are those of one unit, empty when none are told.

    ``deprecation_date`` is None where the SKU ends with its model.
    """

    name: str
    usage_name: str
    quota_label: str
    capacity: CapacityRule
    rate_limits: tuple[RateLimit, ...] = ()
    input_tokens_per_minute_per_unit: int = 0
    output_weight: int = 1
    deprecation_date: datetime | None = None

    @property
    def is_provisioned(self) -> bool:
        """Provisioned throughput: units are PTUs, billed by the hour."""
        return self.name in PROVISIONED_SKUS or self.name.lower() in _OLD_PROVISIONED

    @property
    def is_for_fine_tuned(self) -> bool:
        """A second row of a SKU, whose pool serves deployments of fine-tuned models only."""
        return self.usage_name.endswith(_FINE_TUNED_POOL)

    def per_minute(self, key: str) -> int | None:
        """What one unit allows in a minute; None when the SKU does not limit ``key``."""
        for limit in self.rate_limits:
            if limit.key == key:
                return limit.count * 60 // limit.renewal_seconds
        return None


@dataclass(frozen=True)
class Model:
    """A model version with its SKUs. ``capabilities`` are texts, as Azure has them.

    ``format`` tells the publisher: anything but OpenAI exists in accounts of kind AIServices only.
    ``retired_at`` is for versions that were gone before any world begins.
    """

    name: str
    version: str
    capabilities: tuple[tuple[str, str], ...]
    skus: tuple[ModelSku, ...]
    format: str = "OpenAI"
    catalogue_id: str | None = None
    is_default_version: bool = False
    is_preview: bool = False
    max_capacity: int = 9
    retired_at: datetime | None = None

    @property
    def key(self) -> ModelKey:
        """How the catalogue finds it."""
        return (self.name.lower(), self.version.lower())

    @property
    def is_fine_tuned(self) -> bool:
        """Somebody's own model, made of a base model by training; its name tells which."""
        return FINE_TUNED_MARK in self.name.lower()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of account it can be deployed in."""
        return HOSTING_KINDS if self.format == "OpenAI" else ("AIServices",)

    def sku(self, name: str) -> ModelSku | None:
        """The SKU called ``name`` that serves this model; case is ignored, as Azure does."""
        return next(
            (
                sku
                for sku in self.skus
                if sku.name.lower() == name.lower() and sku.is_for_fine_tuned == self.is_fine_tuned
            ),
            None,
        )
