"""Accounts side by side, each in a lane of its own: what hangs in one keeps no other waiting.

Azure takes one write at a time per account, so nothing is gained by two lanes for one account, and
nothing is lost by many accounts at once. A grow that waited for another account's shrink is due
again as soon as that one's lane has made a step.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime

from django.db import connection

from quotas.gateway import CapacityGateway
from quotas.services.apply import BUDGET_SECONDS, apply_due, due_changes

Now = Callable[[], datetime]


def apply_side_by_side(*, gateway: CapacityGateway, now: Now, lanes: int) -> int:
    """As `apply_due`, up to `lanes` accounts at a time. Returns the steps made.

    With one lane all is done in this thread. Each other lane has a thread and a connection to the
    database for as long as it runs. All share one time budget: a lane that waited for its thread
    has what is left of it, and none begins once it is spent.
    """
    if lanes <= 1:
        return apply_due(gateway=gateway, now=now)
    deadline, steps = time.monotonic() + BUDGET_SECONDS, 0
    running: dict[Future[int], int] = {}
    with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as threads:

        def begin(accounts: Iterable[int]) -> None:
            for account in accounts:
                lane = threads.submit(copy_context().run, _lane, account, gateway, now, deadline)
                running[lane] = account

        begin(_accounts_due(now(), set()))
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for lane in done:
                del running[lane]
            made = sum(lane.result() for lane in done)
            steps += made
            if made and time.monotonic() < deadline:
                begin(_accounts_due(now(), set(running.values())))
    return steps


def _accounts_due(at: datetime, but: set[int]) -> Iterable[int]:
    """Each once, in the order in which their changes are due."""
    found = (change.deployment.account_id for change in due_changes(at))
    return dict.fromkeys(account for account in found if account not in but)


def _lane(account_id: int, gateway: CapacityGateway, now: Now, deadline: float) -> int:
    if time.monotonic() >= deadline:
        return 0
    try:
        return apply_due(gateway=gateway, now=now, account_id=account_id, deadline=deadline)
    finally:
        connection.close()
