"""Stretches of a chart of which not everything arrived: what is hatched, how it is said. Pure.

Every chart of use has them in its specification as `gaps` (`static/js/chart_gaps.js` draws them),
in its summary, and in the rows of its table.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from portal.kernel.formatting_times import duration
from portal.kernel.series import runs

INCOMPLETE = " (incomplete)"


def stretches(missing: Sequence[bool]) -> list[tuple[int, int]]:
    """Half-open `[from, until)` places of each run that is marked."""
    edges = [*runs(missing), (len(missing), False)]
    return [(start, end) for (start, is_missing), (end, _) in pairwise(edges) if is_missing]


def words_of(missing: Sequence[bool], step: timedelta) -> str:
    """One sentence for the summary: `Hatched: 1 h 30 min were not received.`; "" without a gap."""
    count = sum(missing)
    if not count:
        return ""
    if step == timedelta(days=1):
        some = "1 day is" if count == 1 else f"{count} days are"
        return f"Hatched: {some} incomplete."
    verb = "was" if step * count == timedelta(minutes=1) else "were"
    whole = "" if step == timedelta(minutes=1) else "wholly "
    return f"Hatched: {duration(step * count)} {verb} not {whole}received."
