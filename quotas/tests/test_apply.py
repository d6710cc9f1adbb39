"""Desired state into Azure: applied, verified, taken back, under refusals, kills and edits."""

from datetime import timedelta
from unittest.mock import patch

import pytest

from portal.kernel.errors import CloudError, CloudReason, DomainError
from portal.models import AuditRow, User
from quotas.models import AccountLease, AzureAccount, Change, LedgerEntry, Plan, Pool, Service
from quotas.selectors.change_list import content_of
from quotas.services import apply, drift, leases, reconcile
from quotas.services.decisions import approve
from quotas.services.give_back import give_back
from quotas.tests.conftest import ask, reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, deployment_seen, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
MIDDAY = utc("2026-03-03 12:00")


def throttled(**more: object) -> CloudError:
    return CloudError(CloudReason.THROTTLED, "Azure asks us to wait.", **more)  # type: ignore[arg-type]


def test_a_burst_is_applied_verified_and_taken_back(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    reconcile_at(azure, START - timedelta(minutes=1))
    assert azure.writes == []
    reconcile_at(azure, START)
    assert azure.writes == [("chat", 140)]
    change = Change.objects.get()
    assert (change.state, change.read_back_units, change.verified_at) == ("succeeded", 140, START)
    assert change.because == [
        {"request": LedgerEntry.objects.get(kind="burst").request_id, "edge": "start"}
    ]
    reconcile_at(azure, END - timedelta(minutes=1))
    assert azure.units() == 140
    reconcile_at(azure, END)
    assert azure.writes == [("chat", 140), ("chat", 100)]


def test_i03_running_it_again_changes_nothing(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    for _ in range(3):
        reconcile_at(azure, START)
    assert azure.writes == [("chat", 140)]
    assert Plan.objects.count() == 1


def test_nothing_is_written_to_a_pool_in_observe_only_mode(
    chat: Service, pool: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    for hour in range(12):
        reconcile_at(azure, START + timedelta(hours=hour))
    assert azure.writes == []
    shown = Change.objects.filter(plan__mode="observe").first()
    assert shown is not None
    assert shown.attempts == 0


def test_switching_a_pool_on_writes_what_is_due(
    chat: Service, pool: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    from quotas.services.pools import switch_mode

    ask(chat, ada)
    reconcile_at(azure, START)
    switch_mode(pool, mode="apply", by=cleo, at=MIDDAY)
    reconcile_at(azure, MIDDAY)
    assert azure.writes == [("chat", 140)]


def test_i04_ending_one_of_two_overlapping_bursts_leaves_the_other_whole(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    first = ask(chat, ada)
    ask(chat, ada, units=20, starts_at=utc("2026-03-03 11:00"), ends_at=utc("2026-03-03 20:00"))
    reconcile_at(azure, MIDDAY)
    assert azure.units() == 160
    give_back(first, by=ada, reason="", at=utc("2026-03-03 13:00"))
    reconcile_at(azure, utc("2026-03-03 13:00"))
    assert azure.units() == 120
    reconcile_at(azure, END)
    assert azure.units() == 120
    reconcile_at(azure, utc("2026-03-03 20:00"))
    assert azure.units() == 100


def test_i12_a_shrink_makes_room_for_the_grow_at_the_same_moment(
    chat: Service,
    search: Service,
    applying: Pool,
    azure: FakeAzure,
    ada: User,
    dan: User,
    cleo: User,
) -> None:
    approve(ask(chat, ada, units=600), by=cleo, note="", at=NOON)
    evening = {"starts_at": END, "ends_at": utc("2026-03-03 22:00")}
    approve(ask(search, dan, units=600, **evening), by=cleo, note="", at=NOON)
    reconcile_at(azure, START)
    azure.writes.clear()
    reconcile_at(azure, END)
    assert azure.writes == [("chat", 100), ("search", 800)]


def test_i13_a_refused_change_leaves_every_other_deployment_alone(
    chat: Service, search: Service, applying: Pool, azure: FakeAzure, ada: User, dan: User
) -> None:
    ask(chat, ada)
    ask(search, dan, units=50)
    azure.refusals = [
        CloudError(
            CloudReason.INSUFFICIENT_QUOTA,
            "Azure has not enough quota.",
            azure_code="InsufficientQuota",
            azure_message="This operation require 40 new capacity",
        )
    ]
    reconcile_at(azure, START)
    refused = Change.objects.get(deployment__name="chat")
    assert (refused.state, refused.azure_code) == ("blocked", "InsufficientQuota")
    assert (azure.units("chat"), azure.units("search")) == (100, 250)


def test_retry_after_is_honoured(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    azure.refusals = [throttled(retry_after=timedelta(minutes=5))]
    reconcile_at(azure, START)
    assert Change.objects.get().state == "retry_wait"
    reconcile_at(azure, START + timedelta(minutes=4))
    assert azure.writes == []
    reconcile_at(azure, START + timedelta(minutes=5))
    assert azure.units() == 140


def test_a_slow_write_is_polled_by_whoever_comes_next(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    azure.slow = True
    ask(chat, ada)
    reconcile_at(azure, START)
    change = Change.objects.get()
    assert (change.state, change.operation, azure.units()) == ("polling", "operation-1", 100)
    reconcile_at(azure, START + timedelta(seconds=5))
    assert Change.objects.get().state == "succeeded"
    assert azure.writes == [("chat", 140)]


class Killed(BaseException):
    """What kill -9 looks like from inside: no handler of ours runs afterwards."""


@pytest.mark.parametrize("moment", ["before_write", "after_write"])
def test_i10_a_writer_killed_in_the_middle_is_finished_by_its_successor(
    moment: str, chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)

    def die() -> None:
        raise Killed

    setattr(azure, moment, die)
    with patch.object(leases, "release"), pytest.raises(Killed):
        reconcile_at(azure, START)
    assert Change.objects.get().state == "writing"
    setattr(azure, moment, None)
    reconcile_at(azure, START)
    assert Change.objects.get().state == "writing", "the dead writer's lease still runs"
    AccountLease.objects.update(expires_at=NOON)
    reconcile_at(azure, START + timedelta(minutes=2))
    assert Change.objects.get().state == "succeeded"
    assert azure.units() == 140
    assert azure.writes == [("chat", 140)]
    assert LedgerEntry.objects.filter(kind="burst").count() == 1


def test_a_write_without_an_answer_is_read_back_before_it_is_sent_again(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)

    def lose_the_answer() -> None:
        azure.after_write = None
        raise CloudError(CloudReason.TIMEOUT, "No answer came.", maybe_applied=True)

    azure.after_write = lose_the_answer
    reconcile_at(azure, START)
    assert Change.objects.get().state == "writing"
    reconcile_at(azure, START + timedelta(seconds=15))
    assert Change.objects.get().state == "succeeded"
    assert azure.writes == [("chat", 140)]


def test_a_writer_whose_lease_ended_discards_its_answer(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    azure.after_write = lambda: AccountLease.objects.update(holder="somebody else")
    reconcile_at(azure, START)
    assert Change.objects.get().state == "writing"


def test_one_lease_an_account(synced: FakeAzure) -> None:
    account = AzureAccount.objects.get().pk
    with leases.held(account) as first, leases.held(account) as second:
        assert first is not None
        assert second is None
    with leases.held(account) as third:
        assert third is not None


def test_an_end_edge_is_retried_until_it_is_done(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    reconcile_at(azure, START)
    azure.refusals = [throttled() for _ in range(8)]
    at = END
    while azure.units() != 100 and at < END + timedelta(days=1):
        reconcile_at(azure, at)
        at += timedelta(minutes=5)
    assert (azure.units(), azure.refusals) == (100, [])


def test_a_start_edge_gives_up_when_its_window_ends(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    azure.refusals = [throttled() for _ in range(500)]
    for minute in range(0, 8 * 60, 20):
        reconcile_at(azure, START + timedelta(minutes=minute))
    reconcile_at(azure, END)
    assert Change.objects.get().state == "superseded"
    assert azure.writes == []


def test_an_edit_in_the_azure_portal_is_never_silently_overwritten(
    chat: Service, applying: Pool, azure: FakeAzure
) -> None:
    azure.edit("chat", 130)
    sync(azure, MIDDAY)
    reconcile_at(azure, MIDDAY)
    assert Change.objects.get().state == "needs_human"
    assert azure.units() == 130


def test_drift_can_be_written_back(
    chat: Service, applying: Pool, azure: FakeAzure, cleo: User
) -> None:
    azure.edit("chat", 130)
    sync(azure, MIDDAY)
    reconcile_at(azure, MIDDAY)
    drift.write_back(Change.objects.get(), by=cleo, reason="A test.", at=MIDDAY)
    reconcile_at(azure, MIDDAY)
    assert azure.units() == 100


@pytest.mark.parametrize("edited", [130, 70])
def test_drift_can_be_adopted(
    edited: int, chat: Service, applying: Pool, azure: FakeAzure, cleo: User
) -> None:
    azure.edit("chat", edited)
    sync(azure, MIDDAY)
    reconcile_at(azure, MIDDAY)
    drift.adopt(Change.objects.get(), by=cleo, reason="Agreed by phone.", at=MIDDAY)
    later = MIDDAY + timedelta(minutes=5)
    reconcile_at(azure, later)
    assert azure.writes == []
    assert not Change.objects.exclude(state="superseded").exists()
    held = LedgerEntry.objects.filter(deployment__name="chat").in_force_at(later)
    assert sum(entry.units for entry in held) == edited


def test_a_burst_cannot_be_adopted_away(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    ask(chat, ada)
    reconcile_at(azure, START)
    azure.edit("chat", 30)
    sync(azure, MIDDAY)
    reconcile_at(azure, MIDDAY)
    change = Change.objects.get(state="needs_human")
    with pytest.raises(DomainError, match="bursts alone hold"):
        drift.adopt(change, by=cleo, reason="By phone.", at=MIDDAY)
    assert (
        LedgerEntry.objects.filter(kind="reversal", deployment__name="chat", service=chat).count()
        == 0
    )


def test_only_an_owner_of_the_pool_answers_for_it(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    azure.edit("chat", 130)
    sync(azure, MIDDAY)
    reconcile_at(azure, MIDDAY)
    with pytest.raises(DomainError, match="Only an owner"):
        drift.write_back(Change.objects.get(), by=ada, at=MIDDAY)


def test_an_oversized_plan_waits_for_a_yes(azure: FakeAzure, pool: Pool, cleo: User) -> None:
    azure.add(*(deployment_seen(f"app{n}", 10) for n in range(8)))
    sync(azure, NOON)
    Pool.objects.update(mode="apply")
    for n in range(8):
        azure.edit(f"app{n}", 12)
    sync(azure, MIDDAY)
    reconcile_at(azure, MIDDAY)
    plan = Plan.objects.get()
    assert "8 of 10" in plan.stopped_because
    drift.allow_plan(plan, content=content_of(plan.changes.all()), by=cleo, at=MIDDAY)
    assert Plan.objects.get().allowed_by_id == cleo.pk


def test_a_grow_waits_while_azure_still_counts_what_should_be_gone(
    chat: Service,
    search: Service,
    applying: Pool,
    azure: FakeAzure,
    ada: User,
    dan: User,
    cleo: User,
) -> None:
    approve(ask(chat, ada, units=600), by=cleo, note="", at=NOON)
    evening = {"starts_at": END, "ends_at": utc("2026-03-03 22:00")}
    approve(ask(search, dan, units=600, **evening), by=cleo, note="", at=NOON)
    reconcile_at(azure, START)
    azure.refusals = [throttled(retry_after=timedelta(minutes=2))]
    reconcile_at(azure, END)
    waiting = Change.objects.get(deployment__name="search")
    assert "still have" in waiting.sentence
    assert azure.units("search") == 200
    reconcile_at(azure, END + timedelta(minutes=3))
    reconcile_at(azure, END + timedelta(minutes=4))
    assert (azure.units("chat"), azure.units("search")) == (100, 800)


def test_provisioned_capacity_is_released_only_with_a_yes(
    azure: FakeAzure, pool: Pool, cleo: User
) -> None:
    """A decrease that no burst explains asks again; see the policy tests for one that does."""
    azure.deployments.clear()
    azure.usage_name = "OpenAI.GlobalProvisionedManaged"
    azure.add(deployment_seen("ptu", 100, sku_name="GlobalProvisionedManaged"))
    sync(azure, NOON)
    Pool.objects.update(mode="apply", lead=timedelta(0))
    entry = LedgerEntry.objects.get(deployment__name="ptu")
    LedgerEntry.objects.create(
        pool=entry.pool,
        deployment=entry.deployment,
        units=-50,
        effective_from=NOON,
        effective_until=entry.effective_until,
        kind="reversal",
        reverses=entry,
        recorded_at=NOON,
    )
    reconcile_at(azure, MIDDAY)
    assert Change.objects.get().state == "needs_human"
    assert azure.writes == []


def test_the_stepper_stops_at_every_edge(chat: Service, ada: User) -> None:
    ask(chat, ada)
    assert reconcile.next_due_moment(after=NOON) == START
    assert reconcile.next_due_moment(after=START) == END


def test_waits_grow_and_stay_under_a_quarter_of_an_hour() -> None:
    assert apply.wait_after(0) == timedelta(seconds=15)
    assert apply.wait_after(3) == timedelta(minutes=2)
    assert apply.wait_after(99) == timedelta(minutes=15)


def test_i20_a_verified_change_has_one_audit_row(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    reconcile_at(azure, START)
    assert AuditRow.objects.filter(verb="change.succeeded").count() == 1


def test_a_capacity_that_azure_is_still_preparing_is_not_verified(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    from dataclasses import replace

    ask(chat, ada)

    def still_updating() -> None:
        for key, seen in azure.deployments.items():
            if seen.name == "chat":
                azure.deployments[key] = replace(seen, provisioning_state="Updating")

    azure.after_write = still_updating
    reconcile_at(azure, START)
    assert Change.objects.get().state == "verifying"
    azure.after_write = None
    azure.edit("chat", 140)
    for key, seen in azure.deployments.items():
        azure.deployments[key] = replace(seen, provisioning_state="Succeeded")
    reconcile_at(azure, START + timedelta(seconds=15))
    assert Change.objects.get().state == "succeeded"


def test_an_operation_that_could_not_be_asked_about_is_asked_again(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    azure.slow = True
    ask(chat, ada)
    reconcile_at(azure, START)
    lost = CloudError(CloudReason.TIMEOUT, "No answer.", maybe_applied=True)
    with patch.object(azure, "poll", side_effect=lost):
        reconcile_at(azure, START + timedelta(seconds=5))
    assert (Change.objects.get().state, Change.objects.get().operation) == (
        "polling",
        "operation-1",
    )
    reconcile_at(azure, START + timedelta(seconds=30))
    assert Change.objects.get().state == "succeeded"
    assert azure.writes == [("chat", 140)]
