"""Callers of one deployment with what a gateway counted of them, and whose they are."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, F, Max, OuterRef, Q, Sum

from portal.kernel import formatting
from portal.kernel.shown import Shown
from portal.kernel.windows import Window
from quotas.selectors.metering import ServiceName
from showback.domain.suggestions import Named, Suggester, Suggestion
from showback.models import Caller, CallerHour, CallerMapping, SharedDeployment
from showback.querysets import in_force_at


@dataclass(frozen=True)
class CallerUse:
    """What a gateway counted of a caller over some time. `filtered` None: it does not log it.

    `filtered_hours_unknown`: of how many hours it is not known, though it is of others.
    """

    caller_id: int
    deployment_id: int
    requests: int
    throttled: int
    throttled_by_gateway: int
    filtered: int | None
    filtered_hours_unknown: int
    tokens: int
    last_hour: datetime

    @property
    def filtered_words(self) -> Shown:
        """`7`, `≥ 7` where some hours do not say, or `not known`: never a nought for those."""
        if self.filtered is None:
            return Shown("not known", exact="the gateway does not log why a request failed")
        if not self.filtered_hours_unknown:
            return formatting.count(self.filtered)
        hours = f"{self.filtered_hours_unknown} hour{'s' * (self.filtered_hours_unknown > 1)}"
        exact = f"{hours} of this caller do not say how many were filtered"
        return Shown(f"≥ {self.filtered:,}", exact=exact, value=str(self.filtered))


@dataclass(frozen=True)
class CallerRow:
    """One line of the callers of a deployment. `service` None: nobody has mapped it."""

    id: int
    name: str
    kind: str
    product: str
    source: str
    use: CallerUse
    service: ServiceName | None
    by_product: bool
    since: datetime | None
    suggested: Suggestion | None

    @property
    def tokens(self) -> Shown:
        return formatting.tokens(self.use.tokens)


UNMAPPED = ~Exists(
    CallerMapping.objects.filter(
        Q(caller_id=OuterRef("caller_id"))
        | Q(
            caller__kind=Caller.Kind.PRODUCT,
            caller__source_id=OuterRef("source_id"),
            caller__product=OuterRef("caller__product"),
        ),
        effective_from__lte=OuterRef("hour"),
        effective_until__gt=OuterRef("hour"),
    )
)
WHILE_SHARED = Exists(
    SharedDeployment.objects.filter(
        deployment_id=OuterRef("target__deployment_id"),
        effective_from__lte=OuterRef("hour"),
        effective_until__gt=OuterRef("hour"),
    )
)


def caller_uses(window: Window, *conditions: Q | Exists) -> list[CallerUse]:
    """By deployment and caller, most tokens first; one query."""
    rows = (
        CallerHour.objects.filter(
            *conditions,
            hour__gte=window.start,
            hour__lt=window.end,
            target__deployment__isnull=False,
        )
        .order_by()
        .values("caller_id", "target__deployment_id")
        .annotate(
            answered=Sum(F("ok") + F("other")),
            refused=Sum("throttled"),
            refused_by_gateway=Sum("throttled_by_gateway"),
            content=Sum("filtered"),
            logged=Count("filtered"),
            counted=Count("hour"),
            used=Sum(F("prompt") + F("generated")),
            last_hour=Max("hour"),
        )
    )
    found = [
        CallerUse(
            caller_id=row["caller_id"],
            deployment_id=row["target__deployment_id"],
            requests=row["answered"] + row["refused"] + (row["content"] or 0),
            throttled=row["refused"],
            throttled_by_gateway=row["refused_by_gateway"],
            filtered=row["content"] if row["logged"] else None,
            filtered_hours_unknown=row["counted"] - row["logged"],
            tokens=row["used"],
            last_hour=row["last_hour"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda use: (-use.tokens, use.caller_id))


def caller_rows(
    uses: list[CallerUse],
    names: dict[int, ServiceName],
    suggester: Suggester | None = None,
    *,
    at: datetime,
) -> list[CallerRow]:
    """With the mapping in force now, own or by the product; without one, with a suggestion if a
    suggester is given.
    """
    rows = Caller.objects.select_related("source").in_bulk([use.caller_id for use in uses])
    mappings = _mappings(at)
    found = []
    for use in uses:
        caller = rows[use.caller_id]
        own = mappings.get((caller.source_id, caller.kind, caller.key, caller.product))
        product = (caller.source_id, Caller.Kind.PRODUCT.value, caller.product, caller.product)
        mapping = own or mappings.get(product)
        found.append(
            CallerRow(
                id=caller.pk,
                name=str(caller),
                kind=caller.get_kind_display(),
                product=caller.product,
                source=caller.source.name,
                use=use,
                service=names.get(mapping.service_id) if mapping else None,
                by_product=own is None and mapping is not None,
                since=mapping.effective_from if mapping else None,
                suggested=suggester.suggest(caller.key, caller.product)
                if suggester and not mapping
                else None,
            )
        )
    return found


def suggester_of(names: dict[int, ServiceName]) -> Suggester:
    return Suggester(
        [
            Named(each.id, each.slug, each.team_slug, each.name, each.team_name)
            for each in names.values()
        ]
    )


def _mappings(at: datetime) -> dict[tuple[int, str, str, str], CallerMapping]:
    rows = CallerMapping.objects.filter(in_force_at(at)).select_related("caller")
    return {
        (row.caller.source_id, row.caller.kind, row.caller.key, row.caller.product): row
        for row in rows
    }
