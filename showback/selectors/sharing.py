"""Which deployments are shared, their split rules, and what a gateway counted, hour by hour."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from portal.kernel.windows import Window
from showback.domain.attribution import Counted
from showback.domain.holding import HourKey
from showback.models import Caller, CallerHour, CallerMapping, SharedDeployment, SplitRule
from showback.querysets import touching

ByService = dict[int | None, Counted]
CallerKey = tuple[int, int]  # deployment, caller
Rule = tuple[Window, dict[int, int]]  # basis points by service


class Unmapped(NamedTuple):
    """What a caller that nobody had mapped used in so many hours; of `logged` of them it is known
    how many requests were filtered.
    """

    tokens: int = 0
    filtered: int = 0
    hours: int = 0
    logged: int = 0

    def plus(self, tokens: int, filtered: int | None) -> "Unmapped":
        """With one hour more; None: the gateway does not log it."""
        is_logged = filtered is not None
        return Unmapped(
            self.tokens + tokens,
            self.filtered + (filtered or 0),
            self.hours + 1,
            self.logged + is_logged,
        )


@dataclass(frozen=True)
class Sharing:
    """By deployment, or by deployment and hour. `counted` None: callers that nobody mapped.

    `unmapped` is each of those by itself, over the hours in which the deployment was shared.
    """

    windows: Mapping[int, list[Window]] = field(default_factory=dict)
    rules: Mapping[int, list[Rule]] = field(default_factory=dict)
    counted: Mapping[HourKey, ByService] = field(default_factory=dict)
    unmapped: Mapping[CallerKey, Unmapped] = field(default_factory=dict)

    def is_shared(self, deployment: int, hour: datetime) -> bool:
        """What holds when the hour begins holds for all of it."""
        return _is_inside(hour, self.windows.get(deployment, ()))

    def rule_at(self, deployment: int, hour: datetime) -> dict[int, int]:
        """Basis points by service; empty without a rule."""
        found = (shares for window, shares in self.rules.get(deployment, ()) if hour in window)
        return next(found, {})


def read_sharing(window: Window, deployments: Collection[int]) -> Sharing:
    """Of these deployments; one query where none of them is shared."""
    windows = shared_windows(window, deployments)
    if not windows:
        return Sharing()
    return Sharing(windows, split_rules(window, windows), *_counted(window, windows))


def _is_inside(hour: datetime, windows: Iterable[Window]) -> bool:
    return any(hour in window for window in windows)


def shared_windows(window: Window, deployments: Collection[int]) -> dict[int, list[Window]]:
    rows = SharedDeployment.objects.filter(touching(window), deployment_id__in=list(deployments))
    found: dict[int, list[Window]] = defaultdict(list)
    for row in rows:
        found[row.deployment_id].append(row.window)
    return dict(found)


def split_rules(window: Window, deployments: Iterable[int]) -> dict[int, list[Rule]]:
    rows = SplitRule.objects.filter(touching(window), deployment_id__in=list(deployments))
    found: dict[int, list[Rule]] = defaultdict(list)
    for row in rows.prefetch_related("shares"):
        shares = {share.service_id: share.basis_points for share in row.shares.all()}
        found[row.deployment_id].append((row.window, shares))
    return dict(found)


def _counted(
    window: Window, shared: Mapping[int, list[Window]]
) -> tuple[dict[HourKey, ByService], dict[CallerKey, Unmapped]]:
    """What gateways counted of each service: each caller by the mapping at the hour's start. And of
    each caller that had none.
    """
    rows = CallerHour.objects.filter(
        target__deployment_id__in=list(shared), hour__gte=window.start, hour__lt=window.end
    ).values_list(
        "target__deployment_id", "hour", "caller_id",
        "ok", "throttled", "other", "filtered", "prompt", "generated",
    )  # fmt: skip
    mapped = Mappings.read(window)
    found: dict[HourKey, ByService] = defaultdict(dict)
    unmapped: dict[CallerKey, Unmapped] = defaultdict(Unmapped)
    for deployment, hour, caller, ok, throttled, other, filtered, prompt, generated in rows:
        counted = Counted(ok, throttled, other + (filtered or 0), prompt, generated)
        by_service = found[deployment, hour]
        service = mapped.service_of(caller, hour)
        by_service[service] = by_service.get(service, Counted()) + counted
        if service is None and _is_inside(hour, shared[deployment]):
            key = deployment, caller
            unmapped[key] = unmapped[key].plus(prompt + generated, filtered)
    return dict(found), dict(unmapped)


@dataclass(frozen=True)
class Mappings:
    """Services of callers. `products`: by a caller the one that stands for its whole product."""

    windows: Mapping[int, list[tuple[Window, int]]]
    products: Mapping[int, int]

    @classmethod
    def read(cls, window: Window) -> "Mappings":
        windows: dict[int, list[tuple[Window, int]]] = defaultdict(list)
        for row in CallerMapping.objects.filter(touching(window)):
            windows[row.caller_id].append((row.window, row.service_id))
        return cls(dict(windows), products_of_callers() if windows else {})

    def service_of(self, caller: int, hour: datetime) -> int | None:
        """Its own mapping, else its product's, at the start of the hour."""
        for key in (caller, self.products.get(caller)):
            for window, service in self.windows.get(key, ()) if key is not None else ():
                if hour in window:
                    return service
        return None


def products_of_callers() -> dict[int, int]:
    """By a subscription's caller the caller that stands for its whole product."""
    rows = list(Caller.objects.order_by().values_list("pk", "source_id", "kind", "product"))
    whole = {
        (source, product): pk for pk, source, kind, product in rows if kind == Caller.Kind.PRODUCT
    }
    return {
        pk: whole[source, product]
        for pk, source, kind, product in rows
        if kind == Caller.Kind.SUBSCRIPTION and (source, product) in whole
    }
