"""`quotas.gateway.EvidenceSource`: what is known of the use that a request is about."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from django.conf import settings
from django.db.models import Count, Q, Sum
from numpy.typing import NDArray

from portal.kernel.windows import MINUTE, Window, floor_to_minute
from quotas.gateway import UsageEvidence
from quotas.selectors.metering import MeteredDeployment, held_spans, metered_deployments
from showback.domain.bands import held_at_steps
from showback.domain.measures import MISSING
from showback.domain.minutes import settled_until
from showback.domain.months import Month, day_of
from showback.domain.percentiles import percentiles
from showback.domain.prices import Priced
from showback.domain.provisioned import PtuModel
from showback.domain.replay import demand, throttled_minutes, used_share_of_extra
from showback.gateway import finance_zone
from showback.models import CostLine, ServiceDay
from showback.selectors.minutes import LOAD_MEASURES, load, read_minutes, tokens_per_minute
from showback.selectors.prices import read_prices
from showback.selectors.ptu_models import ptu_models

HISTORY = timedelta(days=28)
LATELY = timedelta(days=7)
MEASURES = ("ok", "spilled", "throttled", *LOAD_MEASURES)
MILLION = Decimal(1_000_000)

Ints = NDArray[np.int64]
Burst = tuple[int, Window, int]  # number of the request, window, units


class UsageHistory:
    """Answers from what was ingested; what was not is None."""

    def usage_evidence(
        self,
        *,
        deployment_id: int,
        service_id: int,
        held_units: int,
        extra_units: int,
        tokens_per_minute_per_unit: int | None,
        past_bursts: tuple[Burst, ...],
        at: datetime,
    ) -> UsageEvidence:
        deployment = _deployment(deployment_id)
        capacity = _Capacity.of(deployment, tokens_per_minute_per_unit)
        history = _History.read(deployment_id, capacity.model, at=at)
        week = history.last(LATELY)
        return UsageEvidence(
            **history.percentiles(),
            throttled_minutes_7_days=week.throttled_minutes(),
            throttled_requests_7_days=week.throttled_requests(),
            usd_per_million_tokens=_usd_per_million(deployment_id, service_id, at=at),
            usd_per_unit_hour=_usd_per_unit_hour(deployment, at=at),
            month_to_date_usd=_month_to_date(service_id, at=at),
            replayed_throttled_minutes_now=week.replay(capacity.tokens(held_units)),
            replayed_throttled_minutes_with=week.replay(capacity.tokens(held_units + extra_units)),
            used_share_of_past_bursts={
                number: _used_share(deployment_id, capacity, window, units)
                for number, window, units in past_bursts
            },
        )


@dataclass(frozen=True)
class _Capacity:
    """What a unit serves: weighted tokens where it is provisioned and the weights are known."""

    model: PtuModel | None
    per_unit: int | None

    @classmethod
    def of(cls, deployment: MeteredDeployment | None, per_unit: int | None) -> "_Capacity":
        if deployment is None or not deployment.is_provisioned:
            return cls(None, per_unit)
        model = ptu_models().get(deployment.model_name.lower())
        return cls(model, model.input_tokens_per_minute_per_unit if model else per_unit)

    def tokens(self, units: int) -> int | None:
        return None if self.per_unit is None else units * self.per_unit


@dataclass(frozen=True)
class _History:
    """Settled minutes, oldest first. `load` is tokens in the unit of capacity."""

    tokens: Ints
    load: Ints
    served: Ints
    throttled: Ints

    @classmethod
    def read(cls, deployment_id: int, model: PtuModel | None, *, at: datetime) -> "_History":
        end = settled_until(at)
        values = read_minutes([deployment_id], Window(end - HISTORY, end), MEASURES)[deployment_id]
        known = (values["ok"] != MISSING) & (values["spilled"] != MISSING)
        return cls(
            tokens=tokens_per_minute(values),
            load=load(values, model),
            served=np.where(known, values["ok"] + values["spilled"], MISSING),
            throttled=values["throttled"],
        )

    def last(self, length: timedelta) -> "_History":
        n = int(length / MINUTE)
        return _History(self.tokens[-n:], self.load[-n:], self.served[-n:], self.throttled[-n:])

    def percentiles(self) -> dict[str, float | int | None]:
        received = np.flatnonzero(self.tokens != MISSING)
        known = self.tokens[received]
        p50, p95, p99, peak = percentiles(known, (0.5, 0.95, 0.99, 1.0)) or [None] * 4
        since_first = len(self.tokens) - int(received[0]) if received.size else 0
        return {
            "days_of_minutes": round(len(known) / 1440, 2),
            "completeness": len(known) / since_first if since_first else None,
            "p50_tokens_per_minute": p50,
            "p95_tokens_per_minute": p95,
            "p99_tokens_per_minute": p99,
            "peak_tokens_per_minute": peak,
        }

    def throttled_minutes(self) -> int | None:
        known = self.throttled[self.throttled != MISSING]
        return int((known > 0).sum()) if known.size else None

    def throttled_requests(self) -> int | None:
        known = self.throttled[self.throttled != MISSING]
        return int(known.sum()) if known.size else None

    def replay(self, capacity: int | None) -> int | None:
        if capacity is None or not (self.load != MISSING).any():
            return None
        return throttled_minutes(demand(self.load, self.served, self.throttled), capacity)


def _deployment(deployment_id: int) -> MeteredDeployment | None:
    return next((d for d in metered_deployments() if d.id == deployment_id), None)


def _used_share(
    deployment_id: int, capacity: _Capacity, window: Window, units: int
) -> float | None:
    """The largest share of a past burst's units that a minute of it used."""
    if capacity.per_unit is None:
        return None
    whole = Window(floor_to_minute(window.start), floor_to_minute(window.end) + MINUTE)
    values = read_minutes([deployment_id], whole, MEASURES)[deployment_id]
    spans = [(s.window, s.units) for s in held_spans(whole, deployment_ids=[deployment_id])]
    before = held_at_steps(spans, whole, MINUTE) - held_at_steps([(window, units)], whole, MINUTE)
    inside = held_at_steps([(window, 1)], whole, MINUTE) > 0
    return used_share_of_extra(
        load(values, capacity.model)[inside],
        before[inside] * capacity.per_unit,
        units * capacity.per_unit,
    )


def _usd_per_million(deployment_id: int, service_id: int, *, at: datetime) -> Decimal | None:
    """Blended over the last seven days; None without use, or where any of it is unpriced."""
    since = day_of(at - LATELY, finance_zone())
    mine = Q(deployment_id=deployment_id, service_id=service_id, day__gte=since)
    cost = CostLine.objects.filter(mine, category="tokens").aggregate(
        amount=Sum("amount"), unpriced=Count("id", filter=Q(price__isnull=True))
    )
    use = ServiceDay.objects.filter(mine).aggregate(
        prompt=Sum("prompt_tokens"), generated=Sum("generated_tokens")
    )
    tokens = (use["prompt"] or 0) + (use["generated"] or 0)
    if not tokens or cost["unpriced"] or cost["amount"] is None:
        return None
    return Decimal(cost["amount"]) * MILLION / tokens


def _usd_per_unit_hour(deployment: MeteredDeployment | None, *, at: datetime) -> Decimal | None:
    if deployment is None or not deployment.is_provisioned:
        return None
    what = Priced(
        deployment.model_name, deployment.model_version, deployment.sku_name, deployment.region
    )
    price = read_prices().find(what, "ptu_hour", at)
    return price.amount(Decimal(1)) if price else None


def _month_to_date(service_id: int, *, at: datetime) -> Decimal | None:
    """Of what is priced; None where nothing is."""
    first = Month.of(day_of(at, finance_zone())).first_day
    found = CostLine.objects.filter(
        service_id=service_id, day__gte=first, currency=settings.HEADROOM_CURRENCY
    ).aggregate(amount=Sum("amount"))
    return found["amount"]
