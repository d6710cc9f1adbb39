"""Units, tokens and requests per minute.

The ledger counts in whole Azure capacity units (or PTUs); people read and type tokens per minute
(TPM). How many tokens and requests one unit gives differs by model and by version, so the rate
always comes from Azure's own `rateLimits`, never from a rule of thumb.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class UnitRate:
    """What one unit gives per minute.

    None where Azure states no such limit (PTU has no request limit).
    """

    tokens_per_minute: int | None
    requests_per_minute: int | None

    def tokens(self, units: int) -> int | None:
        return None if self.tokens_per_minute is None else units * self.tokens_per_minute

    def requests(self, units: int) -> int | None:
        return None if self.requests_per_minute is None else units * self.requests_per_minute


@dataclass(frozen=True)
class UnitStep:
    """The amounts that a model can have: `minimum`, and from there on in steps."""

    minimum: int = 1
    step: int = 1

    def at_least(self, units: int) -> int:
        """The smallest amount that is not below `units`; nothing stays nothing."""
        if units <= 0:
            return 0
        over = max(0, units - self.minimum)
        return self.minimum + _ceil(over, self.step) * self.step

    def at_most(self, units: int) -> int:
        """The largest amount that is not above `units`; 0 below the minimum."""
        if units < self.minimum:
            return 0
        return units - (units - self.minimum) % self.step

    def nearest(self, units: int) -> tuple[int, ...]:
        """The amounts next below and next above, or `units` alone where it is one of them. Nothing
        is no amount here, so below the minimum there is only the minimum.
        """
        return tuple(sorted({self.at_most(units) or self.minimum, self.at_least(max(1, units))}))

    def on_top(self) -> "UnitStep":
        """Of what is added to an amount that is there already: whole steps, no minimum."""
        return UnitStep(self.step, self.step)


ONE_BY_ONE = UnitStep()


class BoundBy(StrEnum):
    """Which of the things asked for made the number of units what it is."""

    TOKENS = "tokens"
    REQUESTS = "requests"
    UNITS = "units"  # it was asked in units
    MODEL = "model"  # its minimum, or its step


@dataclass(frozen=True)
class Amount:
    """Whole units and what they give, beside what was asked (0: nothing was asked of it)."""

    units: int
    tokens_per_minute: int | None
    requests_per_minute: int | None
    asked_tokens_per_minute: int
    asked_requests_per_minute: int
    asked_units: int
    bound_by: BoundBy

    @property
    def is_rounded(self) -> bool:
        """Whether more is given than was asked, of what decided."""
        given = {
            BoundBy.TOKENS: (self.tokens_per_minute, self.asked_tokens_per_minute),
            BoundBy.REQUESTS: (self.requests_per_minute, self.asked_requests_per_minute),
            BoundBy.UNITS: (self.units, self.asked_units),
        }
        return self.bound_by == BoundBy.MODEL or len(set(given[self.bound_by])) > 1


def per_minute(count: float, renewal_seconds: float) -> int:
    """Azure's `count` per `renewalPeriod` as a whole number per minute: 1 per 10 s is 6.

    Raises ValueError when the period is not positive.
    """
    if renewal_seconds <= 0:
        raise ValueError(f"a rate limit renews after {renewal_seconds} seconds")
    return round(count * 60 / renewal_seconds)


def units_for(*, tokens_per_minute: int = 0, requests_per_minute: int = 0, rate: UnitRate) -> int:
    """The fewest whole units that give both: max(⌈TPM ÷ TPM per unit⌉, ⌈RPM ÷ RPM per unit⌉).

    Raises ValueError when something is asked for of which a unit gives nothing.
    """
    return max(
        _ceil_units(tokens_per_minute, rate.tokens_per_minute, "tokens per minute"),
        _ceil_units(requests_per_minute, rate.requests_per_minute, "requests per minute"),
    )


def amount_for(
    *,
    tokens_per_minute: int = 0,
    requests_per_minute: int = 0,
    units: int = 0,
    rate: UnitRate,
    step: UnitStep = ONE_BY_ONE,
) -> Amount:
    """The smallest amount that a model can have and that gives all that was asked.

    Raises ValueError when something is asked for of which a unit gives nothing.
    """
    needed = {  # of equals, the first decides
        BoundBy.UNITS: units,
        BoundBy.TOKENS: units_for(tokens_per_minute=tokens_per_minute, rate=rate),
        BoundBy.REQUESTS: units_for(requests_per_minute=requests_per_minute, rate=rate),
    }
    largest = max(needed, key=lambda by: needed[by])
    found = step.at_least(needed[largest])
    return Amount(
        units=found,
        tokens_per_minute=rate.tokens(found),
        requests_per_minute=rate.requests(found),
        asked_tokens_per_minute=tokens_per_minute,
        asked_requests_per_minute=requests_per_minute,
        asked_units=units,
        bound_by=BoundBy.MODEL if found > needed[largest] else largest,
    )


def _ceil_units(asked: int, per_unit: int | None, what: str) -> int:
    if asked <= 0:
        return 0
    if not per_unit:
        raise ValueError(f"a unit of this deployment states no {what}")
    return _ceil(asked, per_unit)


def _ceil(number: int, by: int) -> int:
    return -(-number // by)
