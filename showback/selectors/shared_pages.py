"""What the pages of shared deployments show: the list, and one deployment."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, Sum

from portal.kernel import formatting
from portal.kernel.charts import Chart, UseByDay
from portal.kernel.windows import FOREVER, Window
from quotas.selectors.metering import MeteredDeployment, metered_deployments, service_names
from showback.domain.months import Month, day_of, day_window
from showback.gateway import finance_zone
from showback.models import (
    Attribution,
    CallerHour,
    CallerTarget,
    GatewayHour,
    GatewaySource,
    SharedDeployment,
    SplitRule,
)
from showback.selectors.caller_rows import CallerRow, caller_rows, caller_uses
from showback.selectors.methods import (
    ORDER,
    MethodShare,
    hours_of_days,
    method_shares,
    shares_of,
    tokens_by,
)
from showback.selectors.scope import label_of

CHART_DAYS = 30
SUMMARY = f"The last {CHART_DAYS} days."


@dataclass(frozen=True)
class SharedRow:
    """One deployment that is shared, will be, or was this month. Tokens are of this month."""

    id: int
    label: str
    model: str
    since: datetime
    until: datetime | None
    shares: list[MethodShare]

    @property
    def tokens(self) -> int:
        return sum(share.tokens for share in self.shares)

    @property
    def unattributed(self) -> float | None:
        """The fraction of the tokens; None where nothing was used."""
        if not self.tokens:
            return None
        none = sum(s.tokens for s in self.shares if s.method == Attribution.NONE)
        return none / self.tokens


@dataclass(frozen=True)
class UnknownTarget:
    """What a gateway names and no deployment goes by. Tokens and requests of this month."""

    name: str
    source: str
    tokens: int
    requests: int


@dataclass(frozen=True)
class SharedList:
    rows: list[SharedRow]
    choices: list[tuple[int, str]]
    unknown: list[UnknownTarget]
    sources: list[tuple[str, str, datetime | None]]

    @property
    def unattributed(self) -> float | None:
        """Of all of them together."""
        tokens = sum(row.tokens for row in self.rows)
        if not tokens:
            return None
        return sum((row.unattributed or 0) * row.tokens for row in self.rows) / tokens


def shared_list(*, at: datetime) -> SharedList:
    month = this_month(at)
    windows = _latest_windows(month)
    deployments = {d.id: d for d in metered_deployments(including_gone_since=month.start)}
    tokens: dict[int, dict[str, int]] = defaultdict(dict)
    condition = Q(deployment_id__in=list(windows), hour__gte=month.start, hour__lt=month.end)
    for row in tokens_by(condition, "deployment_id"):
        tokens[row["deployment_id"]][row["method"]] = row["tokens"]
    rows = [
        SharedRow(
            id=key,
            label=label_of(deployments.get(key)),
            model=_model(deployments.get(key)),
            since=window.start,
            until=None if window.end == FOREVER else window.end,
            shares=shares_of(tokens[key]),
        )
        for key, window in windows.items()
    ]
    running = {key for key, window in windows.items() if window.end > at}
    choices = [(d.id, label_of(d)) for d in deployments.values() if d.gone_at is None]
    return SharedList(
        rows=sorted(rows, key=lambda row: (-row.tokens, row.label)),
        choices=sorted((c for c in choices if c[0] not in running), key=lambda c: c[1]),
        unknown=unknown_targets(month),
        sources=_sources(),
    )


def this_month(at: datetime) -> Window:
    """From the first hour of the running month (finance time zone) to the moment."""
    zone = finance_zone()
    start = day_window(Month.of(day_of(at, zone)).first_day, zone).start
    return Window(start, max(at, start + timedelta(hours=1)))


def _latest_windows(month: Window) -> dict[int, Window]:
    """The last window of each deployment that is shared in the month or will be."""
    rows = SharedDeployment.objects.filter(effective_until__gt=month.start)
    return {row.deployment_id: row.window for row in rows.order_by("effective_from")}


def unknown_targets(month: Window) -> list[UnknownTarget]:
    """Kept, counted and shown, until a deployment is found that goes by that name."""
    rows = (
        CallerHour.objects.filter(
            target__deployment__isnull=True, hour__gte=month.start, hour__lt=month.end
        )
        .order_by()
        .values("target_id")
        .annotate(
            prompt_sum=Sum("prompt"),
            generated_sum=Sum("generated"),
            answered=Sum("ok"),
            failed=Sum("other"),
            refused=Sum("throttled"),
            refused_by_gateway=Sum("throttled_by_gateway"),
        )
    )
    targets = CallerTarget.objects.select_related("source").in_bulk(
        [row["target_id"] for row in rows]
    )
    found = [
        UnknownTarget(
            name=str(targets[row["target_id"]]),
            source=targets[row["target_id"]].source.name,
            tokens=row["prompt_sum"] + row["generated_sum"],
            requests=row["answered"] + row["failed"] + row["refused"] + row["refused_by_gateway"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda target: (-target.tokens, target.name))


def _sources() -> list[tuple[str, str, datetime | None]]:
    """Name, kind and newest hour of each gateway."""
    newest = dict(
        GatewayHour.objects.order_by("source_id", "-hour")
        .distinct("source_id")
        .values_list("source_id", "hour")
    )
    rows = GatewaySource.objects.all()
    return [(row.name, row.get_kind_display(), newest.get(row.pk)) for row in rows]


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
    """One deployment. `methods` are of this month."""

    id: int
    label: str
    model: str
    is_shared: bool
    windows: list[tuple[datetime, datetime | None]]
    methods: list[MethodShare]
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
    def stats(self) -> list[dict[str, object]]:
        """For `components/stats.html`: the tokens of each method."""
        return [
            {
                "label": share.label,
                "value": formatting.tokens(share.tokens),
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
    deployments = metered_deployments(including_gone_since=this_month(at).start)
    found = next((d for d in deployments if d.id == deployment_id), None)
    if found is None or not windows:
        return None
    names = service_names()
    month = this_month(at)
    here = Q(target__deployment_id=deployment_id)
    mine = Q(deployment_id=deployment_id)
    newest = CallerHour.objects.filter(here).order_by("-hour").values_list("hour", flat=True)
    return SharedPage(
        id=found.id,
        label=label_of(found),
        model=_model(found),
        is_shared=any(at in row.window for row in windows),
        windows=[(row.effective_from, _end(row.effective_until)) for row in windows],
        methods=method_shares(mine & Q(hour__gte=month.start, hour__lt=month.end)),
        chart=_coverage(mine, at=at),
        callers=caller_rows(caller_uses(month, here), names, at=at),
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
    for row in tokens_by(mine & hours_of_days(days[0], today), "hour"):
        found[row["method"]][day_of(row["hour"], finance_zone())] += row["tokens"]
    if not found:
        return None
    shown = [day for day in days if any(day in by_day for by_day in found.values())]
    return UseByDay(
        days=shown,
        categories={
            str(method.label): [found[method].get(day, 0) for day in shown]
            for method in ORDER
            if method in found
        },
        unit="tokens",
    ).chart("coverage", "Whose use it was, by how it is known", summary=SUMMARY)


def _model(deployment: MeteredDeployment | None) -> str:
    return f"{deployment.model_name} {deployment.sku_name}" if deployment else ""


def _end(until: datetime) -> datetime | None:
    return None if until == FOREVER else until
