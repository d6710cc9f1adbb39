"""Units, tokens and requests per minute.

The ledger counts in whole Azure capacity units (or PTUs); people read and type tokens per minute
(TPM). How many tokens and requests one unit gives differs by model and by version, so the rate
always comes from Azure's own `rateLimits`, never from a rule of thumb.
"""

from dataclasses import dataclass


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


def per_minute(count: float, renewal_seconds: float) -> int:
    """Azure's `count` per `renewalPeriod` as a whole number per minute: 1 per 10 s is 6.

    Raises ValueError when the period is not positive.
    """
    if renewal_seconds <= 0:
        raise ValueError(f"a rate limit renews after {renewal_seconds} seconds")
    return round(count * 60 / renewal_seconds)


def units_for(*, tokens_per_minute: int, requests_per_minute: int = 0, rate: UnitRate) -> int:
    """The fewest whole units that give both: max(⌈TPM ÷ TPM per unit⌉, ⌈RPM ÷ RPM per unit⌉).

    Raises ValueError when something is asked for of which a unit gives nothing.
    """
    return max(
        _ceil_units(tokens_per_minute, rate.tokens_per_minute, "tokens per minute"),
        _ceil_units(requests_per_minute, rate.requests_per_minute, "requests per minute"),
    )


def _ceil_units(asked: int, per_unit: int | None, what: str) -> int:
    if asked <= 0:
        return 0
    if not per_unit:
        raise ValueError(f"a unit of this deployment states no {what}")
    return -(-asked // per_unit)
