"""The arrays of one pull: all deployments together, so that numpy works on them in one go."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from showback.domain.measures import NEWER, OLDER
from showback.gateway import MEASURES, MISSING, Series

Key = tuple[str, str]  # account, deployment
REQUEST_MEASURES = ("ok", "throttled", "other", "spilled")
REQUEST_ROWS = [MEASURES.index(measure) for measure in REQUEST_MEASURES]
# Several series (statuses, tiers) add up to one of these.
ADDED_ROWS = [*REQUEST_ROWS, MEASURES.index("priority")]
TOKEN_ROWS = [MEASURES.index(measure) for measure in ("prompt", "generated")]
Ints = NDArray[np.int64]
Families = NDArray[np.int8]
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
        is_count = np.isin(rows[1], ADDED_ROWS)[:, None]
        has_value = ~np.isnan(values)
        whole = np.rint(np.where(has_value, values, 0)).astype(np.int64)
        new = np.where(is_count, np.maximum(there, 0), 0) + whole
        self._values[*rows, slots] = np.where(has_value, new, there)

    @property
    def keys(self) -> list[Key]:
        return list(self._place)

    def values(self) -> Ints:
        """(keys, MEASURES, slots). Where one status was measured, the silent ones are nought;
        elsewhere all stay MISSING.
        """
        requests = self._values[: len(self._place), REQUEST_ROWS]
        measured = (requests != MISSING).any(axis=1, keepdims=True)
        found = self._values[: len(self._place)].copy()
        found[:, REQUEST_ROWS] = np.where(measured & (requests == MISSING), 0, requests)
        return found


def joined(older: UsageTable, newer: UsageTable) -> tuple[dict[Key, Series], dict[Key, Families]]:
    """The series of both families, and slot by slot which of them each was read from.

    Every value is of one family: the older one's where it has any, else the newer one's. All
    statuses of a slot go together, and with them the tier.
    """
    keys, values = older.keys, older.values()
    families = _came(values) * np.int8(OLDER)
    if newer.keys:
        keys, values, other = _aligned(older, newer)
        counted = (values[:, REQUEST_ROWS] != MISSING).any(axis=1)
        was_there = values != MISSING
        was_there[:, ADDED_ROWS] = counted[:, None]
        chosen = np.where(was_there, values, other)
        families = _came(values) * np.int8(OLDER)
        families |= _came(np.where(was_there, MISSING, other)) * np.int8(NEWER)
        values = chosen
    return (
        {key: Series(values[place]) for place, key in enumerate(keys)},
        {key: families[place] for place, key in enumerate(keys)},
    )


def _came(values: Ints) -> Families:
    """(keys, slots): 1 where any count came."""
    return (values[:, REQUEST_ROWS + TOKEN_ROWS] != MISSING).any(axis=1).astype(np.int8)


def _aligned(older: UsageTable, newer: UsageTable) -> tuple[list[Key], Ints, Ints]:
    """Both tables with the same keys in the same order."""
    keys = list(dict.fromkeys([*older.keys, *newer.keys]))
    place = {key: position for position, key in enumerate(keys)}
    tables = []
    for table in (older, newer):
        found = table.values()
        wide = np.full((len(keys), *found.shape[1:]), MISSING, dtype=np.int64)
        wide[[place[key] for key in table.keys]] = found
        tables.append(wide)
    return keys, tables[0], tables[1]
