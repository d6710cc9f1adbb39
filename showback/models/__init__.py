"""Nouns of showback: what was used and by whom, how far the data is, what it costs."""

from showback.models.callers import (
    Caller,
    CallerHour,
    CallerMapping,
    CallerMinutes,
    CallerTarget,
    GatewayHour,
    GatewaySource,
    UnmappedDay,
)
from showback.models.costs import CostLine, Meter, PriceRow
from showback.models.pulls import (
    BackfillSlice,
    CapacitySeen,
    DayBasis,
    DeploymentSeen,
    JobDone,
    TouchedHour,
    UsagePull,
)
from showback.models.rollups import Attribution, MethodDay, ServiceDay, ServiceHour
from showback.models.sharing import SharedDeployment, SplitRule, SplitShare
from showback.models.to_date import MonthToDate
from showback.models.usage import (
    AccountHour,
    Grain,
    Kept,
    MetricFamily,
    UsageDayBlock,
    UsageHour,
    UsageMinutes,
)

__all__ = [
    "AccountHour",
    "Attribution",
    "BackfillSlice",
    "Caller",
    "CallerHour",
    "CallerMapping",
    "CallerMinutes",
    "CallerTarget",
    "CapacitySeen",
    "CostLine",
    "DayBasis",
    "DeploymentSeen",
    "GatewayHour",
    "GatewaySource",
    "Grain",
    "JobDone",
    "Kept",
    "Meter",
    "MethodDay",
    "MonthToDate",
    "MetricFamily",
    "PriceRow",
    "ServiceDay",
    "ServiceHour",
    "SharedDeployment",
    "SplitRule",
    "SplitShare",
    "TouchedHour",
    "UnmappedDay",
    "UsageDayBlock",
    "UsageHour",
    "UsageMinutes",
    "UsagePull",
]
