"""A month of bursts: made at random but the same every time, stepped through, and judged by what
Azure had when.
"""

import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from portal.kernel.windows import DAY, HOUR
from quotas.models import Deployment, LedgerEntry

DAYS = 30
GRACE = timedelta(minutes=1)
Steps = Sequence[tuple[datetime, str, int]]  # what Azure had: (from when, deployment, units)
Refused = Sequence[tuple[datetime, str]]  # writes that Azure refused


@dataclass(frozen=True)
class Burst:
    """Capacity for its people from `start` to `end`; in the ledger from `begins` on."""

    deployment: str
    units: int
    begins: datetime
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Shape:
    """When bursts start and how long they are. `days` of the week from 0, Monday."""

    days: Sequence[int] = range(7)
    hours: Sequence[int] = range(24)
    minutes: Sequence[int] = (0, 15, 30, 45)
    lengths: Sequence[int] = range(1, 13)  # hours
    units: Sequence[int] = range(1, 20)
    lead: timedelta = timedelta(minutes=15)


def make_bursts(
    count: int, deployments: Sequence[str], shape: Shape, *, month: datetime
) -> list[Burst]:
    """`month` is its first midnight. The last ones end a few hours after it."""
    dice, found = random.Random(11), []  # noqa: S311  the same month every time
    days = [d for d in range(DAYS) if (month + d * DAY).weekday() in shape.days]
    for _ in range(count):
        minute = timedelta(minutes=dice.choice(shape.minutes))
        start = month + dice.choice(days) * DAY + dice.choice(shape.hours) * HOUR + minute
        end = start + dice.choice(shape.lengths) * HOUR
        where, units = dice.choice(deployments), dice.choice(shape.units)
        found.append(Burst(where, units, start - shape.lead, start, end))
    return found


def peak_units(bursts: Iterable[Burst]) -> int:
    """The most that all of them have at once."""
    steps = sorted(
        step for b in bursts for step in ((b.begins, b.units), (b.end, -b.units))
    )  # at the same moment what ends first
    total = peak = 0
    for _, units in steps:
        total += units
        peak = max(peak, total)
    return peak


def grant(bursts: Iterable[Burst], *, at: datetime) -> None:
    """Into the ledger at once. Without requests, as of those more is told than up and down."""
    rows = {row.resource_key: row for row in Deployment.objects.all()}
    LedgerEntry.objects.bulk_create(
        [
            LedgerEntry(
                pool_id=rows[burst.deployment].pool_id,
                deployment=rows[burst.deployment],
                units=burst.units,
                effective_from=burst.begins,
                effective_until=burst.end,
                kind=LedgerEntry.Kind.BURST,
                recorded_at=at,
            )
            for burst in bursts
        ],
        batch_size=2_000,
    )


def judge(bursts: Sequence[Burst], base: int, steps: Steps, refused: Refused) -> dict[str, Any]:
    """How each burst fared. It is up when Azure first has, from `begins` on, no less than the base
    and all bursts that are on then; down when it first has no more than that, from its end on.

    `late_up` were up after their start, `late_down` over a minute after their end, `never_…` not at
    all: each without a write of that edge that Azure refused. Seconds, as (p50, p95, p99, most):
    `up_s` since `begins`, `down_s` since the end.
    """
    lives = _lives(bursts, base, steps)
    no_of: dict[str, list[datetime]] = defaultdict(list)
    for at, key in refused:
        no_of[key].append(at)
    up: list[float] = []
    down: list[float] = []
    found = {f"{how}_{edge}": 0 for how in ("late", "never", "refused") for edge in ("up", "down")}
    for burst in bursts:
        life, noes = lives[burst.deployment], no_of[burst.deployment]
        is_up = life.first(burst.begins, burst.end, lambda has, wants: has >= wants)
        is_down = life.first(burst.end, None, lambda has, wants: has <= wants)
        for name, seconds, since, then, grace in (
            ("up", up, burst.begins, is_up, burst.start - burst.begins),
            ("down", down, burst.end, is_down, GRACE),
        ):
            was_refused = any(since <= at and (then is None or at <= then) for at in noes)
            found[f"refused_{name}"] += was_refused
            if then is not None:
                seconds.append((then - since).total_seconds())
            if not was_refused:
                found[f"never_{name}"] += then is None
                found[f"late_{name}"] += then is not None and then - since > grace
    return {**found, "up_s": spread(up), "down_s": spread(down)}


class _Life:
    """Of one deployment: what it has and what it is to have, moment by moment."""

    def __init__(self, base: int, steps: list[tuple[datetime, int]], bursts: list[Burst]) -> None:
        edges = [(b.begins, b.units) for b in bursts] + [(b.end, -b.units) for b in bursts]
        self.moments = sorted({at for at, _ in steps} | {at for at, _ in edges})
        changes: dict[datetime, int] = defaultdict(int)
        for at, units in edges:
            changes[at] += units
        has_at, has, wants = dict(steps), base, base
        self.rows = []
        for at in self.moments:
            has, wants = has_at.get(at, has), wants + changes[at]
            self.rows.append((has, wants))

    def first(self, since: datetime, until: datetime | None, holds: Any) -> datetime | None:
        for n in range(bisect_left(self.moments, since), len(self.moments)):
            if until is not None and self.moments[n] >= until:
                return None
            if holds(*self.rows[n]):
                return self.moments[n]
        return None


def _lives(bursts: Sequence[Burst], base: int, steps: Steps) -> dict[str, _Life]:
    of_steps: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    of_bursts: dict[str, list[Burst]] = defaultdict(list)
    for at, key, units in steps:
        of_steps[key].append((at, units))
    for burst in bursts:
        of_bursts[burst.deployment].append(burst)
    return {key: _Life(base, of_steps[key], rows) for key, rows in of_bursts.items()}


def spread(seconds: list[float]) -> dict[str, float]:
    """Percentiles; empty where nothing was measured."""
    if not seconds:
        return {}
    cuts = quantiles(seconds, n=100) if len(seconds) > 1 else seconds * 99
    figures = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "most": max(seconds)}
    return {name: round(value, 1) for name, value in figures.items()}
