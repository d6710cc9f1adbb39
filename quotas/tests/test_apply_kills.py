"""A process that dies between any two steps of applying leaves a state that its successor repairs.

Each seam is killed at a start and again at the end of the same burst. Afterwards everything is as
if nobody had died: one plan and one verified change for each edge, one entry, each event told once.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from portal import audit
from portal.models import AuditRow, Notice, User
from quotas.models import AccountLease, Change, LedgerEntry, Pool, Service
from quotas.services import apply, gates, leases, reconcile
from quotas.services.burst_news import tell_of_bursts
from quotas.services.late_news import tell_of_late_ends
from quotas.tests.conftest import ask, reconcile_at
from quotas.tests.factories import NOON, FakeAzure, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
# Dies before the nth call of the step. Moves of a change: writing, polling, verifying, succeeded.
SEAMS: list[tuple[Any, str, int]] = [
    (reconcile, "plan_for", 1),
    (reconcile, "_store", 1),
    (reconcile, "because", 1),
    (reconcile, "tell_of_stopped", 1),
    (apply, "due_changes", 1),
    (leases, "take", 1),
    (FakeAzure, "read", 1),
    (apply, "_may_write", 1),
    (leases, "renew", 1),
    (gates, "lock_if_applying", 1),
    (apply, "move_change", 1),
    (FakeAzure, "begin_write", 1),
    (leases, "is_ours", 1),
    (apply, "move_change", 2),
    (FakeAzure, "poll", 1),
    (leases, "is_ours", 2),
    (apply, "move_change", 3),
    (FakeAzure, "read", 2),
    (apply, "_settle", 1),
    (apply, "move_change", 4),
    (audit, "record", 2),  # the row of the plan is the first, that of the verified change the next
    (leases, "release", 1),
]
# Where Azure answers at once, too.
AT_ONCE = [(FakeAzure, "begin_write", 1), (leases, "is_ours", 1), (apply, "_settle", 1)]
CASES = [(seam, True) for seam in SEAMS] + [(seam, False) for seam in AT_ONCE]
# Azure took the write, and nobody was left to keep the operation: read back, then sent again.
SENT_AGAIN = [("is_ours", 1), ("move_change", 2)]
VERBS = ["plan.made", "change.succeeded"]


class Killed(BaseException):
    """As SIGKILL is: nothing in our code catches it."""


def die_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: int) -> None:
    """The named step dies at its nth call, before it does anything; no lease is released then."""
    release = leases.release
    is_dead = False

    def unless_dead(*args: Any) -> None:
        if not is_dead:
            release(*args)

    monkeypatch.setattr(leases, "release", unless_dead)
    real, calls = getattr(module, name), []

    def step(*args: Any, **kwargs: Any) -> Any:
        nonlocal is_dead
        calls.append(args)
        if len(calls) == call:
            is_dead = True
            raise Killed(name)
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, step)


def run(azure: FakeAzure, at: datetime) -> None:
    """What beat runs in the minute after: twice, as a slow operation is asked about once a step."""
    reconcile_at(azure, at)
    reconcile_at(azure, at + 30 * SECOND)


def killed_then_followed(
    azure: FakeAzure, at: datetime, seam: tuple[Any, str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        die_at(dying, *seam)
        with pytest.raises(Killed):
            run(azure, at)
    AccountLease.objects.update(expires_at=NOON)
    run(azure, at + 2 * MINUTE)
    run(azure, at + 4 * MINUTE)
    tell_of_bursts(at=at + 5 * MINUTE)
    tell_of_late_ends(at=at + 5 * MINUTE)


@pytest.mark.parametrize(
    ("seam", "slow"), CASES, ids=lambda v: f"{v[1]}-{v[2]}" if isinstance(v, tuple) else f"slow-{v}"
)
def test_i10_whoever_dies_between_two_steps_is_followed_by_somebody_who_ends_the_same(
    seam: tuple[Any, str, int],
    slow: bool,
    chat: Service,
    applying: Pool,
    azure: FakeAzure,
    ada: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(chat, ada)
    azure.slow = slow
    killed_then_followed(azure, START, seam, monkeypatch)
    assert azure.units() == 140
    killed_then_followed(azure, END, seam, monkeypatch)
    assert azure.units() == 100
    sent = Counter(azure.writes)
    assert set(sent) == {("chat", 140), ("chat", 100)}
    assert max(sent.values()) <= 1 + (seam[1:] in SENT_AGAIN)
    assert Counter(Change.objects.values_list("state", flat=True)) == {"succeeded": 2}
    assert LedgerEntry.objects.filter(kind="burst").count() == 1
    verbs = Counter(AuditRow.objects.filter(verb__in=VERBS).values_list("verb", flat=True))
    assert verbs == dict.fromkeys(VERBS, 2)
    told = Notice.objects.exclude(event__startswith="request.").values_list("event", flat=True)
    assert Counter(told) == {"burst.applied": 1, "burst.ended": 1}
