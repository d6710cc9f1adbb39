"""What was held at each step of a chart: the baseline, and the bursts above it."""

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from portal.kernel.windows import Window

Ints = NDArray[np.int64]


def held_at_steps(spans: Iterable[tuple[Window, int]], window: Window, step: timedelta) -> Ints:
    """Units in force at the start of each step. At the minute a span ends, it is over."""
    slots = int(window.length / step)
    changes = np.zeros(slots + 1, dtype=np.int64)
    for span, units in spans:
        first = -(-(span.start - window.start) // step)
        last = -(-(span.end - window.start) // step)
        changes[min(max(first, 0), slots)] += units
        changes[min(max(last, 0), slots)] -= units
    return changes.cumsum()[:slots]
