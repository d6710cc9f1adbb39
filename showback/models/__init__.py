"""Nouns of showback: what was used, how far the data is, what it costs."""

from showback.models.costs import CostLine, Meter, PriceRow
from showback.models.pulls import (
    BackfillSlice,
    CapacitySeen,
    DayBasis,
    DeploymentSeen,
    TouchedHour,
    UsagePull,
)
from showback.models.rollups import Attribution, ServiceDay, ServiceHour
from showback.models.usage import Grain, Kept, UsageDayBlock, UsageHour, UsageMinutes

__all__ = [
    "Attribution",
    "BackfillSlice",
    "CapacitySeen",
    "CostLine",
    "DayBasis",
    "DeploymentSeen",
    "Grain",
    "Kept",
    "Meter",
    "PriceRow",
    "ServiceDay",
    "ServiceHour",
    "TouchedHour",
    "UsageDayBlock",
    "UsageHour",
    "UsageMinutes",
    "UsagePull",
]
