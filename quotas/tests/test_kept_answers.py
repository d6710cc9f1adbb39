"""A yes given before a plan is made anew: kept for what is the same, and for nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.models import AuditRow, Message, User
from quotas.models import Change, Deployment, Plan, Pool, Service
from quotas.services import drift, pools
from quotas.services.change_news import tell_of_snoozes_over
from quotas.tests.conftest import ask, reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
AGREED, SWITCHED = NOON + MINUTE, NOON + 2 * MINUTE


@pytest.fixture
def edited(chat: Service, azure: FakeAzure, pool: Pool) -> Change:
    """In a pool that observes: chat was set to 130 in Azure; the ledger wants 100."""
    azure.edit("chat", 130)
    sync(azure, NOON)
    reconcile_at(azure, NOON)
    return Change.objects.get(state="needs_human")


def switch(pool: Pool, by: User, mode: str = "apply") -> None:
    pools.switch_mode(pool, mode=mode, by=by, at=SWITCHED)


def test_a_yes_given_while_the_pool_observes_is_written_once_it_applies(
    edited: Change, azure: FakeAzure, pool: Pool, cleo: User
) -> None:
    drift.write_back(edited, by=cleo, reason="A mistake.", at=AGREED)
    reconcile_at(azure, AGREED)
    assert azure.writes == []
    told = Message.objects.count()
    switch(pool, cleo)
    reconcile_at(azure, SWITCHED)
    assert azure.writes == [("chat", 100)]
    done = Change.objects.get(state="succeeded")
    assert (done.answered_by, done.answer_reason, done.agreed_at) == (cleo, "A mistake.", AGREED)
    assert Message.objects.count() == told, "nobody is asked a second time"
    assert AuditRow.objects.filter(verb="change.agreed").count() == 1


def test_a_yes_to_something_else_is_none(
    edited: Change, azure: FakeAzure, pool: Pool, cleo: User
) -> None:
    drift.write_back(edited, by=cleo, reason="A mistake.", at=AGREED)
    azure.edit("chat", 140)
    sync(azure, AGREED)
    switch(pool, cleo)
    reconcile_at(azure, SWITCHED)
    assert azure.writes == []
    asks = Change.objects.get(state="needs_human")
    assert (asks.from_units, asks.answered_by) == (140, None)


def test_what_was_snoozed_stays_so_and_is_told_when_its_time_is_over(
    edited: Change, azure: FakeAzure, pool: Pool, cleo: User
) -> None:
    drift.snooze(edited, until=NOON + DAY, by=cleo, reason="A load test.", at=AGREED)
    told = Message.objects.count()
    switch(pool, cleo)
    reconcile_at(azure, SWITCHED)
    asks = Change.objects.get(state="needs_human")
    assert (asks.pk != edited.pk, asks.snoozed_until) == (True, NOON + DAY)
    assert (azure.writes, Message.objects.count()) == ([], told)
    assert tell_of_snoozes_over(at=NOON + DAY) == 1


def test_what_nobody_answered_is_asked_again(
    edited: Change, azure: FakeAzure, pool: Pool, cleo: User
) -> None:
    switch(pool, cleo)
    reconcile_at(azure, SWITCHED)
    assert azure.writes == []
    assert Change.objects.get(state="needs_human").pk != edited.pk


def test_a_yes_to_a_release_is_kept_over_two_switches(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    sku = {"sku_name": "GlobalProvisionedManaged"}
    Deployment.objects.filter(name="chat").update(**sku)
    azure.deployments = {key: replace(seen, **sku) for key, seen in azure.deployments.items()}
    ask(chat, ada, kind="baseline", units=-30, starts_at=None, starts_now=True, ends_at=None)
    reconcile_at(azure, NOON)
    switch(applying, cleo, "observe")
    drift.write_back(Change.objects.get(state="needs_human"), by=cleo, at=AGREED)
    reconcile_at(azure, AGREED)
    assert azure.writes == []
    switch(applying, cleo)
    reconcile_at(azure, SWITCHED)
    assert azure.writes == [("chat", 70)]


def test_a_yes_to_a_stopped_plan_is_kept_and_it_stops_for_nothing(
    azure: FakeAzure, pool: Pool, cleo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quotas.domain.plan.LARGE_PLAN_COUNT", 1)
    azure.edit("chat", 130)
    azure.edit("search", 230)
    sync(azure, NOON)
    reconcile_at(azure, NOON)
    stopped = Plan.objects.get()
    content = drift.content_of(stopped.changes.all())
    drift.allow_plan(stopped, content=content, by=cleo, at=AGREED)
    switch(pool, cleo)
    reconcile_at(azure, SWITCHED)
    assert sorted(azure.writes) == [("chat", 100), ("search", 200)]
    assert not Plan.objects.exclude(stopped_because="").exists()
