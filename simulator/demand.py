"""What callers want of a deployment: a pure, seeded function of (deployment, minute).

It knows nothing of capacity, so asking again after any change of capacity, or after a restart,
gives the same demand. A day is computed at once because that is cheap; each minute depends on its
own counter only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simulator import profiles
from simulator.clock import MINUTES_PER_DAY, SECONDS_PER_MINUTE
from simulator.hashing import Floats, Ints, key_of, normal_rows, uniforms
from simulator.traces import Requests, load_trace, play_once, play_repeated
from simulator.world import Deployment, Level, ProfileTraffic, TraceTraffic, World

MINUTES_PER_MEAN_MONTH = 30.436875 * MINUTES_PER_DAY

# Spread of the generated requests: slow swings between ten-minute knots, and the relative standard
# deviation of one request's tokens as in the 2023 traces (0.96 of the mean for prompts).
_KNOT_MINUTES = 10
_SLOW_SPREAD = 0.12
_PROMPT_SPREAD = 0.96
_GENERATED_SPREAD = 0.77
_CACHE_SPREAD_PERCENT = 3.0
_POISSON_FROM_RATE = 5.0


@dataclass(frozen=True)
class Demand:
    """One UTC day of a deployment, per minute (arrays of 1440); tokens are sums over requests.

    ``listed`` has the single requests where they are known (traces), in time order.
    """

    requests: Ints
    prompt: Ints
    generated: Ints
    cache_percent: Floats
    listed: Requests | None = None
    own: Demand | None = None
    """Without the neighbour's part, where there is one."""

    @property
    def nbytes(self) -> int:
        """Memory held by the arrays."""
        arrays = [self.requests, self.prompt, self.generated, self.cache_percent]
        if self.listed is not None:
            arrays += [each for each in vars(self.listed).values() if each is not None]
        return sum(each.nbytes for each in arrays) + (0 if self.own is None else self.own.nbytes)

    def plus(self, neighbour: Demand) -> Demand:
        """Both together, mixed evenly; neither is listed."""
        prompt = self.prompt + neighbour.prompt
        cached = self.prompt * self.cache_percent + neighbour.prompt * neighbour.cache_percent
        return Demand(
            requests=self.requests + neighbour.requests,
            prompt=prompt,
            generated=self.generated + neighbour.generated,
            cache_percent=cached / np.maximum(prompt, 1),
            own=self,
        )


def minutes_of_day(day: int) -> Ints:
    """The 1440 epoch minutes of an epoch day."""
    return np.arange(day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY, dtype=np.int64)


def demand_of_day(world: World, deployment: Deployment, day: int, traces: Path) -> Demand:
    """What was asked of ``deployment`` on an epoch day. ``traces`` is the folder of trace files."""
    key = key_of(world.seed, deployment.key)
    minutes = minutes_of_day(day)
    traffic = deployment.traffic
    if isinstance(traffic, TraceTraffic):
        return _from_trace(traffic, world, key, minutes, traces)
    own = _from_profile(traffic, world, key, minutes)
    if traffic.neighbour is None:
        return own
    return own.plus(_from_profile(traffic.neighbour, world, key_of(key, "neighbour"), minutes))


def level_at(level: Level, world: World, key: int, minutes: Ints) -> Floats:
    """Profile × growth × events. Growth counts from the world's first load: there it is 1."""
    values = profiles.level(level.profile, minutes, key_of(key, "spikes"))
    if level.growth_per_month:
        loaded_minute = world.loaded_at.timestamp() / SECONDS_PER_MINUTE
        months = (minutes - loaded_minute) / MINUTES_PER_MEAN_MONTH
        values = values * np.power(1.0 + level.growth_per_month, months)
    for event in level.events:
        seconds = minutes * SECONDS_PER_MINUTE
        inside = (seconds >= event.start.timestamp()) & (seconds < event.end.timestamp())
        values = np.where(inside, values * event.factor, values)
    return values


def _from_profile(traffic: ProfileTraffic, world: World, key: int, minutes: Ints) -> Demand:
    streams = [key_of(key, name) for name in ("count", "prompt", "generated", "cache")]
    count, prompt, generated, cache = normal_rows(streams, minutes)
    rate = level_at(traffic.level, world, key, minutes) * traffic.peak_requests_per_minute
    rate = rate * np.exp(_SLOW_SPREAD * _slow_swing(key, minutes))
    # Poisson-like: the spread of a count is the root of its mean; small rates are left to rounding.
    spread = np.sqrt(rate) * np.minimum(1.0, rate / _POISSON_FROM_RATE)
    wanted = np.maximum(rate + spread * count, 0.0)
    requests = np.floor(wanted + uniforms(key_of(key, "rounding"), minutes)).astype(np.int64)
    requests[rate == 0.0] = 0
    return Demand(
        requests=requests,
        prompt=_tokens(requests, traffic.prompt_tokens, _PROMPT_SPREAD * prompt),
        generated=_tokens(requests, traffic.generated_tokens, _GENERATED_SPREAD * generated),
        cache_percent=_cache_percent(traffic.cache_match_percent, cache),
    )


def _slow_swing(key: int, minutes: Ints) -> Floats:
    """Standard normal at ten-minute knots, linear between; ``minutes`` is a run."""
    knots = minutes // _KNOT_MINUTES
    share = (minutes % _KNOT_MINUTES) / _KNOT_MINUTES
    known = np.arange(knots[0], knots[-1] + 2)
    heights = normal_rows([key_of(key, "swing")], known)[0]
    place = knots - knots[0]
    swing: Floats = heights[place] * (1 - share) + heights[place + 1] * share
    return swing


def _tokens(requests: Ints, mean: float, wobble_of_one: Floats) -> Ints:
    """Sum of the tokens of a minute's requests, at least one each where there are any at all."""
    if mean == 0.0:
        return np.zeros_like(requests)
    factor = np.maximum(1.0 + wobble_of_one / np.sqrt(np.maximum(requests, 1)), 0.2)
    sums: Ints = np.rint(requests * mean * factor).astype(np.int64)
    return np.maximum(sums, requests)


def _cache_percent(mean: float, wobble: Floats) -> Floats:
    if mean == 0.0:
        return np.zeros(wobble.size)
    return np.clip(np.round(mean + _CACHE_SPREAD_PERCENT * wobble, 2), 0.0, 100.0)


def _from_trace(
    traffic: TraceTraffic, world: World, key: int, minutes: Ints, traces: Path
) -> Demand:
    trace = load_trace(traces / traffic.file)
    if traffic.start is not None:
        start_minute = int(traffic.start.timestamp()) // SECONDS_PER_MINUTE
        listed = play_once(trace, start_minute, minutes)
    else:
        level = level_at(traffic.level, world, key, minutes) * traffic.scale
        listed = play_repeated(trace, key_of(key, "kept"), minutes, level)
    return Demand(
        requests=sum_by_minute(listed.minute, None),
        prompt=sum_by_minute(listed.minute, listed.prompt),
        generated=sum_by_minute(listed.minute, listed.generated),
        cache_percent=_cache_percent(
            traffic.cache_match_percent, normal_rows([key_of(key, "cache")], minutes)[0]
        ),
        listed=listed,
    )


def sum_by_minute(minute: Ints, values: Ints | None) -> Ints:
    """Counts, or exact sums of ``values``, for each of the 1440 minutes of a day."""
    if values is None:
        return np.bincount(minute, minlength=MINUTES_PER_DAY).astype(np.int64)
    # float64 sums of whole numbers are exact below 2**53, far above a day's tokens.
    return np.bincount(minute, weights=values, minlength=MINUTES_PER_DAY).astype(np.int64)
