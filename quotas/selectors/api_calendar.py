"""The capacity calendar and the grants at risk, as programs read them: exact, in units."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from portal.kernel.windows import FOREVER, Window
from portal.models import User
from quotas.domain.calendar import Moment
from quotas.domain.ledger import Entry, pieces
from quotas.models import CapacityRequest, Pool
from quotas.selectors.at_risk import PoolRisk, risks_of
from quotas.selectors.calendar import Calendar, calendar
from quotas.selectors.calendar_holders import Holder
from quotas.selectors.cards import seen_services

Json = dict[str, Any]


def calendar_json(pool: Pool, user: User, window: Window, *, at: datetime) -> Json:
    """`steps` are of everything in the pool; `holdings` name what this person may see."""
    found = calendar(pool, user, window, at=at, is_whole=True)
    return {
        "pool": pool.pk,
        "counted_in": "PTU" if pool.is_provisioned else "units",
        "window": {"from": window.start, "until": window.end},
        "steps": [_step(each) for each in found.moments],
        "holdings": [_holding(found, holder, entries) for holder, entries in found.held.items()],
        "freezes": [each.as_json() for each in found.freezes],
        "retirements": [end._asdict() for end in found.served.ends],
        "in_review": [_asked(found, request) for request in found.asked],
    }


def _step(each: Moment) -> Json:
    """Bounds are null before Azure first told a limit."""
    bounds = each.bounds
    return {
        "from": each.at,
        "held": each.held,
        "limit": bounds.limit if bounds else None,
        "reserve": bounds.reserve if bounds else None,
        "outside": bounds.outside if bounds else None,
        "free": each.free,
        "more_is_promised_than_azure_leaves": each.is_over,
    }


def _holding(found: Calendar, holder: Holder, entries: Iterable[Entry]) -> Json:
    """`service` is null where it is another team's, or nobody's yet: `is_hidden` tells which."""
    _, slug = found.names[holder]
    risk = found.risk_of(holder)
    return {
        "kind": holder.kind,
        "service": slug or None,
        "is_hidden": holder.is_hidden,
        "request": holder.request_id,
        "missing_units": risk.units if risk else 0,
        "steps": [
            {"from": part.start, "until": part.end, "units": units}
            for part, units in pieces(entries, found.window)
            if units
        ],
    }


def _asked(found: Calendar, request: CapacityRequest) -> Json:
    window = found.asked_window(request)
    return {
        "request": request.pk,
        "kind": request.kind,
        "service": request.service.slug,
        "units": request.units,
        "from": window.start,
        "until": None if window.end == FOREVER else window.end,
    }


def at_risk_json(pool: Pool, user: User, *, at: datetime) -> Json:
    """Grants that no longer fit, from now on. Names only of services that this person may see."""
    sees = seen_services(user)
    risk = risks_of([pool.pk], at=at).get(pool.pk, PoolRisk())
    rows = CapacityRequest.objects.filter(pk__in=risk.requests).select_related("service")
    return {
        "pool": pool.pk,
        "steady_missing_units": sum(each.units for each in risk.steady.values()),
        "grants": [
            {
                "request": row.pk if sees is None or row.service_id in sees else None,
                "service": row.service.slug if sees is None or row.service_id in sees else None,
                "units": row.units,
                "missing_units": risk.requests[row.pk].units,
                "from": risk.requests[row.pk].window.start,
                "until": risk.requests[row.pk].window.end,
            }
            for row in rows.order_by("starts_at", "pk")
        ],
    }
