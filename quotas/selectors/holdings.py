"""Who holds what: the ledger in force, by service and deployment, baseline and burst apart."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from portal.kernel import formatting
from portal.kernel.shown import Shown
from quotas.models import Deployment, LedgerEntry, Service

STEADY = ("adopted", "baseline")


@dataclass
class DeploymentHolding:
    """Units of one deployment, held by one service."""

    deployment: Deployment
    baseline_units: int = 0
    burst_units: int = 0

    def add(self, kind: str, units: int) -> None:
        if kind in STEADY:
            self.baseline_units += units
        else:
            self.burst_units += units


@dataclass
class Holding:
    """What one service holds. Tokens and PTUs never add up, so they stay apart."""

    deployments: list[DeploymentHolding] = field(default_factory=list)

    @property
    def baseline(self) -> str:
        return together((h.deployment, h.baseline_units) for h in self.deployments)

    @property
    def burst(self) -> str:
        return together((h.deployment, h.burst_units) for h in self.deployments)

    @property
    def total(self) -> str:
        return together((h.deployment, h.baseline_units + h.burst_units) for h in self.deployments)

    @property
    def baseline_tokens_per_minute(self) -> int:
        """For sorting and charts; PTUs count with the tokens that Azure states for them, if any."""
        return sum(h.deployment.rate.tokens(h.baseline_units) or 0 for h in self.deployments)

    @property
    def burst_tokens_per_minute(self) -> int:
        return sum(h.deployment.rate.tokens(h.burst_units) or 0 for h in self.deployments)

    @property
    def has_burst(self) -> bool:
        return any(h.burst_units for h in self.deployments)


def together(parts: Iterable[tuple[Deployment, int]]) -> str:
    """`120k TPM`, `15 PTUs`, or `120k TPM + 15 PTUs`; empty where nothing is held."""
    tokens = ptus = units = 0
    for deployment, count in parts:
        if deployment.is_provisioned:
            ptus += count
        elif deployment.tokens_per_minute_per_unit is None:
            units += count
        else:
            tokens += deployment.rate.tokens(count) or 0
    shown: list[Shown] = []
    if tokens:
        shown.append(formatting.tpm(tokens))
    if ptus:
        shown.append(formatting.units(ptus, "PTU"))
    if units:
        shown.append(formatting.units(units))
    return shown[0] if len(shown) == 1 else " + ".join(shown)


def holdings_of(service_ids: Iterable[int], *, at: datetime) -> dict[int, Holding]:
    """By service id; a service that holds nothing is absent. One query."""
    rows = (
        LedgerEntry.objects.applied()
        .in_force_at(at)
        .filter(service__in=service_ids)
        .filter(Q(deployment__gone_at__isnull=True))
        .select_related("deployment__account")
        .annotate(of_kind=F("reverses__kind"))
        .order_by("deployment__account__name", "deployment__name")
    )
    found: dict[int, dict[int, DeploymentHolding]] = {}
    for row in rows:
        by_deployment = found.setdefault(row.service_id or 0, {})
        holding = by_deployment.setdefault(row.deployment_id, DeploymentHolding(row.deployment))
        # A reversal counts against the kind of what it takes back.
        holding.add(row.of_kind or row.kind, row.units)
    return {service_id: holding_of(parts.values()) for service_id, parts in found.items()}


def holding_of(parts: Iterable[DeploymentHolding]) -> Holding:
    """Without those of which nothing is held any more."""
    return Holding([part for part in parts if part.baseline_units or part.burst_units])


@dataclass(frozen=True)
class HeldTogether:
    """`baseline` of several services, ready to print; how many of them have a burst."""

    baseline: str
    with_burst: int


def held_together(services: QuerySet[Service], *, at: datetime) -> HeldTogether:
    """Sums of any number of services, made in the database."""
    rows = (
        LedgerEntry.objects.applied()
        .in_force_at(at)
        .filter(service__in=services.order_by().values("pk"), deployment__gone_at__isnull=True)
    )
    steady = Q(of_kind__in=STEADY)
    kinds = rows.annotate(of_kind=Coalesce("reverses__kind", "kind"))
    sums = (
        kinds.filter(steady)
        .values("deployment__sku_name", "deployment__tokens_per_minute_per_unit")
        .annotate(held=Sum("units"))
        .order_by()
    )
    bursts = kinds.exclude(steady).values("service").annotate(held=Sum("units"))
    return HeldTogether(
        together(
            (
                Deployment(
                    sku_name=row["deployment__sku_name"],
                    tokens_per_minute_per_unit=row["deployment__tokens_per_minute_per_unit"],
                ),
                row["held"],
            )
            for row in sums
        ),
        bursts.order_by().exclude(held=0).count(),
    )
