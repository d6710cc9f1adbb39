"""Who calls a shared deployment by which key, and how it is divided: what limits need of it."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from portal.kernel.windows import Window
from quotas.domain.gateway_limits import Shares
from quotas.gateway import Sharing
from showback.models import Caller, CallerMapping, SharedDeployment, SplitShare
from showback.querysets import in_force_at

TARGET = "caller__source__targets__deployment"
Named = dict[str, set[int]]


def gateway_sharing(deployment_ids: Collection[int], *, at: datetime) -> dict[int, Sharing]:
    """By deployment; three queries. Callers only of the gateways that ever named the deployment."""
    shares = _shares(deployment_ids)
    callers = _mapped(deployment_ids, at=at)
    return {
        key: Sharing(
            shares=tuple(shares.get(key, ())),
            callers=_frozen(callers.get((key, Caller.Kind.SUBSCRIPTION.value), {})),
            products=_frozen(callers.get((key, Caller.Kind.PRODUCT.value), {})),
        )
        for key in deployment_ids
    }


def _frozen(found: Mapping[str, set[int]]) -> dict[str, frozenset[int]]:
    return {key: frozenset(services) for key, services in found.items()}


def _mapped(deployment_ids: Collection[int], *, at: datetime) -> dict[tuple[int, str], Named]:
    """Services by deployment, kind of caller, and its key."""
    rows = CallerMapping.objects.filter(
        in_force_at(at), **{f"{TARGET}__in": list(deployment_ids)}
    ).order_by()
    found: dict[tuple[int, str], Named] = defaultdict(lambda: defaultdict(set))
    columns = (TARGET, "caller__kind", "caller__key", "service_id")
    for deployment, kind, key, service in rows.values_list(*columns).distinct():
        found[deployment, kind][key].add(service)
    return found


def _shares(deployment_ids: Collection[int]) -> dict[int, list[Shares]]:
    """Rules as far as the deployment was shared while they held, the earliest first."""
    shared: dict[int, list[Window]] = defaultdict(list)
    for row in SharedDeployment.objects.filter(deployment__in=list(deployment_ids)):
        shared[row.deployment_id].append(row.window)
    columns = ("rule__deployment_id", "rule__effective_from", "rule__effective_until")
    rows = SplitShare.objects.filter(rule__deployment__in=list(shared)).order_by(*columns)
    rules: dict[tuple[int, Window], dict[int, int]] = defaultdict(dict)
    for key, start, end, service, points in rows.values_list(*columns, "service", "basis_points"):
        rules[key, Window(start, end)][service] = points
    found: dict[int, list[Shares]] = defaultdict(list)
    for (key, window), points in rules.items():
        parts = (window.clipped_to(each) for each in shared[key])
        found[key] += [Shares(part, points) for part in parts if part]
    return found
