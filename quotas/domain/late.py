"""Ends that are late: since when a deployment has more than the ledger wants, and how often that is
said by then. Pure.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from portal.kernel.windows import DAY, HOUR, MINUTE, Window
from quotas.domain.ledger import Entry, steps_over

LATE_FROM = MINUTE  # pages say it from here on
ALARMS = (5 * MINUTE, 15 * MINUTE, HOUR)  # and then each hour
INSTANT = timedelta(microseconds=1)


def late_since(entries: Sequence[Entry], actual_units: int, at: datetime) -> datetime:
    """Since when, without a break until `at`, less was wanted of one deployment than it has. `at`
    itself where that is not so.
    """
    since = at
    first = min((entry.window.start for entry in entries), default=at)
    if first > at:
        return at
    for step in reversed(steps_over(entries, Window(first, at + INSTANT))):
        if step.units >= actual_units:
            break
        since = step.at
    return since


def late_alarms(late: timedelta, *, applies: bool) -> int:
    """How many alarms an end that is so late has had by now. Where Headroom only observes, a person
    has to take it back: once a day.
    """
    if not applies:
        return late // DAY
    return sum(1 for step in ALARMS if late >= step) + max(0, late // HOUR - 1)
