"""Steps through time: to each next due moment, running the same task functions as beat does there.

A moment is due when the ledger has an edge or a change may be retried (reconcile), when a burst has
been up, or over, for so long that its people are told of it, and at every
slot
of the schedule (five minutes: inventory and usage; an hour: the last six hours; a day: the last two
days). Between two due moments nothing can happen, so nothing is skipped.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.windows import DAY, HOUR, floor_to
from portal.management.clocks import TwoClocks
from quotas import tasks as quotas_tasks
from quotas.services import burst_news, grant_news
from quotas.services.reconcile import next_due_moment
from showback import tasks as showback_tasks

SLOT = timedelta(minutes=5)


@dataclass(frozen=True)
class Stop:
    """One due moment: is it a slot of the schedule, or an edge only."""

    at: datetime
    is_slot: bool


def stops(start: datetime, until: datetime, *, with_schedule: bool) -> Iterator[Stop]:
    """Due moments in `(start, until]`, the last one being `until` itself; edges are asked as it
    goes.
    """
    at = start
    while at < until:
        slot = floor_to(at, SLOT) + SLOT
        due = (
            next_due_moment(after=at),
            burst_news.next_moment(after=at),
            grant_news.next_moment(after=at),
        )
        edges = [edge for edge in due if edge]
        candidates = [until, *([slot] if with_schedule else []), *edges]
        at = min(moment for moment in candidates if moment > at)
        yield Stop(at, with_schedule and at == slot)


def advance(
    clocks: TwoClocks,
    until: datetime,
    *,
    with_schedule: bool = True,
    report: Callable[[Stop], None] = lambda stop: None,
) -> int:
    """Moves both clocks to `until`, stop by stop. Returns how many stops were made."""
    made = 0
    for stop in stops(clocks.now(), until, with_schedule=with_schedule):
        clocks.set(stop.at)
        quotas_tasks.reconcile_now()
        quotas_tasks.keep_gateway_limits()
        quotas_tasks.tell_news()
        if stop.is_slot:
            run_slot(stop.at)
        report(stop)
        made += 1
    return made


def run_slot(at: datetime) -> None:
    """What beat would run at this slot, in the order in which one feeds the next."""
    quotas_tasks.sync_inventory()
    quotas_tasks.time_out_requests()
    quotas_tasks.look_ahead()
    if at == floor_to(at, DAY):
        showback_tasks.pull_nightly()
        showback_tasks.pull_callers_nightly()
        showback_tasks.compact_minutes()
        showback_tasks.drop_old_usage()
    elif at == floor_to(at, HOUR):
        showback_tasks.pull_recent()
        showback_tasks.pull_late_callers()
    else:
        showback_tasks.pull_usage()
        showback_tasks.pull_callers()
    showback_tasks.roll_up_and_cost()
