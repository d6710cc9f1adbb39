"""What has no price: named, with its quantity, and never counted as nought."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, Sum

from portal.kernel import formatting
from portal.kernel.shown import Shown
from quotas.selectors.metering import MeteredDeployment
from showback.models import Meter
from showback.selectors.cents import lines_of
from showback.selectors.scope import MonthScope, deployments_of, label_of


@dataclass(frozen=True)
class Unpriced:
    deployment: str
    model: str
    meter: str
    quantity: Shown


def quantity(exact: Decimal) -> Shown:
    """Tokens or PTU-hours: short, the exact number on hover."""
    return formatting.compact(int(exact) if exact == exact.to_integral_value() else exact)


def unpriced_lines(month: MonthScope, condition: Q) -> list[Unpriced]:
    """By deployment and meter, of the lines that the condition leaves."""
    rows = list(
        lines_of(month.days)
        .filter(condition, price__isnull=True)
        .values("deployment_id", "meter")
        .annotate(quantity=Sum("quantity"))
        .order_by("deployment_id", "meter")
    )
    deployments = deployments_of(month, {row["deployment_id"] for row in rows}) if rows else {}
    return [
        Unpriced(
            deployment=label_of(deployments.get(row["deployment_id"])),
            model=_model(deployments, row["deployment_id"]),
            meter=Meter(row["meter"]).label,
            quantity=quantity(row["quantity"]),
        )
        for row in rows
    ]


def _model(deployments: dict[int, MeteredDeployment], deployment_id: int) -> str:
    found = deployments.get(deployment_id)
    return f"{found.model_name} {found.sku_name}" if found else ""
