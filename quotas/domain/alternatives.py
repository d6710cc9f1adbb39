"""Which of the options that fit are offered, and in what order. Pure.

The order, first rule first:

1. fewest changes of what was asked (window, length, amount, place);
2. approved at once before what people are asked for, or what is not known;
3. the start nearest to the one that was asked;
4. least cut off what was asked, in unit-minutes;
5. the place that was asked before another; then the earlier, the shorter, the smaller amount and
   the smaller place number, so that no two are equal and the order does not depend on how the
   places were read.

What the policy refuses is left out, and every place in which the service's data must not be.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from portal.kernel.windows import Window
from quotas.domain.options import Change, Option, Source, Wish, options
from quotas.domain.policy_rules import Outcome
from quotas.domain.residency import why_barred

MOST = 6

Judge = Callable[[Option], Outcome | None]


def alternatives(wish: Wish, sources: Sequence[Source], judge: Judge) -> list[Option]:
    """At most `MOST`, the best first; the first of the sources is the one that was asked of. Empty
    where nothing fits.
    """
    found: dict[tuple[int, int, Window], Option] = {}
    for index, source in enumerate(sources):
        if why_barred(wish.allowed, source.place, source.home):
            continue
        for option in options(wish, source, is_asked=index == 0):
            found[option.source, option.units, option.window] = option
    judged = [replace(option, outcome=judge(option)) for option in found.values()]
    kept = [option for option in judged if option.outcome != Outcome.DENY]
    return sorted(kept, key=rank)[:MOST]


def rank(option: Option) -> tuple[Any, ...]:
    """Smaller is better; no two options of one wish are equal."""
    return (
        len(option.changes),
        option.outcome != Outcome.AUTO,
        option.delay,
        option.cut,
        Change.PLACE in option.changes,
        option.window,
        option.units,
        option.source,
    )
