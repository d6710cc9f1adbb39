"""The arrays of one pull: all deployments together, so that numpy works on them in one go."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from showback.gateway import MEASURES, MISSING, Series

Key = tuple[str, str]  # account, deployment
REQUEST_MEASURES = ("ok", "throttled", "other", "spilled")
REQUEST_ROWS = [MEASURES.index(measure) for measure in REQUEST_MEASURES]
FIRST_SIZE = 64


class UsageTable:
    """(deployments, MEASURES, slots), MISSING where nothing came; grows with each new name."""

    def __init__(self, slots: int) -> None:
        self._place: dict[Key, int] = {}
        self._values = np.full((FIRST_SIZE, len(MEASURES), slots), MISSING, dtype=np.int64)

    def place_of(self, key: Key) -> int:
        place = self._place.setdefault(key, len(self._place))
        if place == len(self._values):
            more = np.full_like(self._values, MISSING)
            self._values = np.concatenate([self._values, more])
        return place

    def add(
        self,
        places: Sequence[int],
        measures: Sequence[int],
        slots: slice,
        values: NDArray[np.float64],
    ) -> None:
        """Takes in rows of values, of which nan is none; no (place, measure) may come twice.

        Counts of several series (statuses) meet in one measure, so requests are added to what is
        there; every other measure is replaced.
        """
        rows = np.array(places), np.array(measures)
        there = self._values[*rows, slots]
        is_count = np.isin(rows[1], REQUEST_ROWS)[:, None]
        has_value = ~np.isnan(values)
        whole = np.rint(np.where(has_value, values, 0)).astype(np.int64)
        new = np.where(is_count, np.maximum(there, 0), 0) + whole
        self._values[*rows, slots] = np.where(has_value, new, there)

    def series(self) -> dict[Key, Series]:
        """Where one status was measured, the silent ones are nought; elsewhere all stay MISSING."""
        requests = self._values[: len(self._place), REQUEST_ROWS]
        measured = (requests != MISSING).any(axis=1, keepdims=True)
        settled = self._values[: len(self._place)].copy()
        settled[:, REQUEST_ROWS] = np.where(measured & (requests == MISSING), 0, requests)
        return {key: Series(settled[place]) for key, place in self._place.items()}
