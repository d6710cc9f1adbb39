"""Puts hours of callers into the database: whole hours of one source, only where they differ."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Model, QuerySet
from numpy.typing import NDArray

from showback.domain.holding import HourKey
from showback.domain.measures import MISSING
from showback.gateway import CALLER_MEASURES
from showback.models import CallerHour, CallerMinutes, CallerTarget, GatewayHour, GatewaySource
from showback.services.copying import copy_rows
from showback.services.marks import leave_marks

Ints = NDArray[np.int64]
RowKey = tuple[int, int]  # target, caller
MINUTES_OF_HOUR = 60
WHOLE_HOUR = (1 << MINUTES_OF_HOUR) - 1
KEY_COLUMNS = ("source_id", "target_id", "caller_id", "hour")


@dataclass(frozen=True)
class HourOfCallers:
    """One hour of a source. Bit m of `received`: minute m was read whole.

    `sums` is one number for each measure; `minutes` (measures, 60) where they are known. MISSING is
    a minute that was not read, or for `filtered` one of which the gateway does not say.
    """

    received: int
    sums: Mapping[RowKey, tuple[int, ...]]
    minutes: Mapping[RowKey, Ints]

    @classmethod
    def of_minutes(cls, received: int, minutes: Mapping[RowKey, Ints]) -> "HourOfCallers":
        """Callers that did nothing are left out."""
        busy = {key: values for key, values in minutes.items() if (values > 0).any()}
        return cls(received, {key: sums_of(values) for key, values in busy.items()}, busy)


def sums_of(values: Ints) -> tuple[int, ...]:
    known = values != MISSING
    sums = np.where(known, values, 0).sum(axis=1)
    return tuple(
        int(total) if name != "filtered" or known[position].any() else MISSING
        for position, (name, total) in enumerate(zip(CALLER_MEASURES, sums, strict=True))
    )


def read_hours(source: GatewaySource, hours: Iterable[datetime]) -> dict[datetime, HourOfCallers]:
    """What is stored; an hour that was never read is absent."""
    wanted = list(hours)
    received = dict(
        GatewayHour.objects.filter(source=source, hour__in=wanted).values_list("hour", "received")
    )
    sums: dict[datetime, dict[RowKey, tuple[int, ...]]] = defaultdict(dict)
    minutes: dict[datetime, dict[RowKey, Ints]] = defaultdict(dict)
    key = ("hour", "target_id", "caller_id", *CALLER_MEASURES)
    for hour, target, caller, *values in _rows(CallerHour, source, wanted).values_list(*key):
        sums[hour][target, caller] = tuple(MISSING if v is None else v for v in values)
    for hour, target, caller, *arrays in _rows(CallerMinutes, source, wanted).values_list(*key):
        minutes[hour][target, caller] = np.array([_array(each) for each in arrays], dtype=np.int64)
    return {
        hour: HourOfCallers(bits, sums.get(hour, {}), minutes.get(hour, {}))
        for hour, bits in received.items()
    }


def replace_hours(source: GatewaySource, hours: Mapping[datetime, HourOfCallers]) -> int:
    """Replaces hours that differ from what is there, and marks them for the roll-up.

    Answers how many differed. Call it in a transaction that holds the source's lock.
    """
    there = read_hours(source, hours)
    changed = {hour: new for hour, new in hours.items() if not _same(there.get(hour), new)}
    if not changed:
        return 0
    for table in (CallerHour, CallerMinutes, GatewayHour):
        _rows(table, source, changed).delete()
    GatewayHour.objects.bulk_create(
        GatewayHour(source=source, hour=hour, received=new.received)
        for hour, new in changed.items()
    )
    copy_rows(
        "showback_caller_hour",
        (*KEY_COLUMNS, *CALLER_MEASURES, "minutes_received"),
        (
            (source.pk, *key, hour, *(None if v == MISSING else v for v in sums), n)
            for hour, new in changed.items()
            for n in (new.received.bit_count(),)
            for key, sums in new.sums.items()
        ),
    )
    copy_rows(
        "showback_caller_minutes",
        (*KEY_COLUMNS, *CALLER_MEASURES),
        (
            (source.pk, *key, hour, *map(_column, values))
            for hour, new in changed.items()
            for key, values in new.minutes.items()
        ),
    )
    _mark(there, changed)
    return len(changed)


def _same(there: HourOfCallers | None, new: HourOfCallers) -> bool:
    return (
        there is not None
        and there.received == new.received
        and there.sums == new.sums
        and there.minutes.keys() == new.minutes.keys()
        and all(np.array_equal(there.minutes[key], new.minutes[key]) for key in new.minutes)
    )


def _mark(
    there: Mapping[datetime, HourOfCallers], changed: Mapping[datetime, HourOfCallers]
) -> None:
    """The deployments of which some caller's sums are other ones now."""
    moved: dict[datetime, set[int]] = defaultdict(set)
    for hour, new in changed.items():
        old = there[hour].sums if hour in there else {}
        for target, caller in old.keys() | new.sums.keys():
            if old.get((target, caller)) != new.sums.get((target, caller)):
                moved[hour].add(target)
    known = dict(
        CallerTarget.objects.filter(pk__in={t for targets in moved.values() for t in targets})
        .filter(deployment__isnull=False)
        .values_list("pk", "deployment_id")
    )
    keys: set[HourKey] = {
        (known[target], hour)
        for hour, targets in moved.items()
        for target in targets
        if target in known
    }
    leave_marks(keys)


def _rows(table: type[Model], source: GatewaySource, hours: Iterable[datetime]) -> QuerySet[Any]:
    return table._default_manager.filter(source=source, hour__in=list(hours)).order_by()


def _array(column: Sequence[int | None] | None) -> list[int]:
    if column is None:
        return [MISSING] * MINUTES_OF_HOUR
    return [MISSING if value is None else value for value in column]


def _column(values: Ints) -> list[int | None] | None:
    """NULL where nothing of the measure came."""
    if (values == MISSING).all():
        return None
    return [None if value == MISSING else value for value in values.tolist()]


def bits_of(flags: Sequence[bool] | NDArray[np.bool_]) -> int:
    return sum(1 << minute for minute, flag in enumerate(flags) if flag)


def flags_of(bits: int) -> NDArray[np.bool_]:
    return np.array([bits >> minute & 1 for minute in range(MINUTES_OF_HOUR)], dtype=bool)


def lock_name(source: GatewaySource) -> str:
    return f"callers:{source.kind}:{source.key}"
