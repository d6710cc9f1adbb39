"""Accounts side by side: what hangs in one keeps no other waiting."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Barrier, Event
from types import SimpleNamespace
from typing import Any

import pytest

from portal.models import User
from quotas.gateway import DeploymentSeen, WriteAnswer
from quotas.models import Change, Deployment, Pool, Service, Team
from quotas.services import lanes, reconcile
from quotas.services.apply import Stepped
from quotas.services.hands import Hand
from quotas.services.mapping import map_deployment
from quotas.tests import factories
from quotas.tests.conftest import ask, sync
from quotas.tests.factories import NOON, FakeAzure, deployment_seen, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
PATIENCE_SECONDS = 10


@dataclass
class HangingAzure(FakeAzure):
    """Reads of chat hang until lab was written to."""

    lab_is_written: Event = field(default_factory=Event)

    def read(self, deployment_resource_id: str) -> DeploymentSeen:
        if deployment_resource_id.endswith("/chat"):
            assert self.lab_is_written.wait(PATIENCE_SECONDS), "chat kept lab waiting"
        return super().read(deployment_resource_id)

    def note_write(self) -> None:
        if self.writes[-1][0] == "lab":
            self.lab_is_written.set()


@pytest.fixture
def azure() -> FakeAzure:
    found = HangingAzure().add(deployment_seen("chat", 100))
    found.after_write = found.note_write
    return found


@pytest.fixture
def lab(applying: Pool, azure: FakeAzure, atlas: Team, ada: User, cleo: User) -> Service:
    """Ada's second service; its deployment lies in an account of its own."""
    azure.add(deployment_seen("lab", 50, account="beta"))
    sync(azure, NOON)
    found = factories.service("Lab", atlas, ada)
    map_deployment(Deployment.objects.get(name="lab"), service=found, by=cleo, at=NOON)
    return found


@pytest.mark.django_db(transaction=True)
def test_a_call_that_hangs_keeps_no_other_account_waiting(
    chat: Service, lab: Service, ada: User, azure: HangingAzure
) -> None:
    ask(chat, ada)
    ask(lab, ada, units=20)
    reconcile.plan_all(at=START)
    chat_first = Change.objects.filter(deployment__name="chat")
    chat_first.update(not_before=START - timedelta(hours=1))
    steps = lanes.apply_side_by_side(gateway=azure, now=lambda: START, lanes=2)
    assert steps == 4  # of each a write, and its read-back
    assert azure.writes == [("lab", 70), ("chat", 140)]
    assert set(Change.objects.values_list("state", flat=True)) == {"succeeded"}


@pytest.mark.django_db(transaction=True)
def test_i12_a_grow_goes_on_once_the_shrink_in_another_account_is_done(
    chat: Service, lab: Service, ada: User, azure: HangingAzure
) -> None:
    azure.lab_is_written.set()
    ask(chat, ada)
    reconcile.plan_all(at=START)
    lanes.apply_side_by_side(gateway=azure, now=lambda: START, lanes=2)
    ask(lab, ada, units=20, starts_at=END, ends_at=END + timedelta(hours=2))
    reconcile.plan_all(at=END)
    lanes.apply_side_by_side(gateway=azure, now=lambda: END, lanes=2)
    assert azure.writes == [("chat", 140), ("chat", 100), ("lab", 70)]


def test_a_lane_that_waited_for_its_thread_begins_nothing_once_the_budget_is_spent(
    monkeypatch: pytest.MonkeyPatch, azure: HangingAzure
) -> None:
    clock, begun, both = [0.0], [], Barrier(2)

    def slow(*, account_id: int, deadline: float, **_: object) -> Stepped:
        begun.append((account_id, deadline))
        if account_id != 3:
            both.wait(PATIENCE_SECONDS)
            clock[0] = lanes.BUDGET_SECONDS
        return Stepped(1)

    monkeypatch.setattr(lanes, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(lanes, "_accounts_due", lambda at: ([1, 2, 3], {}))
    monkeypatch.setattr(lanes, "step_due", slow)
    assert lanes.apply_side_by_side(gateway=azure, now=lambda: START, lanes=2) == 2
    assert sorted(begun) == [(1, lanes.BUDGET_SECONDS), (2, lanes.BUDGET_SECONDS)]


@dataclass
class SlowAzure(FakeAzure):
    """Takes each write on, and is done with it when it is asked; `asks` is the wait it wants."""

    asks: timedelta = timedelta(seconds=0.1)

    def begin_write(self, deployment_resource_id: str, **asked: Any) -> WriteAnswer:
        answer = super().begin_write(deployment_resource_id, **asked)
        return replace(answer, retry_after=self.asks)


@pytest.fixture
def two_writes(
    chat: Service, applying: Pool, azure: FakeAzure, atlas: Team, ada: User, cleo: User
) -> Callable[[], datetime]:
    """Bursts of two deployments of one account begin. The clock runs on from there."""
    azure.add(deployment_seen("search", 200))
    sync(azure, NOON)
    search = factories.service("Search", atlas, ada)
    map_deployment(Deployment.objects.get(name="search"), service=search, by=cleo, at=NOON)
    ask(chat, ada)
    ask(search, ada, units=50)
    reconcile.plan_all(at=START)
    began = time.monotonic()
    return lambda: START + timedelta(seconds=time.monotonic() - began)


def slow_azure(asks: timedelta) -> SlowAzure:
    seen = deployment_seen("chat", 100), deployment_seen("search", 200)
    azure = SlowAzure(asks=asks, slow=True)
    azure.add(*seen)
    return azure


@pytest.mark.django_db(transaction=True)
def test_one_run_waits_for_what_azure_is_at_work_on_and_sends_the_next_write_then(
    two_writes: Callable[[], datetime],
) -> None:
    azure = slow_azure(timedelta(seconds=0.1))
    lanes.apply_side_by_side(gateway=azure, now=two_writes, lanes=2)
    assert azure.writes == [("chat", 140), ("search", 250)]
    assert set(Change.objects.values_list("state", flat=True)) == {"succeeded"}


@pytest.mark.django_db(transaction=True)
def test_what_azure_takes_long_for_is_left_to_the_next_run_and_the_worker_to_others(
    two_writes: Callable[[], datetime],
) -> None:
    azure, began = slow_azure(timedelta(seconds=20)), time.monotonic()
    assert lanes.apply_side_by_side(gateway=azure, now=two_writes, lanes=2) == 1
    assert time.monotonic() - began < lanes.LONGEST_PAUSE_SECONDS
    later = lambda: two_writes() + timedelta(seconds=20)  # noqa: E731
    azure.asks = timedelta(0)
    lanes.apply_side_by_side(gateway=azure, now=later, lanes=2)
    assert set(Change.objects.values_list("state", flat=True)) == {"succeeded"}


@pytest.mark.parametrize(("age", "wait"), [(2, 1), (20, 5), (900, 30)])
def test_an_operation_is_asked_about_the_less_often_the_longer_it_takes(
    age: int, wait: int
) -> None:
    hand = Hand(FakeAzure(), "", START, lambda: START)
    unasked = WriteAnswer(done=False)
    found = hand.next_poll(unasked, written_at=START - timedelta(seconds=age))
    assert found == START + timedelta(seconds=wait)
    patient = replace(unasked, retry_after=timedelta(minutes=2))
    assert hand.next_poll(patient, written_at=START) == START + timedelta(minutes=2)
