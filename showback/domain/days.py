"""From a deployment's hours to the use of its services, hour by hour and for the day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from showback.domain.attribution import Part, Use
from showback.domain.provisioned import PtuModel


@dataclass(frozen=True)
class Measured:
    """One hour of a deployment as it came. Minutes None: known by the hour only."""

    use: Use
    peak_tokens_per_minute: int | None
    throttled_minutes: int | None
    minutes_received: int
    minutes_expected: int


@dataclass(frozen=True)
class Capacity:
    """How much a unit serves: weighted tokens where `model` is known, else plain ones."""

    model: PtuModel | None
    tokens_per_minute_per_unit: int | None

    def tokens_used(self, use: Use) -> int:
        if self.model is None:
            return use.prompt + use.generated
        return self.model.weighted_tokens(
            prompt=use.prompt, cached=use.cached, generated=use.generated
        )

    def tokens_held(self, unit_minutes: int) -> int | None:
        if self.model is not None:
            return self.model.capacity_tokens(unit_minutes)
        per_unit = self.tokens_per_minute_per_unit
        return None if per_unit is None else unit_minutes * per_unit


@dataclass(frozen=True)
class HourOfService:
    service_id: int | None
    hour: datetime
    method: str
    use: Use
    capacity_tokens: int
    held_unit_minutes: int
    held_capacity_tokens: int | None
    peak_tokens_per_minute: int | None
    throttled_minutes: int | None
    minutes_received: int
    minutes_expected: int


def hours_of_services(
    hour: datetime,
    measured: Measured,
    parts: list[Part],
    *,
    held: Mapping[int | None, int] | None,
    capacity: Capacity,
) -> list[HourOfService]:
    """The hour's use by service and method. A peak cannot be shared, so several parts have none.

    429 minutes are the deployment's: every service on it met them. `held` is unit-seconds; None:
    the deployment is shared, and what its holder has is not compared with what others use.
    """
    found = []
    for part in parts:
        unit_minutes = round((held or {}).get(part.service_id, 0) / 60)
        found.append(
            HourOfService(
                service_id=part.service_id,
                hour=hour,
                method=part.method,
                use=part.use,
                capacity_tokens=capacity.tokens_used(part.use),
                held_unit_minutes=unit_minutes,
                held_capacity_tokens=None if held is None else capacity.tokens_held(unit_minutes),
                peak_tokens_per_minute=(
                    measured.peak_tokens_per_minute if len(parts) == 1 else None
                ),
                throttled_minutes=measured.throttled_minutes,
                minutes_received=measured.minutes_received,
                minutes_expected=measured.minutes_expected,
            )
        )
    return found


def once_an_hour(hours: Iterable[HourOfService]) -> list[HourOfService]:
    """One of the rows of each hour: for what is the hour's and not the method's."""
    return list({item.hour: item for item in hours}.values())


def by_method(hours: Iterable[HourOfService]) -> dict[str, tuple[int, int, int]]:
    """Tokens, and minutes received and expected of the hours that they are of."""
    found: dict[str, tuple[int, int, int]] = {}
    for each in hours:
        tokens, received, expected = found.get(each.method, (0, 0, 0))
        found[each.method] = (
            tokens + each.use.prompt + each.use.generated,
            received + each.minutes_received,
            expected + each.minutes_expected,
        )
    return found


def largest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def total(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
