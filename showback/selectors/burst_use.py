"""How a burst that is over was used, what it saved and what it cost: minutes and cost lines."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Q, Sum

from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_hour, floor_to_minute
from quotas.gateway import BurstUse
from quotas.selectors.metering import MeteredDeployment, held_spans
from showback.domain.bands import held_at_steps
from showback.domain.burst_use import Used, burst_use
from showback.domain.measures import MISSING
from showback.domain.months import day_of
from showback.domain.prices import Priced
from showback.gateway import finance_zone
from showback.models import CostLine, ServiceDay
from showback.selectors.minutes import tokens_per_minute
from showback.selectors.prices import read_prices
from showback.selectors.throttled_minutes import ThrottledMinutes, throttled_minutes

Spans = tuple[tuple[Window, int], ...]
MILLION = Decimal(1_000_000)


def use_of_burst(deployment: MeteredDeployment, window: Window, spans: Spans) -> BurstUse:
    """`spans` are the ledger's entries of the burst, what was taken back of it below nought;
    `window` as people see it, in whole minutes.
    """
    held = held_spans(window, deployment_ids=[deployment.id])
    read = throttled_minutes(deployment, window, held)
    extra = held_at_steps(spans, window, MINUTE)
    found = burst_use(
        load=read.minutes.load,
        refused=read.minutes.refused,
        needed=read.needed_units,
        held=read.held,
        extra=extra,
        per_unit=read.rate.tokens_per_minute,
    )
    cost, is_estimated = _cost(deployment, window, spans, found)
    peak, mean = _tokens_per_minute(read)
    return BurstUse(
        minutes=found.minutes,
        minutes_received=found.received,
        peak_share=found.peak_share,
        mean_share=found.mean_share,
        peak_tokens_per_minute=peak,
        mean_tokens_per_minute=mean,
        minutes_judged=found.judged,
        throttled_with=found.throttled_with,
        throttled_without=found.throttled_without,
        cost=cost,
        cost_is_estimated=is_estimated,
    )


def _tokens_per_minute(read: ThrottledMinutes) -> tuple[int | None, int | None]:
    """(peak, mean) of the whole deployment over the minutes that came."""
    tokens = tokens_per_minute(read.values)
    known = tokens[tokens != MISSING]
    return (int(known.max()), int(known.mean())) if known.size else (None, None)


def _cost(
    deployment: MeteredDeployment, window: Window, spans: Spans, found: Used
) -> tuple[Decimal | None, bool]:
    """(amount, whether it is an estimate). Provisioned: its unit-hours by price row, used or not.
    By the token: what it served, at the price that a token of the deployment cost in those days.
    """
    if deployment.is_provisioned:
        return _unit_hours(deployment, window, spans), False
    per_token = _usd_per_token(deployment.id, window)
    if per_token is None or found.tokens is None:
        return None, True
    return per_token * found.tokens, True


def _unit_hours(deployment: MeteredDeployment, window: Window, spans: Spans) -> Decimal | None:
    """None where any hour of it has no price."""
    what = Priced(
        deployment.model_name, deployment.model_version, deployment.sku_name, deployment.region
    )
    book, total = read_prices(), Decimal(0)
    for hour, unit_minutes in _by_hour(window, spans):
        if not unit_minutes:
            continue
        price = book.find(what, "ptu_hour", hour)
        if price is None:
            return None
        total += price.amount(Decimal(unit_minutes) / 60)
    return total


def _by_hour(window: Window, spans: Spans) -> Iterator[tuple[datetime, int]]:
    """Each hour that the window touches, with the units × minutes of the burst in it."""
    hour = floor_to_hour(window.start)
    while hour < window.end:
        part = Window(max(hour, window.start), min(hour + HOUR, window.end))
        yield hour, int(held_at_steps(spans, part, MINUTE).sum())
        hour += HOUR


def _usd_per_token(deployment_id: int, window: Window) -> Decimal | None:
    """Blended over all that the deployment served in the days of the window; None where nothing
    was, or any of it has no price.
    """
    zone = finance_zone()
    days = Q(
        deployment_id=deployment_id,
        day__gte=day_of(window.start, zone),
        day__lte=day_of(window.end - timedelta(microseconds=1), zone),
    )
    cost = CostLine.objects.filter(days, category="tokens").aggregate(
        amount=Sum("amount"), unpriced=Count("id", filter=Q(price__isnull=True))
    )
    use = ServiceDay.objects.filter(days).aggregate(
        prompt=Sum("prompt_tokens"), generated=Sum("generated_tokens")
    )
    tokens = (use["prompt"] or 0) + (use["generated"] or 0)
    if not tokens or cost["unpriced"] or cost["amount"] is None:
        return None
    return Decimal(cost["amount"]) / tokens


def whole_minutes(window: Window) -> Window:
    """Wide enough that no second of it is lost."""
    end = floor_to_minute(window.end)
    return Window(floor_to_minute(window.start), end if end == window.end else end + MINUTE)
