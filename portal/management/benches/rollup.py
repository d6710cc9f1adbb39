"""`manage.py bench rollup`: how long the roll-up takes each minute, at 1,000 deployments.

An organisation of its own (`sandbox`): a thirtieth of the deployments are provisioned, one in
fifty is shared by three services, each service has held its deployment for a month. The day is
measured as it is at 23:30, when it is longest.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from portal.kernel.windows import DAY, FOREVER, MINUTE, Window
from portal.management.benches.sandbox import own_tables, say
from quotas.models import AzureAccount, Deployment, LedgerEntry, Service
from showback.domain.measures import MEASURES, OLDER
from showback.domain.minutes import expected_minutes, hour_starts, sums_of_minutes
from showback.models import Grain, TouchedHour
from showback.services.price_data import shipped_prices
from showback.services.prices import load_prices
from showback.services.rollup import roll_up_and_cost
from showback.services.usage_rows import UsageRows
from showback.services.usage_store import store

TODAY = datetime(2026, 3, 31, tzinfo=UTC)
AT = TODAY + timedelta(hours=23, minutes=30)
SINCE = TODAY - timedelta(days=30)
MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini")


def bench_rollup(quick: bool) -> dict[str, Any]:
    """Seconds of one run: all of a day, a tenth of it, nothing, and an hour's end."""
    count, days, repeats = (100, 3, 3) if quick else (1_000, 30, 3)
    with own_tables():
        ids = make_organisation(count)
        for ago in range(days):
            say(f"{ago + 1} of {days} days of use")
            store_day(ids, TODAY - ago * DAY)
        steps: dict[str, float] = {}
        steps["every day, all deployments"] = _seconds(lambda: roll_up_and_cost(at=AT, seconds=9e9))
        for name, touched in (("all", ids), ("a tenth", ids[::10]), ("none", [])):
            times = [_touched(touched) for _ in range(repeats)]
            steps[f"today, {name} touched"] = median(times)
        steps["an hour ended"] = _seconds(
            lambda: roll_up_and_cost(at=AT + 35 * MINUTE, seconds=9e9)
        )
    return {
        "deployments": count,
        "days": days,
        "rows": [{"step": name, "seconds": round(took, 3)} for name, took in steps.items()],
        "tenth_seconds": round(steps["today, a tenth touched"], 3),
        "all_seconds": round(steps["today, all touched"], 3),
    }


def _touched(ids: list[int]) -> float:
    TouchedHour.objects.bulk_create(
        TouchedHour(hour=AT.replace(minute=0), deployment_id=deployment) for deployment in ids
    )
    return _seconds(lambda: roll_up_and_cost(at=AT, seconds=9e9))


def _seconds(run: Callable[[], object]) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began


def make_organisation(count: int) -> list[int]:
    """Ids of so many deployments, mapped and held."""
    account = AzureAccount.objects.create(
        resource_id="/bench", resource_key="/bench", subscription_id="bench",
        resource_group="bench", name="bench", region="eastus2", kind="OpenAI",
        first_seen_at=SINCE, last_seen_at=AT,
    )  # fmt: skip
    load_prices(shipped_prices())
    services = Service.objects.bulk_create(
        Service(name=f"bench {n}", slug=f"bench-{n}", team_id=1 + n % 50, owner_id=1, tier=2,
                environment="production", purpose="A bench")
        for n in range(count)
    )  # fmt: skip
    deployments = Deployment.objects.bulk_create(
        _deployment(account, service, n) for n, service in enumerate(services)
    )
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            pool_id=1, deployment_id=deployment.pk, service_id=services[n - holder].pk, units=50,
            effective_from=SINCE, effective_until=FOREVER, kind="adopted", recorded_at=SINCE,
        )
        for n, deployment in enumerate(deployments)
        for holder in (range(3) if n % 50 == 7 else (0,))
    )  # fmt: skip
    return [deployment.pk for deployment in deployments]


def _deployment(account: AzureAccount, service: Service, n: int) -> Deployment:
    sku = "GlobalProvisionedManaged" if n % 30 == 3 else "GlobalStandard"
    return Deployment(
        account=account, name=f"bench-{n}", service=service, resource_id=f"/bench/{n}",
        resource_key=f"/bench/{n}", model_format="OpenAI", model_name=MODELS[n % len(MODELS)],
        model_version="1", sku_name=sku, capacity_units=50, settled_units=50,
        provisioning_state="Succeeded", tokens_per_minute_per_unit=1000,
        requests_per_minute_per_unit=6, first_seen_at=SINCE, observed_at=SINCE,
    )  # fmt: skip


def store_day(ids: list[int], start: datetime) -> None:
    """Random minutes of each deployment, until 23:27 of the last day."""
    hours = hour_starts(Window(start, start + DAY))
    row_hours = np.tile(hours, len(ids))
    values = np.random.default_rng(start.day).integers(0, 500, (len(row_hours), len(MEASURES), 60))
    values[:, MEASURES.index("cache_percent")] %= 100
    for seldom in ("utilisation_percent", "priority", "active"):
        values[:, MEASURES.index(seldom)] = -1
    expected = expected_minutes(row_hours, AT)
    values = np.where(np.arange(60) < expected[:, None, None], values, -1)
    rows = UsageRows(
        Grain.MINUTE.value, np.repeat(np.array(ids), len(hours)), row_hours, values,
        sums_of_minutes(values, expected), np.zeros(len(row_hours), dtype=bool),
        np.full(len(row_hours), OLDER),
    )  # fmt: skip
    store(rows)
