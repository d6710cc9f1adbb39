"""Shared deployments of a made organisation: a gateway's callers of them, minute by minute.

One deployment in 33 is shared, as in the demo. Three of its callers have services, one has none,
and some calls pass the gateway by: so there is use to be given to somebody.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db import transaction

from portal.kernel.windows import FOREVER, HOUR, floor_to_hour
from portal.management.benches.made_organisation import SHARED_EVERY, Made
from quotas.models import Deployment
from showback.gateway import CALLER_MEASURES, Series
from showback.models import (
    Caller,
    CallerMapping,
    CallerTarget,
    GatewaySource,
    SharedDeployment,
)
from showback.services.caller_store import WHOLE_HOUR, HourOfCallers, replace_hours

SHARED_PER_GATEWAY = 10
PARTS = (0.4, 0.3, 0.2, 0.05)  # of the deployment's use; the last caller has no service
COUNTED = ("ok", "throttled", "prompt", "generated")


def shared_of(made: Made) -> list[Deployment]:
    return list(made.deployments[::SHARED_EVERY])


def make_gateways(made: Made) -> list[GatewaySource]:
    """Gateways, what is shared, and who calls it."""
    shared, since = shared_of(made), floor_to_hour(made.since)
    SharedDeployment.objects.bulk_create(
        SharedDeployment(deployment=each, effective_from=since, effective_until=FOREVER,
                         recorded_at=since)
        for each in shared
    )  # fmt: skip
    sources = GatewaySource.objects.bulk_create(
        GatewaySource(kind="file", key=f"gateway-{n}", name=f"gateway-{n}", active_from=since)
        for n in range(-(-len(shared) // SHARED_PER_GATEWAY))
    )
    CallerTarget.objects.bulk_create(
        CallerTarget(source=sources[n // SHARED_PER_GATEWAY], account_host=each.account.name,
                     deployment_name=each.name, deployment=each)
        for n, each in enumerate(shared)
    )  # fmt: skip
    callers = Caller.objects.bulk_create(
        Caller(source=sources[n // SHARED_PER_GATEWAY], kind="subscription",
               key=f"{each.name}-client-{part}", product="models", first_seen_at=since)
        for n, each in enumerate(shared)
        for part in range(len(PARTS))
    )  # fmt: skip
    CallerMapping.objects.bulk_create(
        CallerMapping(caller=caller, service=made.services[n % len(made.services)],
                      effective_from=since, effective_until=FOREVER, recorded_at=since)
        for n, caller in enumerate(callers)
        if n % len(PARTS) < len(PARTS) - 1
    )  # fmt: skip
    return sources


def store_callers(
    source: GatewaySource, hours: Sequence[datetime], series: dict[int, Series], *, at: datetime
) -> None:
    """Parts of what Azure counted (`series` by deployment id), of the hours that are over."""
    targets = {t.pk: t.deployment_id for t in source.targets.all()}
    callers = list(Caller.objects.filter(source=source).order_by("pk"))
    by_target = {
        target: callers[n * len(PARTS) : (n + 1) * len(PARTS)]
        for n, target in enumerate(sorted(targets))
    }
    found: dict[datetime, HourOfCallers] = {}
    for place, hour in enumerate(hours):
        if hour + HOUR > at:
            break
        minutes = slice(place * 60, (place + 1) * 60)
        found[hour] = HourOfCallers.of_minutes(
            WHOLE_HOUR,
            {
                (target, caller.pk): _part(series[deployment], minutes, part)
                for target, deployment in targets.items()
                if deployment is not None
                for caller, part in zip(by_target[target], PARTS, strict=True)
            },
        )
    with transaction.atomic():
        replace_hours(source, found)


def _part(series: Series, minutes: slice, part: float) -> np.ndarray:
    return np.stack(
        [
            (series.values[name][minutes] * part).astype(np.int64)
            if name in COUNTED
            else np.zeros(60, dtype=np.int64)
            for name in CALLER_MEASURES
        ]
    )
