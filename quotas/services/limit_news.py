"""The room of a pool moved in Azure: whose grants no longer fit, whose fit again, and who is told.

Compared are the grants at risk under the limit before and under the one now, so each owner hears of
a change once, and only where it changed something for them.
"""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from portal.kernel.windows import Window
from portal.outbox import Event, tell
from quotas.domain.at_risk import Risk
from quotas.models import CapacityRequest, LedgerEntry, Pool, PoolLimit
from quotas.selectors import words
from quotas.selectors.at_risk import PoolRisk, risk_under
from quotas.selectors.people import holders_of, operators_of, owners_of


@dataclass(frozen=True)
class Moved:
    """From one reading of a pool's limit to the next."""

    pool: Pool
    was: PoolLimit
    now: PoolLimit
    at: datetime

    @property
    def why(self) -> str:
        """One sentence for everybody who is told."""
        name = words.pool_name(self.pool)
        before, after = (words.pool_units(self.pool, x.limit_units) for x in (self.was, self.now))
        if self.now.limit_units < self.was.limit_units:
            return f"Azure lowered the limit of {name} from {before} to {after}."
        if self.now.limit_units > self.was.limit_units:
            return f"Azure raised the limit of {name} from {before} to {after}."
        outside = words.pool_units(self.pool, self.now.outside_units)
        return f"Of {name}, {outside} are allocated outside of Headroom now."


def tell_of_limit(pool: Pool, was: PoolLimit, now: PoolLimit, *, at: datetime) -> None:
    """Tells owners of grants whose risk changed, and the operators where the limit moved or
    anything is newly at risk. In the transaction that wrote `now`.
    """
    if (was.limit_units, was.outside_units) == (now.limit_units, now.outside_units):
        return
    moved = Moved(pool, was, now, at)
    before, after = risk_under(pool, was, at=at), risk_under(pool, now, at=at)
    worse = {pk: r for pk, r in after.requests.items() if _is_worse(before.requests.get(pk), r)}
    better = {pk: r for pk, r in before.requests.items() if pk not in after.requests}
    for request in _requests({**worse, **better}):
        is_worse = request.pk in worse
        _tell_holders(moved, request, (worse if is_worse else better)[request.pk], is_worse)
    count = len(worse) + _tell_steady(moved, before, after)
    if count or was.limit_units != now.limit_units:
        _tell_operators(moved, count)


def _is_worse(before: Risk | None, after: Risk) -> bool:
    return before is None or after.units > before.units


def _requests(risks: dict[int, Risk]) -> list[CapacityRequest]:
    rows = CapacityRequest.objects.filter(pk__in=risks).order_by("pk")
    return list(rows.select_related("service", "deployment"))


def _tell_holders(moved: Moved, request: CapacityRequest, risk: Risk, is_worse: bool) -> None:
    tell(
        Event.GRANT_AT_RISK if is_worse else Event.GRANT_SAFE_AGAIN,
        holders_of(request),
        subject=f"request/{request.pk}",
        url=request.get_absolute_url(),
        at=moved.at,
        occurrence=moved.now.pk,
        why=moved.why,
        service=request.service.name,
        amount=words.amount(request.deployment, risk.units),
        **_span(risk.window),
    )


def _tell_steady(moved: Moved, before: PoolRisk, after: PoolRisk) -> int:
    """Owners of services whose lasting need is short. Returns how many entries."""
    worse = {pk: r for pk, r in after.steady.items() if _is_worse(before.steady.get(pk), r)}
    rows = LedgerEntry.objects.filter(pk__in=worse).order_by("pk")
    for entry in rows.select_related("service", "deployment"):
        if entry.service is None:
            continue  # nobody's yet; the operators are told
        risk = worse[entry.pk]
        tell(
            Event.GRANT_AT_RISK,
            owners_of(entry.service),
            subject=f"entry/{entry.pk}",
            url=entry.service.get_absolute_url(),
            at=moved.at,
            occurrence=moved.now.pk,
            why=moved.why,
            service=entry.service.name,
            amount=words.amount(entry.deployment, risk.units),
            **_span(risk.window),
        )
    return len(worse)


def _tell_operators(moved: Moved, count: int) -> None:
    if not count:
        risk = "Nothing that is granted is newly at risk."
    elif count == 1:
        risk = "One grant no longer fits; its owners are told."
    else:
        risk = f"{count} grants no longer fit; their owners are told."
    tell(
        Event.POOL_LIMIT_CHANGED,
        operators_of(moved.pool),
        subject=f"pool/{moved.pool.pk}",
        url=reverse("pool", args=[moved.pool.pk]),
        at=moved.at,
        occurrence=moved.now.pk,
        pool=words.pool_name(moved.pool),
        now=words.pool_units(moved.pool, moved.now.limit_units),
        why=moved.why,
        risk=risk,
    )


def _span(window: Window) -> dict[str, datetime]:
    return {"from_at": window.start, "until_at": window.end}
