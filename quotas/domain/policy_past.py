"""What a pool held and what room it had, as arrays: asked a thousand times in one replay.

Times are whole microseconds since 1970, so they compare exactly. Rows are ledger entries; the sum
of those in force is what is held.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from quotas.domain.ledger import Entry, Step

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Ints = NDArray[np.int64]


class PoolPast:
    """`rooms` is the room over time, in order; the first one holds for all time before, too."""

    def __init__(self, entries: Sequence[Entry], rooms: Sequence[Step]) -> None:
        self._start = _ints([_micros(e.window.start) for e in entries])
        self._end = _ints([_micros(e.window.end) for e in entries])
        self._units = _ints([e.units for e in entries])
        self._request = _ints([e.request_id or 0 for e in entries])
        self._room_at = _ints([_micros(step.at) for step in rooms])
        self._room = _ints([step.units for step in rooms])

    def takes(self, wanted: Entry) -> bool:
        """Whether it fits at every instant, or was granted in whole anyhow. What fits is held from
        then on, in the place of what its request was granted.
        """
        start, end = _micros(wanted.window.start), _micros(wanted.window.end)
        mine = self._request == (wanted.request_id or -1)
        whole = mine & (self._units >= wanted.units) & (self._start <= start) & (self._end >= end)
        if whole.any():
            return True
        if not self._fits(~mine, start, end, wanted.units):
            return False
        self._units[mine] = 0
        self._start, self._end = np.append(self._start, start), np.append(self._end, end)
        self._units = np.append(self._units, np.int64(wanted.units))
        self._request = np.append(self._request, np.int64(wanted.request_id or 0))
        return True

    def _fits(self, others: NDArray[np.bool_], start: int, end: int, units: int) -> bool:
        """At every edge of what is held or of the room: between two edges nothing changes."""
        inside = others & (self._start < end) & (self._end > start)
        at, held = self._held(inside, start, end)
        rooms = self._room_at[(self._room_at > start) & (self._room_at < end)]
        edges = np.union1d(at, rooms)
        held_then = held[np.searchsorted(at, edges, side="right") - 1]
        return bool((held_then + units <= self._room_then(edges)).all())

    def _held(self, inside: NDArray[np.bool_], start: int, end: int) -> tuple[Ints, Ints]:
        """(edges, held from each on), the first edge at the start of the window."""
        begins, ends = np.maximum(self._start[inside], start), self._end[inside]
        units, over = self._units[inside], self._end[inside] < end
        times = np.concatenate([_ints([start]), begins, ends[over]])
        deltas = np.concatenate([_ints([0]), units, -units[over]])
        at, place = np.unique(times, return_inverse=True)
        steps = np.zeros(len(at), dtype=np.int64)
        np.add.at(steps, place, deltas)
        return at, np.cumsum(steps)

    def _room_then(self, edges: Ints) -> Ints:
        """No room where none was ever told."""
        if not len(self._room):
            return np.zeros(len(edges), dtype=np.int64)
        newest = np.searchsorted(self._room_at, edges, side="right") - 1
        return self._room[np.maximum(newest, 0)]


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
