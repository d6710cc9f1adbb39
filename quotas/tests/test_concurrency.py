"""What real connections do to one another: many approvals at once, a write while a plan is made."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection

from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import MINUTE, Window
from portal.models import AuditRow, User
from quotas.domain.ledger import steps_over
from quotas.domain.plan import plan_pool
from quotas.models import CapacityRequest, Change, Decision, LedgerEntry, Plan, Pool, Service
from quotas.selectors.rooms import pool_entries
from quotas.services import decisions, reconcile
from quotas.services.reserves import set_reserve
from quotas.tests.conftest import ask, reconcile_at
from quotas.tests.factories import NOON, FakeAzure, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls: list[Callable[[], Any]]) -> list[str]:
    """Runs each on a connection of its own, all let go together. The code of a refusal, or ""."""
    gate = Barrier(len(calls), timeout=20)

    def run(call: Callable[[], Any]) -> str:
        try:
            gate.wait()
            call()
        except DomainError as error:
            return error.code
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls, timeout=60))


def peak(pool: Pool) -> int:
    window = Window(START, END)
    return max(step.units for step in steps_over(pool_entries(pool, window), window))


def test_i01_many_approvals_at_once_never_grant_more_than_there_is(
    chat: Service, pool: Pool, ada: User, cleo: User
) -> None:
    """1,000 units, 300 held; sixteen ask for 150 each, each from a minute earlier on: all windows
    overlap, so four fit, whoever they are, and no one waits for ever or fails otherwise.
    """
    windows = [{"starts_at": START - n * MINUTE} for n in range(16)]
    asked = [ask(chat, ada, units=150, **window).pk for window in windows]

    def approve(pk: int) -> Callable[[], Any]:
        request = CapacityRequest.objects.get(pk=pk)
        return lambda: decisions.approve(request, by=cleo, note="", at=NOON)

    said = at_once([approve(pk) for pk in asked])
    assert sorted(said) == ["", "", "", "", *["pool_exhausted"] * 12]
    assert peak(pool) == 900
    assert Decision.objects.count() == LedgerEntry.objects.filter(kind="burst").count() == 4
    assert AuditRow.objects.filter(verb="burst.approved").count() == 4


def test_i01_people_and_policy_approve_at_once(
    chat: Service, search: Service, pool: Pool, ada: User, dan: User, cleo: User
) -> None:
    """What the policy grants at submit counts for the person who approves at that moment."""
    Pool.objects.update(reserve_units=100)
    waiting = ask(search, dan, units=550)
    calls: list[Callable[[], Any]] = [
        lambda: decisions.approve(waiting, by=cleo, note="", at=NOON),
        *[lambda: ask(chat, ada, units=50)] * 5,
    ]
    at_once(calls)
    pool.refresh_from_db()
    assert peak(pool) <= 900


def test_i01_a_reserve_and_approvals_at_once_never_promise_the_same_units(
    chat: Service, pool: Pool, ada: User, cleo: User
) -> None:
    """700 are free: 500 kept back and twice 150 granted do not fit together."""
    asked = [ask(chat, ada, units=150) for _ in range(2)]

    def approve(request: CapacityRequest) -> Callable[[], Any]:
        return lambda: decisions.approve(request, by=cleo, note="", at=NOON)

    said = at_once(
        [
            lambda: set_reserve(pool, units=500, reason="All at once.", by=cleo, at=NOON),
            *map(approve, asked),
        ]
    )
    assert len([code for code in said if code]) == 1
    kept = Pool.objects.get(pk=pool.pk).reserve_units
    assert (kept, peak(pool)) in {(500, 450), (0, 600)}


def test_i10_one_request_approved_by_many_at_once_is_granted_once(
    chat: Service, pool: Pool, ada: User, cleo: User
) -> None:
    request = ask(chat, ada, units=120)
    copies = [CapacityRequest.objects.get(pk=request.pk) for _ in range(6)]
    said = at_once(
        [lambda c=c: decisions.approve(c, by=cleo, note="", at=NOON) for c in copies]  # type: ignore[misc]
    )
    assert sorted(said) == ["", *[ChangedMeanwhile.code] * 5]
    assert LedgerEntry.objects.filter(kind="burst").count() == 1


def test_i10_two_workers_reconciling_at_once_write_once(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    said = at_once([lambda: reconcile_at(azure, START)] * 3)
    assert said == ["", "", ""]
    assert azure.writes == [("chat", 140)]
    assert Plan.objects.count() == 1
    assert AuditRow.objects.filter(verb="change.succeeded").count() == 1


def test_a_change_is_not_sent_while_it_is_being_replaced(
    chat: Service, pool: Pool, ada: User, cleo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the new plan would meet a change that is on its way, and fail as a whole."""
    ask(chat, ada)
    reconcile.plan_all(at=START)
    ask(chat, ada, units=10, at=START, starts_now=True)
    refused: list[OperationalError] = []

    def send() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            Change.objects.update(state="writing")
        except OperationalError as error:
            refused.append(error)
        finally:
            connection.close()

    def meanwhile(standings: Any) -> Any:
        with ThreadPoolExecutor(1) as other:
            other.submit(send).result(timeout=20)
        return plan_pool(standings)

    monkeypatch.setattr("quotas.services.reconcile.plan_pool", meanwhile)
    reconcile.plan_all(at=START)
    assert refused
    assert sorted(Change.objects.values_list("state", "to_units")) == [
        ("planned", 150),
        ("superseded", 140),
    ]
