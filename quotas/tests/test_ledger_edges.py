"""Edges of asking, deciding, mapping and taking in: what the ledger must never get wrong."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.kernel.errors import ChangedMeanwhile, CloudError, CloudReason, DomainError
from portal.models import AuditRow, User
from quotas import tasks
from quotas.domain.policy import DEFAULT
from quotas.domain.states import RequestState, deadline
from quotas.models import (
    CapacityRequest,
    Change,
    Decision,
    Deployment,
    LedgerEntry,
    Pool,
    PoolLimit,
    Service,
    SyncRun,
)
from quotas.selectors.rooms import room_of
from quotas.services import decisions, drift, inventory, mapping
from quotas.services.give_back import give_back
from quotas.tests import factories
from quotas.tests.conftest import ask, reconcile_at, sync
from quotas.tests.factories import NOON, SUBSCRIPTION, FakeAzure, deployment_seen, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
LATER = NOON + timedelta(minutes=5)
BIG: dict[str, Any] = {"units": 120}


def held(name: str, at: object, **more: object) -> int:
    rows = LedgerEntry.objects.filter(deployment__name=name, **more)
    return sum(row.units for row in rows.in_force_at(at))  # type: ignore[arg-type]


def test_deciding_on_what_somebody_just_decided_says_so(
    chat: Service, ada: User, cleo: User
) -> None:
    request = ask(chat, ada, **BIG)
    stale = [CapacityRequest.objects.get(pk=request.pk) for _ in range(2)]
    decisions.approve(request, by=cleo, note="", at=NOON)
    with pytest.raises(ChangedMeanwhile):
        decisions.approve(stale[0], by=cleo, note="", at=NOON)
    with pytest.raises(ChangedMeanwhile):
        decisions.deny(stale[1], by=cleo, note="No.", at=NOON)
    assert Decision.objects.count() == 1


def test_i05_an_approval_of_content_that_changed_meanwhile_is_void(
    chat: Service, ada: User, cleo: User
) -> None:
    request = ask(chat, ada, **BIG)
    CapacityRequest.objects.filter(pk=request.pk).update(units=300, content_hash="other")
    with pytest.raises(ChangedMeanwhile):
        decisions.approve(request, by=cleo, note="", at=NOON)
    assert not LedgerEntry.objects.filter(kind="burst").exists()


def test_nothing_is_granted_on_a_deployment_that_is_gone(
    chat: Service, ada: User, cleo: User
) -> None:
    request = ask(chat, ada, **BIG)
    Deployment.objects.filter(name="chat").update(gone_at=NOON)
    request = CapacityRequest.objects.get(pk=request.pk)
    with pytest.raises(DomainError, match="no longer in Azure"):
        decisions.approve(request, by=cleo, note="", at=NOON)
    assert not LedgerEntry.objects.filter(kind="burst").exists()


def test_i02_the_ledger_speaks_in_whole_minutes(chat: Service, ada: User, cleo: User) -> None:
    odd = timedelta(seconds=17, microseconds=123)
    now = ask(chat, ada, at=NOON + odd, starts_now=True, ends_at=END + odd)
    late = ask(chat, ada, at=NOON, **BIG)
    decisions.approve(late, by=cleo, note="", at=START + odd)
    for entry in LedgerEntry.objects.filter(kind="burst"):
        for edge in (entry.effective_from, entry.effective_until):
            assert (edge.second, edge.microsecond) == (0, 0)
    assert now.starts_at == NOON
    assert LedgerEntry.objects.get(request=late).effective_from == START


def test_a_burst_from_now_on_needs_no_room_in_the_past(
    chat: Service, search: Service, pool: Pool, ada: User, dan: User, cleo: User
) -> None:
    Pool.objects.update(lead=timedelta(minutes=15))
    decisions.approve(ask(search, dan, units=600), by=cleo, note="", at=NOON)
    chat = Service.objects.get(pk=chat.pk)
    after = END + timedelta(minutes=5)
    asked = ask(chat, ada, at=after, units=600, starts_now=True, ends_at=after + timedelta(hours=1))
    assert asked.state == "in_review"


@pytest.mark.parametrize("minutes", [1, 10, 20, 29, 31, 600])
def test_i08_no_answer_is_awaited_after_the_end(minutes: int) -> None:
    end = NOON + timedelta(minutes=minutes)
    due = deadline(
        RequestState.IN_REVIEW, since=NOON, ends_at=end, stage_hours=DEFAULT.review_hours
    )
    assert NOON < due <= end


def test_mapping_moves_what_is_left_of_every_adopted_entry(
    pool: Pool, azure: FakeAzure, cleo: User, atlas: object, ada: User
) -> None:
    azure.edit("chat", 70)
    sync(azure, LATER)
    Pool.objects.update(mode="apply")
    reconcile_at(azure, LATER)
    drift.adopt(Change.objects.get(), by=cleo, reason="Agreed.", at=LATER)
    service = factories.service("Chat", atlas, ada)  # type: ignore[arg-type]
    mapping.map_deployment(Deployment.objects.get(name="chat"), service=service, by=cleo, at=LATER)
    for at, units in ((NOON, 100), (LATER, 70)):
        assert held("chat", at, service=None) == 0
        assert held("chat", at, service=service) == units


def test_a_deployment_adopted_when_its_pool_became_known_is_no_drift(
    azure: FakeAzure, ada: User, cleo: User, atlas: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = azure.inventory
    monkeypatch.setattr(azure, "inventory", lambda s: replace(seen(s), model_skus=()))
    sync(azure, NOON)
    assert not LedgerEntry.objects.exists()
    azure.edit("chat", 120)
    monkeypatch.setattr(azure, "inventory", seen)
    sync(azure, LATER)
    chat = Deployment.objects.get(name="chat")
    assert (chat.settled_units, held("chat", LATER)) == (120, 120)


def test_a_sync_that_began_before_a_read_back_does_not_undo_it(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(chat, ada)
    before = azure.inventory(SUBSCRIPTION)
    reconcile_at(azure, START)
    inventory.take_in(before, at=START - timedelta(seconds=40))
    assert Deployment.objects.get(name="chat").capacity_units == 140
    reconcile_at(azure, START + timedelta(seconds=30))
    assert not Change.objects.filter(state="needs_human").exists()


def test_a_deployment_made_while_a_sync_was_running_is_not_gone(
    synced: FakeAzure,
) -> None:
    before = synced.inventory(SUBSCRIPTION)
    synced.add(deployment_seen("new", 10))
    sync(synced, LATER)
    inventory.take_in(before, at=LATER - timedelta(seconds=40))
    assert Deployment.objects.get(name="new").gone_at is None


def test_a_deployment_that_changes_its_pool_takes_its_entries_along(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    """As when Azure moves a model to another bucket: nothing is held twice, and the end comes."""
    burst = ask(chat, ada)
    reconcile_at(azure, START)
    azure.usage_name = "OpenAI.DataZoneStandard.gpt-4o"
    move = START + timedelta(hours=1)
    sync(azure, move)
    new = Pool.objects.get(usage_name=azure.usage_name)
    rows = LedgerEntry.objects.in_force_at(move)
    assert sum(row.units for row in rows.filter(pool=applying)) == 0
    assert sum(row.units for row in rows.filter(pool=new)) == 340
    assert sum(r.units for r in LedgerEntry.objects.in_force_at(move - timedelta(minutes=1))) == 340
    assert room_of(new).units == 1000
    Pool.objects.update(mode="apply", lead=timedelta(0))
    give_back(burst, by=ada, reason="", at=move + timedelta(hours=1))
    reconcile_at(azure, move + timedelta(hours=1))
    assert azure.units() == 100
    sync(azure, move + timedelta(hours=2))
    assert held("chat", move + timedelta(hours=2)) == 100
    assert AuditRow.objects.filter(verb="deployment.pool_changed").count() == 2


def test_an_open_change_of_the_former_pool_blocks_no_plan(
    chat: Service, search: Service, applying: Pool, azure: FakeAzure, ada: User, dan: User
) -> None:
    ask(chat, ada)
    ask(search, dan, units=50)
    azure.refusals = [CloudError(CloudReason.FORBIDDEN, "Not allowed.") for _ in range(2)]
    reconcile_at(azure, START)
    azure.usage_name = "A.DataZoneStandard.gpt-4o"  # comes before the former pool
    sync(azure, START + timedelta(minutes=1))
    Pool.objects.update(mode="apply")
    reconcile_at(azure, START + timedelta(minutes=2))
    assert (azure.units("chat"), azure.units("search")) == (140, 250)


def test_limits_larger_than_two_thousand_million_are_taken_in(synced: FakeAzure) -> None:
    synced.limit_units = 15_000_000_000
    sync(synced, LATER)
    assert PoolLimit.objects.first().limit_units == 15_000_000_000  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "error", [CloudError(CloudReason.FORBIDDEN, "Not allowed."), ZeroDivisionError("odd")]
)
def test_one_subscription_never_keeps_another_from_being_read(
    error: Exception, azure: FakeAzure, settings: object, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HEADROOM_SUBSCRIPTIONS = ["bad", SUBSCRIPTION]  # type: ignore[attr-defined]
    seen = azure.inventory

    def one_is_bad(subscription_id: str) -> object:
        if subscription_id == "bad":
            raise error
        return seen(subscription_id)

    monkeypatch.setattr(azure, "inventory", one_is_bad)
    tasks.sync_inventory()
    assert Deployment.objects.count() == 2
    problems = SyncRun.objects.get(subscription_id="bad").problems
    assert len(problems) == 1
    assert problems[0].endswith(".")
