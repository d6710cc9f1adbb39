"""Accounts side by side, each in a lane of its own: what hangs in one keeps no other waiting.

Azure takes one write at a time per account, so nothing is gained by two lanes for one account, and
nothing is lost by many accounts at once. A grow that waited for another account's shrink is due
again as soon as that one's lane has made a step. What Azure is at work on is waited for, as the
account stands still meanwhile; only what it takes long for is left to the next run.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread

from django.db import connection

from quotas.gateway import CapacityGateway
from quotas.services.apply import BUDGET_SECONDS, Stepped, apply_due, step_due
from quotas.services.due import steppable
from quotas.services.gates import ON_THE_WAY

Now = Callable[[], datetime]
# What is looked at again later than that is left to the next run, and the worker to others.
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Turn:
    """What a lane did at an account, and how it left it; or the error that ended it."""

    account_id: int
    stepped: Stepped = Stepped()
    error: Exception | None = None


def apply_side_by_side(*, gateway: CapacityGateway, now: Now, lanes: int) -> int:
    """As `apply_due`, up to `lanes` accounts at a time. Returns the steps made.

    With one lane all is done in this thread, and nothing is waited for. Each other lane has a
    thread and a connection to the database for as long as it runs. All share one time budget: a
    lane that waited for its thread has what is left of it, and none begins once it is spent.
    """
    if lanes <= 1:
        return apply_due(gateway=gateway, now=now)
    deadline = time.monotonic() + BUDGET_SECONDS
    due, later = _accounts_due(now())

    def turn(account_id: int) -> Turn:
        return _turn(account_id, gateway, now, deadline)

    with _threads(min(lanes, len(due) + len(later)), turn) as (asked, ended):
        return _Round(asked, ended, now, deadline, later=later).run(due)


@dataclass
class _Round:
    """Whose turn it is. All of it is kept in this thread; lanes are told by the queues."""

    asked: "SimpleQueue[int | None]"
    ended: "SimpleQueue[Turn]"
    now: Now
    deadline: float
    running: int = 0
    steps: int = 0
    later: dict[int, datetime] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)
    error: Exception | None = None

    def run(self, accounts: list[int]) -> int:
        """Raises what a lane raised, when the others have ended."""
        self._begin(accounts)
        while self.running or self._is_soon():
            self._take(self._pause())
            at = self.now()
            self._begin([each for each, due in self.later.items() if due <= at])
        if self.error is not None:
            raise self.error
        return self.steps

    @property
    def is_over(self) -> bool:
        return self.error is not None or time.monotonic() >= self.deadline

    def _begin(self, accounts: list[int]) -> None:
        for account_id in [] if self.is_over else accounts:
            self.later.pop(account_id, None)
            self.waiting.discard(account_id)
            self.asked.put(account_id)
            self.running += 1

    def _pause(self) -> float | None:
        """Seconds until somebody's turn comes; None where nobody's does in this run."""
        if self.is_over or not self.later:
            return None
        return max(0.0, (min(self.later.values()) - self.now()).total_seconds())

    def _is_soon(self) -> bool:
        pause = self._pause()
        if pause is None or pause > LONGEST_PAUSE_SECONDS:
            return False
        return time.monotonic() + pause < self.deadline

    def _take(self, pause: float | None) -> None:
        try:
            turn = self.ended.get(timeout=pause)
        except Empty:
            return
        self.running -= 1
        done, self.error = turn.stepped, self.error or turn.error
        self.steps += done.steps
        if done.steps:
            self._begin(list(self.waiting))
        if done.again_at is not None:
            self.later[turn.account_id] = done.again_at
        if done.waits:
            self.waiting.add(turn.account_id)


def _accounts_due(at: datetime) -> tuple[list[int], dict[int, datetime]]:
    """Each once, in the order in which their changes are due; and of the others those where
    something is out, with when it is to be asked about.
    """
    rows = steppable().order_by("not_before", "position", "pk")
    found = list(rows.values_list("deployment__account", "state", "not_before"))
    due = dict.fromkeys(account for account, _, moment in found if moment <= at)
    later = {
        account: moment
        for account, state, moment in reversed(found)
        if account not in due and state in ON_THE_WAY
    }
    return list(due), later


def _turn(account_id: int, gateway: CapacityGateway, now: Now, deadline: float) -> Turn:
    if time.monotonic() >= deadline:
        return Turn(account_id)
    try:
        done = step_due(gateway=gateway, now=now, account_id=account_id, deadline=deadline)
        return Turn(account_id, done)
    except Exception as error:  # told to whoever asked for the round
        return Turn(account_id, error=error)


@contextmanager
def _threads(
    count: int, turn: Callable[[int], Turn]
) -> Iterator[tuple["SimpleQueue[int | None]", "SimpleQueue[Turn]"]]:
    asked: SimpleQueue[int | None] = SimpleQueue()
    ended: SimpleQueue[Turn] = SimpleQueue()

    def work() -> None:
        try:
            while (account_id := asked.get()) is not None:
                ended.put(turn(account_id))
        finally:
            connection.close()

    lanes = [
        Thread(target=copy_context().run, args=(work,), name=f"lane_{n}") for n in range(count)
    ]
    for lane in lanes:
        lane.start()
    try:
        yield asked, ended
    finally:
        for _ in lanes:
            asked.put(None)
        for lane in lanes:
            lane.join()
