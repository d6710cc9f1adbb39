"""Reads a request trace (one CSV row per request) and replays it.

Columns are those of the Azure LLM inference traces (Azure Public Dataset, CC-BY):
``TIMESTAMP,ContextTokens,GeneratedTokens``; others are ignored.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.hashing import Floats, Ints, uniforms

_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_NANOSECONDS_PER_MINUTE = 60_000_000_000
_NANOSECONDS_PER_SECOND = 1_000_000_000


class TraceError(Exception):
    """The trace cannot be used; the message is a sentence for a person."""


@dataclass(frozen=True)
class Requests:
    """Single requests in time order. ``minute`` is the index of the minute each arrives in.

    ``second`` is the second within that minute; without it they lie evenly.
    """

    minute: Ints
    prompt: Ints
    generated: Ints
    second: Ints | None = None

    @property
    def place(self) -> Ints:
        """The place of each request in its minute, from 0."""
        return place_in(self.minute)

    def chosen(self, wanted: slice | Ints | NDArray[np.bool_]) -> Requests:
        """Some of them, still in time order."""
        second = None if self.second is None else self.second[wanted]
        return Requests(self.minute[wanted], self.prompt[wanted], self.generated[wanted], second)


def place_in(runs: Ints) -> Ints:
    """The place of each entry among those equal to it, from 0; ``runs`` never falls."""
    if not runs.size:
        return runs
    counts = np.bincount(runs)
    places: Ints = np.arange(runs.size) - (np.cumsum(counts) - counts)[runs]
    return places


@dataclass(frozen=True)
class Trace:
    """A whole trace; minute 0 is that of its first request, floored.

    ``first[m]`` is the index of the first request of minute m, ``first[minutes]`` their number.
    """

    requests: Requests
    first: Ints

    @property
    def minutes(self) -> int:
        """How many minutes the trace covers, quiet ones included."""
        return self.first.size - 1


@lru_cache(maxsize=8)
def load_trace(path: Path) -> Trace:
    """The trace in ``path``, sorted by time. Raises TraceError naming the first wrong line."""
    times, prompts, generated = _read_columns(path)
    moments = np.array(times, dtype="datetime64[ns]")
    order = np.argsort(moments, kind="stable")
    nanoseconds = moments[order].astype(np.int64)
    minute = nanoseconds // _NANOSECONDS_PER_MINUTE
    minute -= minute[0]
    requests = Requests(
        minute=minute,
        prompt=np.array(prompts, dtype=np.int64)[order],
        generated=np.array(generated, dtype=np.int64)[order],
        second=nanoseconds % _NANOSECONDS_PER_MINUTE // _NANOSECONDS_PER_SECOND,
    )
    first = np.searchsorted(minute, np.arange(int(minute[-1]) + 2))
    return Trace(requests, first.astype(np.int64))


def _read_columns(path: Path) -> tuple[list[str], list[int], list[int]]:
    times: list[str] = []
    prompts: list[int] = []
    generated: list[int] = []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise TraceError(f"{path.name}: no column {', '.join(missing)}.")
        for row in reader:
            try:
                times.append(_utc_text(row["TIMESTAMP"]))
                prompts.append(_count(row["ContextTokens"]))
                generated.append(_count(row["GeneratedTokens"]))
            except (ValueError, TypeError) as problem:
                raise TraceError(f"{path.name}, line {reader.line_num}: {problem}") from None
    if not times:
        raise TraceError(f"{path.name}: there are no requests in it.")
    return times, prompts, generated


def _utc_text(text: str) -> str:
    """numpy reads no offsets, so only UTC ones are accepted and cut off."""
    trimmed = text.strip().removesuffix("+00:00").removesuffix("Z")
    np.datetime64(trimmed, "ns")
    return trimmed


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(f"{number} is less than zero.")
    return number


def play_once(trace: Trace, start_minute: int, minutes: Ints) -> Requests:
    """The requests that fall on ``minutes`` (a run of epoch minutes) when played from
    ``start_minute``."""
    low = min(max(int(minutes[0]) - start_minute, 0), trace.minutes)
    high = min(max(int(minutes[-1]) + 1 - start_minute, 0), trace.minutes)
    chosen = trace.requests.chosen(slice(int(trace.first[low]), int(trace.first[high])))
    return replace(chosen, minute=chosen.minute + start_minute - int(minutes[0]))


def play_repeated(trace: Trace, key: int, minutes: Ints, level: Floats) -> Requests:
    """The trace over and over, each request kept ``level`` times on average.

    Which are kept is a pure function of (key, minute, place in the minute): a level of 1.4 plays
    each request once and four in ten of them twice.
    """
    source = minutes % trace.minutes
    counts = trace.first[source + 1] - trace.first[source]
    minute = np.repeat(np.arange(minutes.size, dtype=np.int64), counts)
    place = np.arange(minute.size, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    index = np.repeat(trace.first[source], counts) + place
    chance = uniforms(key, minutes[minute] * np.int64(1 << 20) + place)
    copies = np.floor(level[minute] + chance).astype(np.int64)
    kept = trace.requests.chosen(np.repeat(index, copies))
    return replace(kept, minute=np.repeat(minute, copies))
