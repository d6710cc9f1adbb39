"""What the list of shared deployments shows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Q, Subquery, Sum

from portal.kernel.received import Received
from portal.kernel.slices import LONGEST_QUERY, Slice, query_of, slice_of
from portal.kernel.windows import FOREVER, HOUR, Window
from quotas.selectors.metering import MeteredDeployment, metered_deployments, named_deployments
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
from showback.selectors.cents import Days
from showback.selectors.methods import (
    MethodShare,
    Used,
    method_days,
    received_of,
    shares_of,
    used_of,
)
from showback.selectors.scope import label_of

PAGE_SIZE = 12  # each row has a line for each way by which use is known
MOST_OFFERED = 40  # deployments to choose from; of more one finds them by their names
NAMED = ("target__account_host", "target__deployment_name", "target__source__name")


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
class Choices:
    """Deployments that could be shared: the first of `total` that bear the words of `query`."""

    offered: list[tuple[int, str]]
    total: int
    query: str

    @property
    def are_many(self) -> bool:
        """Then the server searches; a list of a thousand is nothing to choose from."""
        return bool(self.query) or self.total > len(self.offered)


@dataclass(frozen=True)
class SharedList:
    """`rows` are of one page; `unattributed` is the fraction of the tokens of all of them."""

    rows: list[SharedRow]
    place: Slice
    count: int
    unattributed: float | None
    choices: Choices
    unknown: list[UnknownTarget]
    sources: list[tuple[str, str, datetime | None]]


def shared_list(params: Mapping[str, str] | None = None, *, at: datetime) -> SharedList:
    """Most tokens first. Without `params` all of them; else one page of those that are searched.

    `?of=` searches the deployments that could be shared.
    """
    month = this_month(at)
    windows = _latest_windows(month)
    rows = _rows(windows, at=at)
    asked = params or {}
    words = query_of(asked).lower().split()
    found = [row for row in rows if all(word in row.label.lower() for word in words)]
    place = slice_of(
        asked, len(found), size=PAGE_SIZE if params is not None else max(1, len(found))
    )
    running = [key for key, window in windows.items() if window.end > at]
    return SharedList(
        rows=found[place.start : place.stop],
        place=place,
        count=len(rows),
        unattributed=_unattributed(rows),
        choices=choices_of(asked.get("of", ""), but=running),
        unknown=unknown_targets(month),
        sources=_sources(),
    )


def choices_of(query: str, *, but: Iterable[int]) -> Choices:
    offered, total = named_deployments(query[:LONGEST_QUERY], but=but, most=MOST_OFFERED)
    return Choices(offered, total, query.strip()[:LONGEST_QUERY])


def shareable(deployment_id: int, *, at: datetime) -> list[tuple[int, str]]:
    """(id, label) of the deployment if it exists and is not shared, else nothing."""
    running = set(_latest_windows(Window(at, at + HOUR)))
    offered, _ = named_deployments(but=running, ids=[deployment_id], most=1)
    return offered


def _rows(windows: Mapping[int, Window], *, at: datetime) -> list[SharedRow]:
    month = days_of_month(at)
    known = metered_deployments(including_gone_since=this_month(at).start, ids=windows)
    deployments = {each.id: each for each in known}
    used: dict[int, dict[str, Used]] = defaultdict(dict)
    mine = Q(deployment_id__in=list(windows)) & month.condition
    for row in method_days(mine, "deployment_id"):
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
    return sorted(rows, key=lambda row: (-row.tokens, row.label))


def _unattributed(rows: list[SharedRow]) -> float | None:
    """Of all of them together."""
    tokens = sum(row.tokens for row in rows)
    if not tokens:
        return None
    return sum((row.unattributed or 0) * row.tokens for row in rows) / tokens


def days_of_month(at: datetime) -> Days:
    """The days of `this_month`."""
    today = day_of(at, finance_zone())
    return Days(Month.of(today).first_day, today)


def this_month(at: datetime) -> Window:
    """From the first hour of the running month (finance time zone) to the moment."""
    zone = finance_zone()
    start = day_window(Month.of(day_of(at, zone)).first_day, zone).start
    return Window(start, max(at, start + HOUR))


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
        .values("target_id", *NAMED)
        .annotate(
            prompt_sum=Sum("prompt"),
            generated_sum=Sum("generated"),
            answered=Sum("ok"),
            failed=Sum("other"),
            refused=Sum("throttled"),
            refused_by_gateway=Sum("throttled_by_gateway"),
        )
    )
    found = [
        UnknownTarget(
            name=str(CallerTarget(account_host=row[NAMED[0]], deployment_name=row[NAMED[1]])),
            source=row[NAMED[2]],
            tokens=row["prompt_sum"] + row["generated_sum"],
            requests=row["answered"] + row["failed"] + row["refused"] + row["refused_by_gateway"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda target: (-target.tokens, target.name))


def _sources() -> list[tuple[str, str, datetime | None]]:
    """Name, kind and newest hour of each gateway: one step down the index for each."""
    newest = GatewayHour.objects.filter(source=OuterRef("pk")).order_by("-hour").values("hour")[:1]
    rows = GatewaySource.objects.annotate(newest=Subquery(newest))
    return [(row.name, row.get_kind_display(), row.newest) for row in rows]


def model_of(deployment: MeteredDeployment | None) -> str:
    return f"{deployment.model_name} {deployment.sku_name}" if deployment else ""
