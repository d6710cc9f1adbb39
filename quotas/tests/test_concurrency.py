"""What real connections do to one another: many approvals at once, a write while a plan is made."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection

from portal.kernel.errors import ChangedMeanwhile
from portal.kernel.windows import MINUTE, Window
from portal.models import AuditRow, User
from quotas.domain.ledger import steps_over
from quotas.domain.plan import plan_pool
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Change, Decision, LedgerEntry, Plan, Pool, Service
from quotas.selectors.rooms import pool_entries
from quotas.services import decisions, offers, reconcile
from quotas.services.asking import Draft, draft_of
from quotas.services.edits import edit
from quotas.services.give_back import give_back
from quotas.services.requests import submit, withdraw
from quotas.services.reserves import set_reserve
from quotas.tests.conftest import ask, reconcile_at
from quotas.tests.factories import NOON, FakeAzure, utc
from quotas.tests.machine.base import at_once
from quotas.tests.machine.judge import judge_ledger
from quotas.tests.machine.picture import take_picture
from quotas.tests.machine.world import World, make_world

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(transactional_db: None) -> World:
    made = make_world()
    made.start_again(0 * MINUTE)
    return made


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


def asks(world: World, **facts: Any) -> CapacityRequest:
    """By Ada, for 150 units of chat tomorrow from 10 to 18: one owner has to say yes."""
    deployment = world.deployment(facts.pop("of", "chat"))
    asked = {"starts_at": START, "ends_at": END, "units": 150, "occasion": "launch"} | facts
    draft = Draft(deployment.service, deployment, purpose="All at once.", **asked)
    return submit(draft, by=world.people["ada"], at=NOON)


def sixteen_steps(world: World) -> list[Callable[[], Any]]:
    """Nine approvals, of three kinds; a transfer, less of a baseline, an end, an edit, an offer
    that is held, a withdrawal and a reserve.
    """
    ada, cleo = world.people["ada"], world.people["cleo"]

    def yes(request: CapacityRequest) -> Callable[[], Any]:
        return lambda: decisions.approve(request, by=cleo, note="", at=NOON)

    lasting: dict[str, Any] = {"kind": "baseline", "ends_at": None, "occasion": ""}
    moving = {**lasting, "kind": "transfer", "units": 20, "of": "bot"}
    running, short = asks(world, units=20), asks(world, units=60, ends_at=END - MINUTE)
    yes(short)()
    short = CapacityRequest.objects.get(pk=short.pk)
    longer = asks(world, kind="extension", parent=short, ends_at=END + 30 * MINUTE)
    changing, offered, leaving = asks(world), asks(world), asks(world)
    changed, offer = replace(draft_of(changing), units=160), Terms(100, Window(START, END))
    same = CapacityRequest.objects.get(pk=changing.pk)
    return [
        *(yes(asks(world, starts_at=START - n * MINUTE)) for n in range(5)),
        *(yes(asks(world, **lasting, units=100)) for _ in range(2)),
        yes(changing),
        yes(longer),
        lambda: asks(world, **moving, to_deployment=world.deployment("chat")),
        lambda: asks(world, **lasting, units=-30),
        lambda: give_back(running, by=ada, reason="", at=NOON),
        lambda: edit(same, changed, by=ada, at=NOON),
        lambda: offers.counter_offer(offered, offer, by=cleo, note="", at=NOON),
        lambda: withdraw(leaving, by=ada, at=NOON),
        lambda: set_reserve(world.pool, units=200, reason="All at once.", by=cleo, at=NOON),
    ]


def test_i01_sixteen_steps_of_every_kind_at_once_share_what_there_is(world: World) -> None:
    """On one pool of 1,000 with 350 held: what is refused is refused for want of room, or because
    another came first; nobody waits for ever, nothing fails.
    """
    calls, before = sixteen_steps(world), take_picture()
    said = at_once(calls)
    assert len(said) == 16
    assert set(said) <= {"", "pool_exhausted", "reserve_too_large", ChangedMeanwhile.code}
    assert said.count("") >= 6
    judge_ledger(before, take_picture(), at=NOON, lead=0 * MINUTE)


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
