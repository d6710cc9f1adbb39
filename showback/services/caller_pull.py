"""Pulls the callers of shared deployments from gateway logs: source by source, hour by hour.

Pulling any window again changes nothing. A minute that could not be read keeps what was known of it
(a gap is no news); one that was read is replaced whole. Rules in `docs/algorithms/usage.md`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from portal.kernel.errors import CloudError
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_hour, floor_to_minute, steps
from showback.domain.measures import MISSING
from showback.gateway import CALLER_MEASURES, CallerAnswer, caller_source
from showback.models import GatewaySource, Grain, UsagePull
from showback.services.caller_keys import rows_of_keys
from showback.services.caller_store import (
    MINUTES_OF_HOUR,
    HourOfCallers,
    RowKey,
    bits_of,
    flags_of,
    lock_name,
    read_hours,
    replace_hours,
)
from showback.services.locks import pipeline_lock

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class CallersPulled:
    """Hours whose callers changed, and what went wrong."""

    hours_changed: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: "CallersPulled") -> "CallersPulled":
        return CallersPulled(
            self.hours_changed + other.hours_changed, self.problems + other.problems
        )


def pull_recent_callers(lookback: timedelta, *, at: datetime) -> CallersPulled:
    """From the hour in which `at − lookback` lies until now, of every workspace in the settings."""
    window = Window(floor_to_hour(at - lookback), floor_to_minute(at))
    pulled = CallersPulled()
    for source in workspaces(at=at):
        pulled += pull_source(source, window, at=at)
    return pulled


def workspaces(*, at: datetime) -> list[GatewaySource]:
    """Those in the settings; one that is new there gets its row."""
    return [
        GatewaySource.objects.get_or_create(
            kind=GatewaySource.Kind.LOGS,
            key=workspace.lower(),
            defaults={"name": f"Workspace {workspace[:8]}", "active_from": at},
        )[0]
        for workspace in settings.HEADROOM_LOG_WORKSPACES
    ]


def pull_source(source: GatewaySource, window: Window, *, at: datetime) -> CallersPulled:
    """One workspace over a window that begins on a whole hour; what is settled of it is kept.

    The lock keeps an earlier answer from overwriting a later one.
    """
    settled = floor_to_minute(at - caller_source().settles_after)
    if settled <= window.start:
        return CallersPulled()
    window = Window(window.start, min(window.end, settled))
    hours = list(steps(window, HOUR))
    with pipeline_lock(lock_name(source), wait=True):
        _mark(source, dict.fromkeys(hours, 0), window, UsagePull.State.STARTED, at=at)
        try:
            answer = caller_source().pull(workspace_id=source.key, window=window)
        except CloudError as error:
            began = UsagePull.State.STARTED
            _mark(source, dict.fromkeys(hours, 0), window, began, at=at, problem=error.sentence)
            return CallersPulled(problems=(error.sentence,))
        with transaction.atomic():
            new = _merged(source, answer, hours, at=at)
            changed = replace_hours(source, new)
            received = {hour: each.received for hour, each in new.items()}
            problem = " ".join(answer.problems)
            _mark(source, received, window, UsagePull.State.DONE, at=at, problem=problem)
        return CallersPulled(changed, answer.problems)


def _merged(
    source: GatewaySource, answer: CallerAnswer, hours: Sequence[datetime], *, at: datetime
) -> dict[datetime, HourOfCallers]:
    """The answer hour by hour; in minutes that it could not read, what was there."""
    rows = rows_of_keys(source, list(answer.series), at=at)
    there = read_hours(source, hours)
    found = {}
    for position, hour in enumerate(hours):
        first = position * MINUTES_OF_HOUR
        flags = _padded(answer.received[first : first + MINUTES_OF_HOUR])
        minutes: dict[RowKey, Ints] = {}
        for key, series in answer.series.items():
            values = np.stack(
                [_padded_values(series.values[name], first) for name in CALLER_MEASURES]
            )
            _add(minutes, rows[key], _where_read(values, flags))
        old = there.get(hour)
        kept = flags_of(old.received) & ~flags if old else np.zeros(MINUTES_OF_HOUR, dtype=bool)
        if old and kept.any():
            _keep(minutes, old.minutes, kept, read=flags)
        found[hour] = HourOfCallers.of_minutes(bits_of(flags | kept), minutes)
    return found


def _padded(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """To a whole hour: minutes after the window have not been read."""
    return np.pad(flags, (0, MINUTES_OF_HOUR - len(flags)))


def _padded_values(values: Ints, first: int) -> Ints:
    part = values[first : first + MINUTES_OF_HOUR]
    return np.pad(part, (0, MINUTES_OF_HOUR - len(part)), constant_values=MISSING)


def _where_read(values: Ints, read: NDArray[np.bool_]) -> Ints:
    """Noughts where a minute was read and nothing came; MISSING elsewhere.

    Of `filtered` MISSING says that the gateway does not log it, so it stays.
    """
    filtered = CALLER_MEASURES.index("filtered")
    result = np.where(values == MISSING, 0, values)
    result[filtered] = values[filtered]
    return np.where(read, result, MISSING)


def _add(minutes: dict[RowKey, Ints], key: RowKey, values: Ints) -> None:
    """Two spellings of one deployment are one row."""
    there = minutes.get(key)
    if there is None:
        minutes[key] = values
        return
    both = (there != MISSING) & (values != MISSING)
    minutes[key] = np.where(both, there + values, np.maximum(there, values))


def _keep(
    minutes: dict[RowKey, Ints],
    old: Mapping[RowKey, Ints],
    kept: NDArray[np.bool_],
    *,
    read: NDArray[np.bool_],
) -> None:
    """Puts the kept minutes of the old rows in place; a caller of one side only did nothing in the
    minutes of the other.
    """
    logs_filtered = _logs_filtered(minutes.values()) or _logs_filtered(old.values())
    nothing = np.zeros((len(CALLER_MEASURES), MINUTES_OF_HOUR), dtype=np.int64)
    if not logs_filtered:
        nothing[CALLER_MEASURES.index("filtered")] = MISSING
    for key in minutes.keys() | old.keys():
        new, before = minutes.get(key, nothing), old.get(key, nothing)
        minutes[key] = np.where(read, new, np.where(kept, before, MISSING))


def _logs_filtered(rows: Iterable[Ints]) -> bool:
    return any((values[CALLER_MEASURES.index("filtered")] != MISSING).any() for values in rows)


def _mark(
    source: GatewaySource,
    received: Mapping[datetime, int],
    window: Window,
    state: UsagePull.State,
    *,
    at: datetime,
    problem: str = "",
) -> None:
    """Moves the watermarks to STARTED or DONE; PARTIAL where a minute that was due is missing."""
    is_over = state != UsagePull.State.STARTED
    rows = []
    for hour, bits in received.items():
        due = (1 << min(MINUTES_OF_HOUR, (window.end - hour) // MINUTE)) - 1
        lacking = due & ~bits
        # The minutes before the first one that is lacking, or all that were due.
        whole = (lacking & -lacking).bit_length() - 1 if lacking else due.bit_length()
        rows.append(
            UsagePull(
                source=source.watermark,
                hour=hour,
                grain=Grain.MINUTE,
                state=UsagePull.State.PARTIAL if is_over and lacking else state,
                started_at=at,
                done_at=at if is_over else None,
                settled_until=hour + whole * MINUTE if is_over else None,
                problem=problem if lacking or not is_over else "",
            )
        )
    UsagePull.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["source", "hour"],
        update_fields=[
            *("grain", "state", "started_at", "done_at", "problem"),
            *(("settled_until",) if is_over else ()),
        ],
    )
