"""The room of a pool moved in Azure: whose grants no longer fit, whose fit again, and who is told.

Compared are the grants at risk under the limit before and under the one now, so each owner hears of
a change once, and only where it changed something for them.
"""

from collections.abc import Mapping
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
    """What moved: `why` is one sentence for everybody who is told, `now` the limit in force, `url`
    where operators answer for it; "" for the page of the pool.
    """

    pool: Pool
    now: PoolLimit
    at: datetime
    why: str
    url: str = ""


def tell_of_limit(
    pool: Pool, was: PoolLimit, now: PoolLimit, *, url: str = "", at: datetime
) -> None:
    """Tells owners of grants whose risk changed, and the operators where the limit moved or
    anything is newly at risk. In the transaction that wrote `now`.
    """
    if (was.limit_units, was.outside_units) == (now.limit_units, now.outside_units):
        return
    moved = Moved(pool, now, at, why_limit(pool, was, now), url)
    before, after = risk_under(pool, was, at=at), risk_under(pool, now, at=at)
    worse = {pk: r for pk, r in after.requests.items() if _is_worse(before.requests.get(pk), r)}
    better = {pk: r for pk, r in before.requests.items() if pk not in after.requests}
    tell_holders(moved, Event.GRANT_AT_RISK, worse)
    tell_holders(moved, Event.GRANT_SAFE_AGAIN, better)
    count = len(worse) + tell_steady(moved, before, after)
    if count or was.limit_units != now.limit_units:
        tell_operators(moved, count)


def why_limit(pool: Pool, was: PoolLimit, now: PoolLimit) -> str:
    name = words.pool_name(pool)
    before, after = (words.pool_units(pool, row.limit_units) for row in (was, now))
    if now.limit_units < was.limit_units:
        return f"Azure lowered the limit of {name} from {before} to {after}."
    if now.limit_units > was.limit_units:
        return f"Azure raised the limit of {name} from {before} to {after}."
    outside = words.pool_units(pool, now.outside_units)
    return f"Of {name}, {outside} are allocated outside of Headroom now."


def _is_worse(before: Risk | None, after: Risk) -> bool:
    return before is None or after.units > before.units


def tell_holders(moved: Moved, event: Event, risks: Mapping[int, Risk]) -> None:
    """`risks` by request id: what is missing, or was."""
    rows = CapacityRequest.objects.filter(pk__in=risks).order_by("pk")
    for request in rows.select_related("service", "deployment"):
        risk = risks[request.pk]
        tell(
            event,
            holders_of(request),
            subject=f"request/{request.pk}",
            url=request.get_absolute_url(),
            at=moved.at,
            occurrence=_occurrence(moved),
            why=moved.why,
            service=request.service.name,
            amount=words.amount(request.deployment, risk.units),
            **_span(risk.window),
        )


def _occurrence(moved: Moved) -> str:
    """Of one limit, entries may be moved below it more than once."""
    return f"{moved.now.pk}:{moved.at:%Y-%m-%dT%H:%M:%S.%f}"


def tell_steady(moved: Moved, before: PoolRisk, after: PoolRisk) -> int:
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
            occurrence=_occurrence(moved),
            why=moved.why,
            service=entry.service.name,
            amount=words.amount(entry.deployment, risk.units),
            **_span(risk.window),
        )
    return len(worse)


def tell_operators(moved: Moved, count: int) -> None:
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
        url=moved.url or reverse("pool", args=[moved.pool.pk]),
        at=moved.at,
        occurrence=_occurrence(moved),
        pool=words.pool_name(moved.pool),
        now=words.pool_units(moved.pool, moved.now.limit_units),
        why=moved.why,
        risk=risk,
    )


def _span(window: Window) -> dict[str, datetime]:
    return {"from_at": window.start, "until_at": window.end}
