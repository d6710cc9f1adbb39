"""Gives callers of shared deployments to services: dated, audited, marked for the roll-up."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Min, QuerySet

from portal import audit
from portal.kernel.errors import DomainError
from portal.kernel.windows import Window, floor_to_hour
from portal.models import User
from showback.models import Caller, CallerHour, CallerMapping
from showback.querysets import in_force_at
from showback.services.dated import make_room, one_change, whole_hours
from showback.services.marks import mark_window, open_since


def map_caller(
    caller: Caller, *, service_id: int, start: datetime, by: User, at: datetime
) -> CallerMapping:
    """From `start` on its calls are the service's; a mapping that runs then ends.

    Raises DomainError where it is that service's already, another mapping begins later, or figures
    that old stay as they are.
    """
    window = whole_hours(start, None, at=at)
    rows = CallerMapping.objects.filter(caller=caller)
    with one_change(f"The mapping of {caller}"):
        if rows.filter(in_force_at(start), service_id=service_id).exists():
            raise DomainError(f"{caller} is that service's already.", code="already_mapped")
        ended = make_room(rows, window, what="mapping")
        row = CallerMapping.objects.create(
            caller=caller,
            service_id=service_id,
            effective_from=window.start,
            effective_until=window.end,
            recorded_at=at,
        )
        audit.record(
            "caller.mapped",
            f"caller/{caller.pk}",
            actor_id=by.pk,
            at=at,
            service=service_id,
            ended=ended,
            **{"from": window.start.isoformat()},
        )
        mark_window(_deployments(caller), window, at=at)
    return row


def end_mapping(caller: Caller, *, by: User, at: datetime) -> CallerMapping:
    """From this hour on its calls are nobody's; those before stay their service's.

    A mapping that has not begun is removed. Raises DomainError where there is none to end.
    """
    end = floor_to_hour(at)
    with one_change(f"The mapping of {caller}"):
        rows = CallerMapping.objects.filter(caller=caller, effective_until__gt=end)
        row = rows.order_by("effective_from").select_for_update().first()
        if row is None:
            raise DomainError(f"{caller} is no service's. Nothing was changed.", code="not_mapped")
        changed = Window(max(end, row.effective_from), row.effective_until)
        audit.record(
            "caller.mapping_ended",
            f"caller/{caller.pk}",
            actor_id=by.pk,
            at=at,
            service=row.service_id,
            mapping=row.pk,
            **{"from": changed.start.isoformat()},
        )
        if row.effective_from >= end:
            row.delete()
        else:
            row.effective_until = end
            row.save(update_fields=["effective_until"])
        mark_window(_deployments(caller), changed, at=at)
    return row


def map_callers(chosen: Mapping[Caller, int], *, by: User, at: datetime) -> int:
    """Several at once, each from its first use; all of them, or none and the reason."""
    with one_change("A mapping"):
        for caller, service_id in chosen.items():
            start = first_use(caller, at=at)
            map_caller(caller, service_id=service_id, start=start, by=by, at=at)
    return len(chosen)


def first_use(caller: Caller, *, at: datetime) -> datetime:
    """The first hour of which it has use, as far back as figures are open; else this hour."""
    found = _hours(caller).aggregate(first=Min("hour"))["first"]
    return max(found, open_since(at)) if found else floor_to_hour(at)


def _hours(caller: Caller) -> QuerySet[CallerHour]:
    """A product's hours are those of its subscriptions too."""
    if caller.kind == Caller.Kind.PRODUCT:
        return CallerHour.objects.filter(source=caller.source, caller__product=caller.product)
    return CallerHour.objects.filter(caller=caller)


def _deployments(caller: Caller) -> list[int]:
    ids = _hours(caller).filter(target__deployment__isnull=False).order_by()
    return list(ids.values_list("target__deployment_id", flat=True).distinct())
