"""Works out one deployment's day: whose its use was, and what it costs. Reads nothing itself."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from portal.kernel.windows import HOUR, MINUTE, Window, steps
from quotas.selectors.metering import MeteredDeployment
from showback.domain.attribution import Part, Use, parts_of_dedicated, parts_of_shared
from showback.domain.cost import Line, PtuPart, ServiceUse, ptu_lines, token_lines
from showback.domain.days import Capacity, HourOfService, Measured, hours_of_services
from showback.domain.prices import PriceBook, Priced
from showback.domain.provisioned import PtuModel
from showback.domain.ptu_split import PtuUse, ptu_parts, shared_ptu_parts
from showback.selectors.ptu_models import ptu_models
from showback.selectors.spillover import Refused
from showback.services.day_facts import DayFacts, HourRow


@dataclass(frozen=True)
class WorkedOut:
    id: int
    hours: list[HourOfService]
    lines: list[Line]


def work_out(facts: DayFacts, deployment: MeteredDeployment, prices: PriceBook) -> WorkedOut:
    """Attributes the deployment's hours and prices them."""
    capacity = _capacity(deployment)
    hours: list[HourOfService] = []
    for hour in _hours(facts, deployment):
        measured = _measured(facts, deployment, hour)
        hours += hours_of_services(
            hour,
            measured,
            _parts(facts, deployment, hour, measured.use),
            held=None
            if facts.sharing.is_shared(deployment.id, hour)
            else facts.held.get((deployment.id, hour), {}),
            capacity=capacity,
        )
    return WorkedOut(deployment.id, hours, _lines(facts, deployment, hours, prices))


def _parts(facts: DayFacts, deployment: MeteredDeployment, hour: datetime, use: Use) -> list[Part]:
    """Shared: the gateway, then the split rule. Dedicated: the holders, then the mapping."""
    sharing, key = facts.sharing, (deployment.id, hour)
    if not sharing.is_shared(*key):
        return parts_of_dedicated(use, facts.held.get(key, {}), deployment.service_id)
    return parts_of_shared(use, sharing.counted.get(key, {}), sharing.rule_at(*key))


def _hours(facts: DayFacts, deployment: MeteredDeployment) -> Iterator[datetime]:
    """The hours of the day so far in which the deployment is known to have existed or was used."""
    for hour in _hours_so_far(facts, deployment):
        known = deployment.first_seen_at < hour + HOUR
        gone = deployment.gone_at is not None and deployment.gone_at <= hour
        if (known and not gone) or (deployment.id, hour) in facts.usage:
            yield hour


def _hours_so_far(facts: DayFacts, deployment: MeteredDeployment) -> Iterator[datetime]:
    until = facts.until[deployment.id]
    return (
        steps(Window(facts.window.start, until), HOUR) if until > facts.window.start else iter(())
    )


def _measured(facts: DayFacts, deployment: MeteredDeployment, hour: datetime) -> Measured:
    """What came of the hour; where nothing did, how many minutes of it ought to have come.

    Of the last hour of a day that goes on, the minutes after the newest pull are on their way.
    """
    row, until = facts.usage.get((deployment.id, hour)), facts.until[deployment.id]
    due = min(60, (until - hour) // MINUTE)
    if row is None:
        return Measured(Use(), None, None, 0, due)
    if until == hour + HOUR < facts.window.end:
        due = row.minutes_expected
    met = facts.met.get((deployment.id, hour))
    return Measured(
        use=_use(row, met),
        peak_tokens_per_minute=row.peak_tokens_per_minute,
        throttled_minutes=met.minutes if met else row.throttled_minutes,
        minutes_received=row.minutes_received,
        minutes_expected=max(due, row.minutes_received),
    )


def _use(row: HourRow, met: Refused | None) -> Use:
    """With the refusals that callers met, where more is known than what Azure counted."""
    return Use(
        ok=row.ok_requests,
        throttled=met.requests if met else row.throttled_requests,
        other=row.other_requests,
        spilled=row.spilled_requests,
        uncached=row.prompt_tokens - row.cached_tokens_estimated,
        cached=row.cached_tokens_estimated,
        generated=row.generated_tokens,
    )


def _capacity(deployment: MeteredDeployment) -> Capacity:
    model = ptu_models().get(deployment.model_name.lower()) if deployment.is_provisioned else None
    return Capacity(model, deployment.tokens_per_minute_per_unit)


def _lines(
    facts: DayFacts,
    deployment: MeteredDeployment,
    hours: list[HourOfService],
    prices: PriceBook,
) -> list[Line]:
    what = Priced(
        deployment.model_name, deployment.model_version, deployment.sku_name, deployment.region
    )
    if not deployment.is_provisioned:
        uses = [ServiceUse(item.service_id, item.hour, item.use) for item in hours]
        return token_lines(what, uses, prices)
    model = ptu_models().get(deployment.model_name.lower())
    weighted: dict[datetime, dict[int | None, int]] = defaultdict(dict)
    for item in hours:
        by_service = weighted[item.hour]
        by_service[item.service_id] = by_service.get(item.service_id, 0) + item.capacity_tokens
    parts = [
        part
        for hour in _hours_so_far(facts, deployment)
        for part in _ptu_parts(facts, deployment, hour, weighted[hour], model)
    ]
    return ptu_lines(what, parts, prices)


def _ptu_parts(
    facts: DayFacts,
    deployment: MeteredDeployment,
    hour: datetime,
    weighted: dict[int | None, int],
    model: PtuModel | None,
) -> list[PtuPart]:
    key = (deployment.id, hour)
    deployed, held = facts.deployed.get(key, 0), facts.held.get(key, {})
    use = _ptu_use(facts.usage.get(key), weighted)
    if not facts.sharing.is_shared(*key):
        return ptu_parts(hour, deployed=deployed, held=held, use=use, model=model)
    return shared_ptu_parts(
        hour, deployed=deployed, held=held, use=use, capacity_tokens=weighted, model=model
    )


def _ptu_use(row: HourRow | None, weighted: dict[int | None, int]) -> PtuUse:
    if row is None or not row.minutes_received:
        return PtuUse(None, None)
    minutes = row.utilisation_minutes
    return PtuUse(weighted, row.utilisation_percent_sum / minutes / 100 if minutes else None)
