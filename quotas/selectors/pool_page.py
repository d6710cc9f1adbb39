"""One pool: its limit and how it moved, who holds what, what is promised over the next 30 days."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.timezone import get_current_timezone

from portal.kernel import formatting, formatting_times
from portal.kernel.charts import Chart
from portal.kernel.charts_capacity import PoolTimeline
from portal.kernel.shown import Shown
from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.ledger import Entry, units_at
from quotas.domain.states import OPEN_CHANGE_STATES
from quotas.models import Change, LedgerEntry, Pool
from quotas.selectors import words
from quotas.selectors.cards import seen_services
from quotas.selectors.freezes import FreezeRow, open_freezes
from quotas.selectors.limit_history import LimitPart, limit_part
from quotas.selectors.pool_deployments import PoolDeployment, pool_deployments, rate_among
from quotas.selectors.pool_figures import AHEAD, PoolFigures
from quotas.selectors.pool_risks import PoolRisks, pool_risks
from quotas.selectors.pools import PoolRow, pool_row
from quotas.selectors.reserves import ReservePart, reserve_part
from quotas.selectors.review_hours import reviews_by
from quotas.selectors.rooms import entries_of

KINDS = ("adopted", "baseline", "burst", "hold")


@dataclass(frozen=True)
class EntryRow:
    holder: str
    deployment: str
    units: Shown
    kind: str
    window: Shown
    starts_at: datetime
    request_id: int | None
    request_is_visible: bool
    reason: str


@dataclass(frozen=True)
class HolderRow:
    name: str
    slug: str
    baseline: Shown
    burst: Shown
    together: Shown
    share: Any


@dataclass(frozen=True)
class PoolPage:
    """`planned` is how many open changes would be written once applying is on; 0 where it is.
    `deployments` are those that it feeds, by id.
    """

    row: PoolRow
    stats: list[dict[str, Any]]
    facts: list[tuple[str, Any]]
    chart: Chart
    holders: list[HolderRow]
    entries: list[EntryRow]
    limits: LimitPart
    reserve: ReservePart
    risks: PoolRisks
    freezes: list[FreezeRow]
    planned: int
    may_switch: bool
    deployments: dict[int, PoolDeployment]

    @property
    def trail(self) -> list[tuple[str, str]]:
        return [("Pools", reverse("pools")), (self.row.name, "")]


def pools_with_reviews(user: User) -> QuerySet[Pool]:
    """Those that this person may see, with what their page tells of each beside its own fields."""
    rows = Pool.objects.visible_to(user).select_related("successor", "review_hours")
    waiting = Change.objects.filter(plan__pool=OuterRef("pk"), state__in=sorted(OPEN_CHANGE_STATES))
    counted = waiting.filter(plan__stopped_because="").order_by().values("plan__pool")
    return rows.annotate(planned=Coalesce(Subquery(counted.values(number=Count("pk"))), 0))


def pool_page(pool: Pool, user: User, *, at: datetime) -> PoolPage:
    """The pool must come from `pools_with_reviews(user)`; nothing here checks that again."""
    window = Window(at, at + AHEAD)
    limits, rows = limit_part(pool, at=at), _ledger_rows(pool, window)
    figures = PoolFigures(pool, limits.newest, entries_of(rows), window, at)
    sees = seen_services(user)
    owners, fallback = _people(pool)
    deployments = pool_deployments(pool.pk, sees)
    return PoolPage(
        row=pool_row(figures),
        stats=_stats(figures, limits, at=at),
        facts=[*_facts(figures, owners, fallback, at=at), *_spillover(pool, deployments)],
        chart=timeline_chart(figures, rows),
        holders=_holders(rows, sees, figures, at=at),
        entries=[_entry(row, sees, at=at) for row in rows],
        limits=limits,
        reserve=reserve_part(pool, rate_among(pool, deployments), user, at=at),
        risks=pool_risks(pool, sees, at=at),
        freezes=open_freezes(pool, user, at=at),
        planned=0 if pool.applies else pool.planned,  # type: ignore[attr-defined]
        may_switch=user.is_platform_owner or user in owners,
        deployments=deployments,
    )


def _people(pool: Pool) -> tuple[list[User], list[User]]:
    """Its owners, and who decides beside them once a request was escalated. One query."""
    owners = pool.owners.order_by().annotate(owns=Value(True))
    fallback = pool.fallback_approvers.order_by().annotate(owns=Value(False))
    rows = list(owners.union(fallback, all=True).order_by("username"))
    return [row for row in rows if row.owns], [row for row in rows if not row.owns]


def _ledger_rows(pool: Pool, window: Window) -> list[LedgerEntry]:
    """Entries of the next 30 days, with the kind that a reversal counts against as `of_kind`.

    What a reversal took back whole never counted (a mapping leaves such pairs), so it is left out.
    """
    touching = LedgerEntry.objects.filter(pool=pool).touching(window)
    rows = list(
        touching.select_related("service", "deployment__account")
        .annotate(of_kind=F("reverses__kind"))
        .order_by("effective_from", "pk")
    )
    by_id = {row.pk: row for row in rows}
    undone = {r.reverses_id for r in rows if _takes_back_whole(r, by_id.get(r.reverses_id or 0))}
    return [row for row in rows if not undone & {row.pk, row.reverses_id}]


def _takes_back_whole(reversal: LedgerEntry, entry: LedgerEntry | None) -> bool:
    return entry is not None and (entry.window, entry.units) == (reversal.window, -reversal.units)


def _stats(figures: PoolFigures, limits: LimitPart, *, at: datetime) -> list[dict[str, Any]]:
    pool, fullest = figures.pool, figures.fullest
    limit = figures.limit
    return [
        {
            "label": "Azure’s limit",
            "value": words.pool_units(pool, figures.limit_units),
            "hint": limits.since,
        },
        {"label": "Held now", "value": words.pool_units(pool, figures.held_units)},
        {
            "label": "Held at most, 30 days",
            "value": words.pool_units(pool, fullest.units),
            "hint": "from now on" if fullest.at == at else words.moment(fullest.at, now=at),
        },
        {
            "label": "Free at least, 30 days",
            "value": words.pool_units(pool, figures.free_minimum if limit else None),
            "hint": "limit − reserve − outside − held",
        },
    ]


def _facts(
    figures: PoolFigures, owners: list[User], fallback: list[User], *, at: datetime
) -> list[tuple[str, Any]]:
    pool, limit = figures.pool, figures.limit
    return [
        ("Azure’s name", pool.usage_name),
        ("Subscription", pool.subscription_id),
        ("Reaches", pool.place),
        ("Counts", pool.get_kind_display()),
        ("Outside Headroom", words.pool_units(pool, limit.outside_units if limit else None)),
        ("Lead", formatting_times.duration(pool.lead) if pool.lead else "none"),
        ("Owners", _names(owners) or "platform owners"),
        ("Fallback approvers", _names(fallback) or "none"),
        ("Reviews", reviews_by(getattr(pool, "review_hours", None)).in_words()),
        ("Last seen", words.age(pool.last_seen_at, now=at)),
    ]


def _spillover(pool: Pool, deployments: dict[int, PoolDeployment]) -> list[tuple[str, Any]]:
    """How many of its provisioned deployments have none, or one that cannot take their calls: what
    they cannot serve is refused.
    """
    there = [each for each in deployments.values() if each.is_there]
    if not (pool.is_provisioned and there):
        return []
    without = sum(not each.spills_over for each in there)
    wrong = sum(each.spills_wrong for each in there)
    of = f"of {len(there)} deployments"
    told = [f"missing on {without} {of}"] if without else []
    told += [f"to one that cannot take the calls on {wrong} {of}"] if wrong else []
    return [("Spillover", ", ".join(told) or "on all deployments")]


def _names(people: list[User]) -> str:
    return ", ".join(person.display_name for person in people)


def timeline_chart(figures: PoolFigures, rows: list[LedgerEntry]) -> Chart:
    """What is promised by kind over the next 30 days; reversals count against their kind."""
    window = figures.window
    by_kind: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
    for row, entry in zip(rows, entries_of(rows), strict=True):
        by_kind.setdefault(getattr(row, "of_kind", None) or row.kind, []).append(entry)
    moments = {at for e in figures.entries for at in (e.window.start, e.window.end)}
    edges = [window.start, *sorted(m for m in moments if window.start < m < window.end)]
    held = {k: [float(units_at(es, at)) for at in edges] for k, es in by_kind.items() if es}
    steady = {"reserve": figures.pool.reserve_units, "outside": figures.outside_units}
    held |= {name: [float(units)] * len(edges) for name, units in steady.items() if units}
    return PoolTimeline(
        edges=edges,
        held=held or {"held": [0.0] * len(edges)},
        end=window.end,
        limit=figures.limit_units,
        zone=get_current_timezone(),
        now=figures.at,
        unit="PTU" if figures.pool.is_provisioned else "units",
    ).chart("pool-timeline", "The next 30 days", summary="What is promised, by kind, and the rest.")


def _holders(
    rows: list[LedgerEntry], sees: set[int] | None, figures: PoolFigures, *, at: datetime
) -> list[HolderRow]:
    """Held at this moment; services that this person may not see are one line together."""
    totals: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        if not row.effective_from <= at < row.effective_until:
            continue
        name = words.name_for(row.service, sees=sees)
        slug = row.service.slug if row.service and name == row.service.name else ""
        parts = totals.setdefault((name, slug), [0, 0])
        is_burst = (getattr(row, "of_kind", None) or row.kind) in ("burst", "hold")
        parts[is_burst] += row.units
    limit = figures.limit_units
    found = [(name, slug, base, burst) for (name, slug), (base, burst) in totals.items()]
    found.sort(key=lambda each: (-(each[2] + each[3]), each[0]))
    return [
        HolderRow(
            name,
            slug,
            formatting.count(base),
            formatting.count(burst),
            formatting.count(base + burst),
            formatting.percent((base + burst) / limit if limit else None),
        )
        for name, slug, base, burst in found
        if base or burst
    ]


def _entry(row: LedgerEntry, sees: set[int] | None, *, at: datetime) -> EntryRow:
    visible = sees is None or row.service_id in sees
    return EntryRow(
        holder=words.name_for(row.service, sees=sees),
        deployment=str(row.deployment) if visible else "–",
        units=formatting.count(row.units),
        kind=row.get_kind_display(),
        window=words.span(row.effective_from, row.effective_until, now=at),
        starts_at=row.effective_from,
        request_id=row.request_id,
        request_is_visible=visible,
        reason=row.reason if visible else "",
    )
