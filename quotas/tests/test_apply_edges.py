"""What may happen between two steps: switched pools, lost leases, late writes, odd errors."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.kernel.errors import CloudError, CloudReason
from portal.models import User
from quotas.gateway import WriteAnswer
from quotas.models import AccountLease, Change, Deployment, LedgerEntry, Plan, Pool, Service, Team
from quotas.selectors.change_list import content_of
from quotas.services import apply, drift, pools, reconcile
from quotas.services.decisions import approve
from quotas.services.mapping import map_deployment
from quotas.tests import factories
from quotas.tests.conftest import ask, reconcile_at, sync
from quotas.tests.factories import ACCOUNT, NOON, FakeAzure, deployment_seen, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
SECOND = timedelta(seconds=1)


def test_i13_an_error_nobody_foresaw_stops_no_other_change(
    chat: Service,
    search: Service,
    applying: Pool,
    azure: FakeAzure,
    ada: User,
    dan: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(chat, ada)
    ask(search, dan, units=50)
    read = azure.read

    def odd(resource_id: str) -> object:
        if resource_id.endswith("/chat"):
            raise ZeroDivisionError("nobody foresaw this")
        return read(resource_id)

    monkeypatch.setattr(azure, "read", odd)
    reconcile_at(azure, START)
    assert (azure.units("chat"), azure.units("search")) == (100, 250)
    odd_one = Change.objects.get(deployment__name="chat")
    assert odd_one.state == "retry_wait"
    assert odd_one.not_before > START
    assert "tried again" in odd_one.sentence


def test_a_slow_azure_never_makes_one_run_endless_and_nobody_starves(
    chat: Service,
    search: Service,
    applying: Pool,
    azure: FakeAzure,
    ada: User,
    dan: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(chat, ada)
    ask(search, dan, units=50)
    read = azure.read

    def slow(resource_id: str) -> object:
        time.sleep(0.06)
        if resource_id.endswith("/chat"):
            raise CloudError(CloudReason.TIMEOUT, "No answer.")
        return read(resource_id)

    monkeypatch.setattr(apply, "BUDGET_SECONDS", 0.05)
    monkeypatch.setattr(azure, "read", slow)
    reconcile_at(azure, START)
    assert azure.writes == [], "the budget was spent on the first change"
    reconcile_at(azure, START + timedelta(minutes=1))
    assert azure.writes == [("search", 250)], "who waited longest is next"


def test_a_pool_switched_to_observing_in_the_middle_of_a_run_is_left_alone(
    chat: Service,
    search: Service,
    applying: Pool,
    azure: FakeAzure,
    ada: User,
    dan: User,
    cleo: User,
) -> None:
    ask(chat, ada)
    ask(search, dan, units=50)
    azure.after_write = lambda: pools.switch_mode(applying, mode="observe", by=cleo, at=START)
    reconcile_at(azure, START)
    assert azure.writes == [("chat", 140)]


def test_what_is_on_its_way_is_still_read_back_when_the_pool_only_observes(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    azure.slow = True
    ask(chat, ada)
    reconcile_at(azure, START)
    pools.switch_mode(applying, mode="observe", by=cleo, at=START)
    reconcile_at(azure, START + timedelta(seconds=5))
    assert Change.objects.get().state == "succeeded"
    assert azure.writes == [("chat", 140)]


def test_a_lease_lost_while_reading_back_means_no_write(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(chat, ada)
    read = azure.read

    def long_read(resource_id: str) -> object:
        AccountLease.objects.update(holder="somebody else")
        return read(resource_id)

    monkeypatch.setattr(azure, "read", long_read)
    reconcile_at(azure, START)
    assert azure.writes == []
    assert Change.objects.get().state == "planned"


def test_a_lease_is_renewed_before_the_write(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(chat, ada)
    seen: list[object] = []
    read = azure.read

    def long_read(resource_id: str) -> object:
        seen.append(AccountLease.objects.get().expires_at)
        return read(resource_id)

    azure.before_write = lambda: seen.append(AccountLease.objects.get().expires_at)
    monkeypatch.setattr(azure, "read", long_read)
    reconcile_at(azure, START)
    assert seen[1] > seen[0]  # type: ignore[operator]


def test_i01_a_grow_counts_the_grows_that_are_still_on_their_way(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, cleo: User, atlas: Team
) -> None:
    """Azure has 400 more than the ledger knows of; two grows of 200, each in an account of its own,
    fit only as far as there is room."""
    azure.add(deployment_seen("lab", 100, account="beta"))
    sync(azure, NOON)
    lab = factories.service("Lab", atlas, ada)
    map_deployment(Deployment.objects.get(name="lab"), service=lab, by=cleo, at=NOON)
    approve(ask(chat, ada, units=200), by=cleo, note="", at=NOON)
    approve(ask(lab, ada, units=200), by=cleo, note="", at=NOON)
    azure.add(deployment_seen("third", 400))
    sync(azure, NOON)
    azure.slow = True
    reconcile_at(azure, START)
    assert azure.writes == [("chat", 300)]
    waiting = Change.objects.get(deployment__name="lab")
    assert waiting.state == "retry_wait"
    assert "units short" in waiting.sentence


def test_a_write_that_lands_late_is_ours_and_is_taken_back_at_the_end(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    azure.refusals = [
        CloudError(CloudReason.CONFLICT, "Busy.", retry_after=timedelta(hours=1)),
    ]
    reconcile_at(azure, START)
    azure.edit("chat", 140)  # the first attempt was carried out after all
    sync(azure, START + timedelta(minutes=5))
    reconcile_at(azure, START + timedelta(minutes=5, seconds=30))
    reconcile_at(azure, END)
    assert azure.units() == 100, "a burst is never left up"


def test_a_burst_that_a_person_put_up_in_observe_mode_ends_by_its_own_edge(
    chat: Service, pool: Pool, azure: FakeAzure, ada: User, cleo: User
) -> None:
    ask(chat, ada)
    reconcile_at(azure, START)
    azure.edit("chat", 140)
    sync(azure, START + timedelta(minutes=5))
    reconcile_at(azure, START + timedelta(minutes=6))
    assert not Change.objects.exclude(state="superseded").exists()
    pools.switch_mode(pool, mode="apply", by=cleo, at=END - SECOND)
    reconcile_at(azure, END)
    assert azure.units() == 100


def test_a_capacity_that_azure_prepares_for_long_is_waited_for(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)

    def state(name: str) -> None:
        for key, seen in azure.deployments.items():
            azure.deployments[key] = replace(seen, provisioning_state=name)

    azure.after_write = lambda: state("Updating")
    for minute in range(0, 40, 5):
        reconcile_at(azure, START + timedelta(minutes=minute))
    change = Change.objects.get()
    assert change.state in {"verifying", "retry_wait"}
    assert "still shows 140" not in change.sentence
    assert azure.writes == [("chat", 140)]
    azure.after_write = None
    state("Succeeded")
    reconcile_at(azure, START + timedelta(hours=1))
    change.refresh_from_db()
    assert (change.state, change.read_back_units) == ("succeeded", 140)


def test_an_operation_that_azure_forgot_is_read_back_in_the_end(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.slow = True
    ask(chat, ada)
    reconcile_at(azure, START)

    def forgotten(*_: object, **__: object) -> WriteAnswer:
        raise CloudError(CloudReason.NOT_FOUND, "No such operation.", maybe_applied=True)

    monkeypatch.setattr(azure, "poll", forgotten)
    azure.edit("chat", 140)
    for minute in range(20):
        reconcile_at(azure, START + timedelta(minutes=minute, seconds=10))
    assert Change.objects.get().state == "succeeded"


def test_headroom_changes_the_capacity_and_never_the_sku(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    key = f"{ACCOUNT}/deployments/chat"
    azure.deployments[key] = replace(azure.deployments[key], sku_name="DataZoneStandard")
    reconcile_at(azure, START)
    assert azure.writes == []
    assert "SKU" in Change.objects.get().sentence
    sync(azure, START + timedelta(minutes=1))
    reconcile_at(azure, START + timedelta(minutes=2))
    assert azure.units() == 140


def test_an_oversized_plan_does_not_hold_up_the_edges_of_approved_bursts(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    azure.add(*(deployment_seen(f"app{n}", 10) for n in range(8)))
    sync(azure, NOON)
    reconcile_at(azure, START)
    for n in range(8):
        azure.edit(f"app{n}", 12)
    sync(azure, END - timedelta(hours=1))
    reconcile_at(azure, END - timedelta(hours=1))
    assert "8 of 10" in Plan.objects.first().stopped_because  # type: ignore[union-attr]
    reconcile_at(azure, END)
    assert azure.units("chat") == 100
    assert {azure.units(f"app{n}") for n in range(8)} == {12}


def test_one_yes_to_a_plan_is_one_audit_row(azure: FakeAzure, pool: Pool, cleo: User) -> None:
    from portal.kernel.errors import ChangedMeanwhile
    from portal.models import AuditRow

    plan = Plan.objects.create(
        pool=pool, made_at=NOON, mode="apply", stopped_because="Too many at once."
    )
    drift.allow_plan(plan, content=content_of([]), by=cleo, at=NOON)
    with pytest.raises(ChangedMeanwhile):
        drift.allow_plan(plan, content=content_of([]), by=cleo, at=NOON)
    pools.switch_mode(pool, mode="apply", by=cleo, at=NOON)
    pools.switch_mode(pool, mode="apply", by=cleo, at=NOON)
    for verb in ("plan.allowed", "pool.mode_switched"):
        assert AuditRow.objects.filter(verb=verb).count() == 1


def test_what_becomes_the_baseline_must_fit_beside_what_is_promised(
    chat: Service, search: Service, applying: Pool, azure: FakeAzure, dan: User, cleo: User
) -> None:
    from portal.kernel.errors import DomainError

    approve(ask(search, dan, units=690), by=cleo, note="", at=NOON)
    azure.edit("chat", 130)
    sync(azure, NOON)
    reconcile_at(azure, NOON + SECOND)
    change = Change.objects.get()
    with pytest.raises(DomainError, match="do not fit"):
        drift.adopt(change, by=cleo, reason="Keep it.", at=NOON + SECOND)
    assert LedgerEntry.objects.filter(deployment__name="chat").in_force_at(START).count() == 3


def test_i13_a_pool_that_cannot_be_planned_stops_no_other_pool(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(chat, ada)
    facts = {"subscription_id": "s", "scope_id": "eastus", "region": "a", "kind": "tokens"}
    other = Pool.objects.create(
        **facts, usage_name="A.first", first_seen_at=NOON, last_seen_at=NOON
    )
    deployment = Deployment.objects.get(name="chat")
    deployment.pk, deployment.resource_key, deployment.name = None, "other", "other"
    deployment.pool = other
    deployment.save()
    LedgerEntry.objects.create(
        pool=other,
        deployment=deployment,
        units=7,
        effective_from=NOON,
        effective_until=END,
        kind="adopted",
        recorded_at=NOON,
    )
    plan_for = reconcile.plan_for

    def odd(pool: Pool, *, at: object) -> object:
        if pool.pk == other.pk:
            raise ZeroDivisionError
        return plan_for(pool, at=at)  # type: ignore[arg-type]

    monkeypatch.setattr(reconcile, "plan_for", odd)
    reconcile_at(azure, START)
    assert azure.units() == 140


PTU = "GlobalProvisionedManaged"


def test_a_burst_taken_back_long_ago_is_no_yes_to_another_release(
    azure: FakeAzure, pool: Pool, ada: User, cleo: User, atlas: object
) -> None:
    azure.deployments.clear()
    azure.usage_name = "OpenAI.GlobalProvisionedManaged"
    azure.add(deployment_seen("ptu", 100, sku_name=PTU, tokens_per_minute=None))
    sync(azure, NOON)
    Pool.objects.update(mode="apply", lead=timedelta(0))
    service = factories.service("Ptu", atlas, ada)  # type: ignore[arg-type]
    ptu = Deployment.objects.get(name="ptu")
    map_deployment(ptu, service=service, by=cleo, at=NOON)
    burst = ask(service, ada, deployment=ptu, units=50, accepts_provisioned_release=True)
    if burst.state != "approved":
        approve(burst, by=cleo, note="", at=NOON)
    reconcile_at(azure, START)
    reconcile_at(azure, END)
    assert azure.writes == [("ptu", 150), ("ptu", 100)]
    entry = LedgerEntry.objects.get(kind="adopted", service=service)
    LedgerEntry.objects.create(
        pool=entry.pool,
        deployment=ptu,
        service=service,
        units=-50,
        effective_from=END,
        effective_until=entry.effective_until,
        kind="reversal",
        reverses=entry,
        recorded_at=END,
    )
    reconcile_at(azure, END + timedelta(minutes=1))
    assert Change.objects.first().state == "needs_human"  # type: ignore[union-attr]
    assert azure.units("ptu") == 100
