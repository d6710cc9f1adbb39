"""What the page of one shared deployment shows: methods, coverage, callers, split rules."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q

from portal.kernel import formatting
from portal.kernel.charts import Chart
from portal.kernel.charts_days import UseByDay
from portal.kernel.received import Received
from portal.kernel.windows import FOREVER
from quotas.selectors.metering import metered_deployments, service_names
from showback.domain.months import day_of
from showback.gateway import finance_zone
from showback.models import Attribution, CallerHour, SharedDeployment, SplitRule
from showback.selectors.caller_rows import CallerRow, caller_rows, caller_uses, suggester_of
from showback.selectors.grounds import Grounds, grounds_of
from showback.selectors.methods import (
    ORDER,
    MethodShare,
    hours_of_days,
    in_window,
    method_shares,
    received_of,
    tokens_by,
    used_of,
)
from showback.selectors.scope import label_of
from showback.selectors.shared_pages import model_of, this_month

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
    services: list[tuple[int, str]]
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


def shared_page(deployment_id: int, *, at: datetime) -> SharedPage | None:
    """None for what is no deployment, or was never shared."""
    windows = list(SharedDeployment.objects.filter(deployment_id=deployment_id))
    there = metered_deployments(including_gone_since=this_month(at).start, ids=[deployment_id])
    found = next(iter(there), None)
    if found is None or not windows:
        return None
    names = service_names()
    month = this_month(at)
    here = Q(target__deployment_id=deployment_id)
    mine = Q(deployment_id=deployment_id)
    methods = method_shares(mine & in_window(month))
    newest = CallerHour.objects.filter(here).order_by("-hour").values_list("hour", flat=True)
    return SharedPage(
        id=found.id,
        label=label_of(found),
        model=model_of(found),
        is_shared=any(row.window.end > at for row in windows),
        windows=[(row.effective_from, _end(row.effective_until), row.reason) for row in windows],
        methods=methods,
        grounds=grounds_of([deployment_id], month, methods),
        chart=_coverage(mine, at=at),
        callers=caller_rows(caller_uses(month, here), names, suggester_of(names), at=at),
        rules=_rules(deployment_id, {n.id: n.name for n in names.values()}, at=at),
        services=sorted(((n.id, f"{n.name} ({n.team_name})") for n in names.values()), key=_second),
        gateway_until=newest.first(),
    )


def _second(pair: tuple[int, str]) -> str:
    return pair[1]


def _rules(deployment_id: int, names: dict[int, str], *, at: datetime) -> list[RuleRow]:
    rows = SplitRule.objects.filter(deployment_id=deployment_id).prefetch_related("shares")
    return [
        RuleRow(
            id=row.pk,
            start=row.effective_from,
            until=_end(row.effective_until),
            shares=[
                (s.service_id, names[s.service_id], s.basis_points / 10_000)
                for s in row.shares.all()
            ],
            reason=row.reason,
            state="running" if at in row.window else "coming" if row.window.start > at else "over",
        )
        for row in rows.order_by("-effective_from")
    ]


def _coverage(mine: Q, *, at: datetime) -> Chart | None:
    """Tokens of the last days, stacked by how it is known whose they are."""
    today = day_of(at, finance_zone())
    days = [today - timedelta(days=n) for n in range(CHART_DAYS - 1, -1, -1)]
    found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    received: dict[date, Received] = defaultdict(Received)
    for row in tokens_by(mine & hours_of_days(days[0], today), "hour"):
        day = day_of(row["hour"], finance_zone())
        found[row["method"]][day] += row["tokens"]
        received[day] += used_of(row).received
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
