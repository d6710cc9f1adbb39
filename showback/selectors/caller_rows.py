"""Callers of one deployment with what a gateway counted of them, and whose they are."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Count, F, Max, Q, Sum

from portal.kernel import formatting
from portal.kernel.shown import Shown
from portal.kernel.windows import Window
from quotas.selectors.metering import ServiceName
from showback.domain.suggestions import Suggestion
from showback.models import Caller, CallerHour, CallerMapping
from showback.querysets import in_force_at
from showback.selectors.offers import Offered, Offers


def filtered_words(filtered: int | None, hours_unknown: int) -> Shown:
    """`7`, `≥ 7` where some hours do not say, or `not known`: never a nought for those."""
    if filtered is None:
        return Shown("not known", exact="the gateway does not log why a request failed")
    if not hours_unknown:
        return formatting.count(filtered)
    hours = f"{hours_unknown} hour{'s' * (hours_unknown > 1)}"
    exact = f"{hours} of this caller do not say how many were filtered"
    return Shown(f"≥ {filtered:,}", exact=exact, value=str(filtered))


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
        return filtered_words(self.filtered, self.filtered_hours_unknown)


@dataclass(frozen=True)
class CallerRow:
    """One line of the callers of a deployment. `service` None: nobody has mapped it.

    `offered` are the services that it can be given to; None where nobody asked for them.
    """

    id: int
    name: str
    key: str  # as the gateway writes it
    kind: str
    product: str
    source: str
    use: CallerUse
    service: ServiceName | None
    by_product: bool
    since: datetime | None
    suggested: Suggestion | None = None
    offered: Offered | None = None

    @property
    def tokens(self) -> Shown:
        return formatting.tokens(self.use.tokens)


def caller_uses(window: Window, condition: Q) -> list[CallerUse]:
    """By deployment and caller, most tokens first; one query."""
    rows = (
        CallerHour.objects.filter(
            condition,
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
    *,
    at: datetime,
) -> list[CallerRow]:
    """With the mapping in force now, own or by the product."""
    rows = callers_of(uses)
    mappings = _mappings(rows.values(), at=at)
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
                key=caller.key,
                kind=caller.get_kind_display(),
                product=caller.product,
                source=caller.source.name,
                use=use,
                service=names.get(mapping.service_id) if mapping else None,
                by_product=own is None and mapping is not None,
                since=mapping.effective_from if mapping else None,
            )
        )
    return found


def with_offers(rows: Iterable[CallerRow], offers: Offers, *, opened: str = "") -> list[CallerRow]:
    """With services to choose from (every one in the row whose id is `opened`), and where nobody
    has mapped the caller with a suggestion.
    """
    found = []
    for row in rows:
        offered = offers.offered(row.key, row.product, is_open=opened == str(row.id))
        suggested = None if row.service else offered.suggested
        found.append(replace(row, offered=offered, suggested=suggested))
    return found


def callers_of(uses: Iterable[CallerUse]) -> dict[int, Caller]:
    """By id, with their sources."""
    return Caller.objects.select_related("source").in_bulk([use.caller_id for use in uses])


def _mappings(
    callers: Collection[Caller], *, at: datetime
) -> dict[tuple[int, str, str, str], CallerMapping]:
    """Of these callers, and of the products of their gateways."""
    sources = {caller.source_id for caller in callers}
    theirs = Q(caller__in=callers) | Q(caller__kind=Caller.Kind.PRODUCT, caller__source__in=sources)
    rows = CallerMapping.objects.filter(in_force_at(at), theirs).select_related("caller")
    return {
        (row.caller.source_id, row.caller.kind, row.caller.key, row.caller.product): row
        for row in rows
    }
