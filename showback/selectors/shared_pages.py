"""What the list of shared deployments shows."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, Sum

from portal.kernel.received import Received
from portal.kernel.windows import FOREVER, Window
from quotas.selectors.metering import MeteredDeployment, metered_deployments
from showback.domain.months import Month, day_of, day_window
from showback.gateway import finance_zone
from showback.models import (
    Attribution,
    CallerHour,
    CallerTarget,
    GatewayHour,
    GatewaySource,
    SharedDeployment,
)
from showback.selectors.methods import (
    MethodShare,
    Used,
    received_of,
    shares_of,
    tokens_by,
    used_of,
)
from showback.selectors.scope import label_of


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
    def received(self) -> Received:
        return received_of(self.shares)

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
    used: dict[int, dict[str, Used]] = defaultdict(dict)
    condition = Q(deployment_id__in=list(windows), hour__gte=month.start, hour__lt=month.end)
    for row in tokens_by(condition, "deployment_id"):
        used[row["deployment_id"]][row["method"]] = used_of(row)
    rows = [
        SharedRow(
            id=key,
            label=label_of(deployments.get(key)),
            model=model_of(deployments.get(key)),
            since=window.start,
            until=None if window.end == FOREVER else window.end,
            shares=shares_of(used[key]),
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


def model_of(deployment: MeteredDeployment | None) -> str:
    return f"{deployment.model_name} {deployment.sku_name}" if deployment else ""
