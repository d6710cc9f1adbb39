"""Percentiles of minutes. Nearest rank: every answer is a minute that really was."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def percentiles(values: Ints, ranks: Sequence[float]) -> list[int] | None:
    """The smallest values that at least that share of the minutes does not exceed.

    `ranks` are fractions (0.95); `values` hold no gaps. None without any value.
    """
    if not values.size:
        return None
    ordered = np.sort(values)
    positions = [max(0, int(np.ceil(rank * len(ordered))) - 1) for rank in ranks]
    return [int(ordered[position]) for position in positions]
