"""What a freeze lets be written. Pure.

It holds back starts and changes of the baseline, never ends: Azure has one number for each
deployment, so this says how far that number may move now. While a freeze lasts nothing grows, and a
decrease goes as far as ends explain it: what baselines gave up since the freeze began stays until
it is over. Before it begins, only what people would see start inside it is held back, though its
lead begins before.
"""

from collections.abc import Iterable
from datetime import datetime

from portal.kernel.windows import Window


def frozen_since(freezes: Iterable[Window], at: datetime) -> datetime | None:
    """Since when nothing was to move, without a break; None where no freeze lasts at `at`.

    Freezes that overlap or meet are one, so that what the first held back is not let go by the
    second.
    """
    since: datetime | None = None
    for freeze in sorted((f for f in freezes if f.start <= at), key=lambda f: f.end, reverse=True):
        goes_on = freeze.end > at if since is None else freeze.end >= since
        if goes_on:
            since = min(since or freeze.start, freeze.start)
    return since


def writable_in_freeze(wanted: int, actual: int, given_up: int) -> int:
    """Units that may be written while a freeze lasts; `actual` where nothing may move.

    `given_up` are the units that the deployment's baselines lost since it began (0 where they lost
    none).
    """
    return actual if wanted >= actual else min(actual, wanted + max(0, given_up))


def writable_before_freeze(wanted: int, actual: int, starting_inside: int) -> int:
    """The same in the lead before one, of which `starting_inside` units are to start inside it."""
    return wanted if wanted <= actual else max(actual, wanted - starting_inside)
