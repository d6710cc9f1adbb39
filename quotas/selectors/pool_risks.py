"""What of a pool's grants does not fit any more, as the people who may see them read it."""

from dataclasses import dataclass
from datetime import datetime

from portal.kernel.shown import Shown
from quotas.domain.at_risk import Risk
from quotas.models import CapacityRequest, Pool
from quotas.selectors import words
from quotas.selectors.at_risk import PoolRisk, risks_of


@dataclass(frozen=True)
class RiskRow:
    """`request_id` is None where this person may not see whose it is."""

    holder: str
    units: Shown
    missing: Shown
    window: Shown
    request_id: int | None


@dataclass(frozen=True)
class PoolRisks:
    """`steady_missing` are units of the steady need that are missing at the worst instant of one
    entry; None where none are.
    """

    rows: list[RiskRow]
    steady_missing: Shown | None

    def __bool__(self) -> bool:
        return bool(self.rows or self.steady_missing)


def pool_risks(pool: Pool, sees: set[int] | None, *, at: datetime) -> PoolRisks:
    """`sees` are the services that this person may see; None: all."""
    return pool_risks_of(pool, risks_of([pool.pk], at=at).get(pool.pk, PoolRisk()), sees, at=at)


def pool_risks_of(pool: Pool, risk: PoolRisk, sees: set[int] | None, *, at: datetime) -> PoolRisks:
    """Of what was read already. No query where nothing is at risk."""
    if not risk:
        return PoolRisks([], None)
    requests = CapacityRequest.objects.filter(pk__in=risk.requests).select_related("service")
    rows = [
        RiskRow(
            holder=words.name_for(request.service, sees=sees),
            units=words.pool_units(pool, request.units),
            missing=words.pool_units(pool, risk.requests[request.pk].units),
            window=words.span(*_ends(risk.requests[request.pk]), now=at),
            request_id=request.pk if sees is None or request.service_id in sees else None,
        )
        for request in requests.order_by("starts_at", "pk")
    ]
    steady = sum(each.units for each in risk.steady.values())
    return PoolRisks(rows, words.pool_units(pool, steady) if steady else None)


def _ends(risk: Risk) -> tuple[datetime, datetime]:
    return risk.window.start, risk.window.end
