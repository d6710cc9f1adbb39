"""What the page of one shared deployment shows: methods, coverage, callers, split rules."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q

from portal.kernel import formatting
from portal.kernel.charts import Chart
from portal.kernel.charts_days import UseByDay
from portal.kernel.received import Received
from portal.kernel.windows import FOREVER
from quotas.selectors.metering import ServiceName, metered_deployments, service_names
from showback.domain.months import day_of
from showback.gateway import finance_zone
from showback.models import Attribution, CallerHour, SharedDeployment, SplitRule
from showback.selectors.caller_rows import (
    CallerRow,
    CallerUse,
    caller_rows,
    caller_uses,
    with_offers,
)
from showback.selectors.grounds import Grounds, grounds_of
from showback.selectors.methods import (
    ORDER,
    MethodShare,
    Used,
    method_days,
    received_of,
    shares_of,
    used_of,
)
from showback.selectors.offers import Offered, Offers
from showback.selectors.scope import label_of
from showback.selectors.shared_pages import days_of_month, model_of, this_month

CHART_DAYS = 30
SUMMARY = f"The last {CHART_DAYS} days."


@dataclass(frozen=True)
class RuleRow:
    """`shares`: (service's id, its name, fraction). `state` is running, coming or over."""

    id: int
    start: datetime
    until: datetime | None
    shares: list[tuple[int, str, float]]
    reason: str
    state: str


@dataclass(frozen=True)
class SharedPage:
    """One deployment. `methods` are of this month; `is_shared` now, or it will be.

    `windows`: from, until (None: no end), reason.
    """

    id: int
    label: str
    model: str
    is_shared: bool
    windows: list[tuple[datetime, datetime | None, str]]
    methods: list[MethodShare]
    grounds: Grounds
    chart: Chart | None
    callers: list[CallerRow]
    rules: list[RuleRow]
    services: Offered  # to a split rule
    gateway_until: datetime | None

    @property
    def unattributed(self) -> float | None:
        tokens = sum(share.tokens for share in self.methods)
        none = sum(s.tokens for s in self.methods if s.method == Attribution.NONE)
        return none / tokens if tokens else None

    @property
    def received(self) -> Received:
        return received_of(self.methods)

    @property
    def stats(self) -> list[dict[str, object]]:
        """For `components/stats.html`: the tokens of each method."""
        return [
            {
                "label": share.label,
                "value": share.received.at_least(formatting.tokens(share.tokens)),
                "hint": f"{formatting.percent(share.share)} of the tokens",
            }
            for share in self.methods
        ]

    @property
    def running_rule(self) -> RuleRow | None:
        return next((rule for rule in self.rules if rule.state == "running"), None)


def shared_page(
    deployment_id: int, params: Mapping[str, str] | None = None, *, at: datetime
) -> SharedPage | None:
    """None for what is no deployment, or was never shared. `?all=` a caller's id, or `rule`, offers
    every service there; without `params` so does everything.
    """
    windows = list(SharedDeployment.objects.filter(deployment_id=deployment_id))
    month = this_month(at)
    there = metered_deployments(including_gone_since=month.start, ids=[deployment_id])
    found = next(iter(there), None)
    if found is None or not windows:
        return None
    offers, opened = Offers(service_names()), ("rule" if params is None else params.get("all", ""))
    uses = caller_uses(month, Q(target__deployment_id=deployment_id))
    callers = with_offers(caller_rows(uses, offers.names, at=at), offers, opened=opened)
    rules = _rules(deployment_id, offers.names, at=at)
    days = _days(deployment_id, at=at)
    methods = shares_of(_used_in(days, days_of_month(at).first))
    return SharedPage(
        id=found.id,
        label=label_of(found),
        model=model_of(found),
        is_shared=any(row.window.end > at for row in windows),
        windows=[(row.effective_from, _end(row.effective_until), row.reason) for row in windows],
        methods=methods,
        grounds=grounds_of([deployment_id], month, methods),
        chart=_coverage(days, at=at),
        callers=callers,
        rules=rules,
        services=offers.some(_likely(callers, rules), is_open=opened == "rule"),
        gateway_until=_gateway_until(deployment_id, uses),
    )


def _likely(callers: Iterable[CallerRow], rules: Iterable[RuleRow]) -> set[int]:
    """Services that a split rule may be about: those that call it, or seem to, or had a share."""
    few = (row.offered for row in callers if row.offered and not row.offered.has_all)
    offered = {key for each in few for key, _ in each.choices}
    mapped = {row.service.id for row in callers if row.service}
    return offered | mapped | {key for rule in rules for key, _, _ in rule.shares}


def _gateway_until(deployment_id: int, uses: Iterable[CallerUse]) -> datetime | None:
    """The newest hour in which a gateway counted a caller, of this month or before it."""
    if newest := max((use.last_hour for use in uses), default=None):
        return newest
    rows = CallerHour.objects.filter(target__deployment_id=deployment_id).order_by("-hour")
    return rows.values_list("hour", flat=True).first()


def _rules(deployment_id: int, names: Mapping[int, ServiceName], *, at: datetime) -> list[RuleRow]:
    rows = SplitRule.objects.filter(deployment_id=deployment_id).prefetch_related("shares")
    return [
        RuleRow(
            id=row.pk,
            start=row.effective_from,
            until=_end(row.effective_until),
            shares=[
                (s.service_id, names[s.service_id].name, s.basis_points / 10_000)
                for s in row.shares.all()
            ],
            reason=row.reason,
            state="running" if at in row.window else "coming" if row.window.start > at else "over",
        )
        for row in rows.order_by("-effective_from")
    ]


Days = list[dict[str, Any]]


def _days(deployment_id: int, *, at: datetime) -> Days:
    """By day and method, as far back as the month or the chart goes. One query."""
    today = day_of(at, finance_zone())
    since = min(days_of_month(at).first, today - timedelta(days=CHART_DAYS - 1))
    return list(method_days(Q(deployment_id=deployment_id, day__gte=since, day__lte=today), "day"))


def _used_in(days: Days, since: date) -> dict[str, Used]:
    found: dict[str, Used] = {}
    for row in days:
        if row["day"] >= since:
            found[row["method"]] = found.get(row["method"], Used()) + used_of(row)
    return found


def _coverage(rows: Days, *, at: datetime) -> Chart | None:
    """Tokens of the last days, stacked by how it is known whose they are."""
    today = day_of(at, finance_zone())
    days = [today - timedelta(days=n) for n in range(CHART_DAYS - 1, -1, -1)]
    found: dict[str, dict[date, int]] = defaultdict(dict)
    received: dict[date, Received] = defaultdict(Received)
    for row in rows:
        if row["day"] >= days[0]:
            found[row["method"]][row["day"]] = row["tokens"]
            received[row["day"]] += used_of(row).received
    if not found:
        return None
    shown = [day for day in days if any(day in by_day for by_day in found.values())]
    # A holder may have rows for what it holds, with no use.
    used = [method for method in ORDER if any(found.get(method, {}).values())]
    return UseByDay(
        days=shown,
        categories={
            str(method.label): [found[method].get(day, 0) for day in shown]
            for method in used or [method for method in ORDER if method in found]
        },
        unit="tokens",
        incomplete=frozenset(day for day, of in received.items() if of.is_incomplete),
    ).chart("coverage", "Whose use it was, by how it is known", summary=SUMMARY)


def _end(until: datetime) -> datetime | None:
    return None if until == FOREVER else until
