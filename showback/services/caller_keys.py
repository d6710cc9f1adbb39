"""From what a gateway writes to rows: callers, and the deployments that they called."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from portal.kernel.windows import Window
from quotas.selectors.metering import MeteredDeployment, metered_deployments
from showback.domain.targets import Known, target_of
from showback.gateway import CallerKey
from showback.models import Caller, CallerHour, CallerTarget, GatewaySource
from showback.services.marks import mark_window, open_since


def rows_of_keys(
    source: GatewaySource, keys: Collection[CallerKey], *, at: datetime
) -> dict[CallerKey, tuple[int, int]]:
    """(target, caller) of each key; makes what is new. Products become callers too."""
    targets = _targets(source, {(key.account_host, key.deployment.lower()) for key in keys}, at=at)
    callers = _callers(source, keys, at=at)
    return {
        key: (
            targets[key.account_host, key.deployment.lower()],
            callers[_kind(key), key.caller or key.product, key.product],
        )
        for key in keys
    }


def _kind(key: CallerKey) -> str:
    if key.caller:
        return Caller.Kind.SUBSCRIPTION
    return Caller.Kind.PRODUCT if key.product else Caller.Kind.NOBODY


def _callers(
    source: GatewaySource, keys: Iterable[CallerKey], *, at: datetime
) -> dict[tuple[str, str, str], int]:
    """By (kind, key, product)."""
    wanted = {(_kind(key), key.caller or key.product, key.product) for key in keys}
    wanted |= {(Caller.Kind.PRODUCT.value, product, product) for _, _, product in wanted if product}
    Caller.objects.bulk_create(
        [
            Caller(source=source, kind=kind, key=key, product=product, first_seen_at=at)
            for kind, key, product in sorted(wanted)
        ],
        ignore_conflicts=True,
    )
    rows = Caller.objects.filter(source=source).order_by()
    return {
        (kind, key, product): pk
        for pk, kind, key, product in rows.values_list("pk", "kind", "key", "product")
    }


def _targets(
    source: GatewaySource, wanted: Collection[tuple[str, str]], *, at: datetime
) -> dict[tuple[str, str], int]:
    CallerTarget.objects.bulk_create(
        [
            CallerTarget(source=source, account_host=host, deployment_name=name)
            for host, name in sorted(wanted)
        ],
        ignore_conflicts=True,
    )
    find_deployments(source, at=at)
    rows = CallerTarget.objects.filter(source=source).order_by()
    return {
        (host, name): pk
        for pk, host, name in rows.values_list("pk", "account_host", "deployment_name")
    }


def find_deployments(source: GatewaySource, *, at: datetime) -> int:
    """Looks again for targets without a deployment; their hours are marked once it is found."""
    lost = list(CallerTarget.objects.filter(source=source, deployment__isnull=True))
    if not lost:
        return 0
    known = [_known(each) for each in metered_deployments(including_gone_since=open_since(at))]
    found = 0
    for target in lost:
        target.deployment_id = target_of(target.account_host, target.deployment_name, known)
        if target.deployment_id is not None:
            target.save(update_fields=["deployment"])
            _mark_hours(target, at=at)
            found += 1
    return found


def _known(deployment: MeteredDeployment) -> Known:
    account = deployment.account_key.rpartition("/")[2]
    return Known(deployment.id, deployment.subdomain or account, deployment.name.lower())


def _mark_hours(target: CallerTarget, *, at: datetime) -> None:
    hours: Sequence[datetime] = list(
        CallerHour.objects.filter(target=target).order_by("hour").values_list("hour", flat=True)
    )
    if hours and target.deployment_id is not None:
        mark_window([target.deployment_id], Window(hours[0], at), at=at)
