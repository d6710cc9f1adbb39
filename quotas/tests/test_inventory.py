"""Sync and adoption: what is seen is held, and the first plan is empty."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from portal.kernel.errors import DomainError
from portal.kernel.windows import FOREVER
from portal.models import AuditRow, User
from quotas.models import Deployment, LedgerEntry, Plan, Pool, PoolLimit, Service, SyncRun
from quotas.selectors.rooms import room_of
from quotas.selectors.sync_health import sync_health
from quotas.services import mapping, reconcile
from quotas.services.pool_rows import kind_of_pool
from quotas.tests.conftest import sync
from quotas.tests.factories import NOON, SUBSCRIPTION, FakeAzure, deployment_seen, utc

LATER = utc("2026-03-02 12:05")


def test_the_first_sight_of_a_deployment_adopts_its_capacity(synced: FakeAzure) -> None:
    entry = LedgerEntry.objects.get(deployment__name="chat")
    assert (entry.kind, entry.units, entry.service) == ("adopted", 100, None)
    assert (entry.effective_from, entry.effective_until) == (NOON, FOREVER)


def test_after_the_first_sync_the_plan_is_empty(synced: FakeAzure) -> None:
    assert reconcile.plan_all(at=LATER) == []
    assert not Plan.objects.exists()


def test_a_second_sync_adopts_nothing_and_writes_no_history(synced: FakeAzure) -> None:
    sync(synced, LATER)
    assert LedgerEntry.objects.count() == 2
    assert PoolLimit.objects.count() == 1


def test_a_moved_limit_is_history_and_audited(synced: FakeAzure) -> None:
    synced.limit_units = 800
    sync(synced, LATER)
    assert [row.limit_units for row in Pool.objects.get().limits.all()] == [800, 1000]
    assert AuditRow.objects.get(verb="pool.limit_changed").detail == {"was": 1000, "now": 800}


def test_capacity_that_headroom_cannot_see_is_not_free(azure: FakeAzure, db: None) -> None:
    class SharedSubscription(FakeAzure):
        def inventory(self, subscription_id):  # type: ignore[no-untyped-def]
            seen = super().inventory(subscription_id)
            hidden = tuple(d for d in seen.deployments if d.name != "search")
            return type(seen)(**{**seen.__dict__, "deployments": hidden})

    sync(SharedSubscription(deployments=azure.deployments))
    assert room_of(Pool.objects.get()).units == 800  # 1,000 less the 200 of "search"


def test_runs_older_than_a_month_go_with_the_next_that_ends(synced: FakeAzure) -> None:
    [first] = SyncRun.objects.all()
    sync(synced, NOON + timedelta(days=31))
    assert SyncRun.objects.count() == 2
    sync(synced, NOON + timedelta(days=31, minutes=5))
    assert not SyncRun.objects.filter(pk=first.pk).exists()
    assert SyncRun.objects.count() == 2


@pytest.mark.django_db
def test_the_newest_run_that_ended_is_told_however_its_subscription_is_written() -> None:
    for started_at, ended_at in ((NOON, NOON), (LATER, LATER), (LATER, None)):
        SyncRun.objects.create(subscription_id="Abc", started_at=started_at, ended_at=ended_at)
    unread, told = sync_health(["never-read", "aBC"], at=LATER)
    assert (unread.subscription_id, unread.ended_at, unread.is_late) == ("never-read", None, True)
    assert (told.subscription_id, told.ended_at, told.is_late) == ("aBC", LATER, False)


def test_a_deployment_that_is_no_longer_listed_is_gone(synced: FakeAzure) -> None:
    del synced.deployments[next(k for k in synced.deployments if k.endswith("search"))]
    sync(synced, LATER)
    assert Deployment.objects.get(name="search").gone_at == LATER
    assert Deployment.objects.get(name="chat").gone_at is None


def test_tags_are_as_the_newest_sync_read_them_its_own_above_its_accounts(
    synced: FakeAzure,
) -> None:
    synced.add(deployment_seen("chat", tags={"app": "its own", "old": "x"}))
    sync(synced, LATER)
    synced.add(deployment_seen("chat", tags={"app": "its own"}))
    sync(synced, LATER + timedelta(minutes=5))
    chat = Deployment.objects.select_related("account").get(name="chat")
    assert chat.tags == {"app": "its own"}
    chat.account.tags = {"app": "the account's", "env": "test"}
    assert chat.all_tags == {"app": "its own", "env": "test"}


def test_what_went_away_with_its_account_is_gone_once_azure_denies_it(synced: FakeAzure) -> None:
    """Of an account that the list leaves out alone nothing is known: a right may be missing."""
    kept = dict(synced.deployments)
    listing = replace(synced.inventory(SUBSCRIPTION), accounts=(), deployments=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synced, "inventory", lambda _: listing)
        sync(synced, LATER)
        assert not Deployment.objects.filter(gone_at__isnull=False).exists()
        synced.deployments.clear()
        sync(synced, LATER + timedelta(minutes=5))
    assert set(Deployment.objects.values_list("gone_at", flat=True)) == {
        LATER + timedelta(minutes=5)
    }
    synced.deployments.update(kept)
    sync(synced, LATER + timedelta(minutes=10))
    assert not Deployment.objects.filter(gone_at__isnull=False).exists()


def test_an_account_that_could_not_be_read_loses_nothing(synced: FakeAzure) -> None:
    account = next(iter(synced.deployments.values())).account_resource_id
    synced.lost_accounts = (account,)
    sync(synced, LATER)
    assert Deployment.objects.filter(gone_at__isnull=True).count() == 2


def test_a_new_version_brings_its_own_rate(synced: FakeAzure) -> None:
    synced.add(
        deployment_seen(
            "chat",
            100,
            model_version="2025-01-01",
            tokens_per_minute=500_000,
            requests_per_minute=100,
        )
    )
    sync(synced, LATER)
    assert Deployment.objects.get(name="chat").tokens_per_minute_per_unit == 5000


@pytest.mark.parametrize(
    ("usage_name", "kind"),
    [
        ("OpenAI.GlobalStandard.gpt-4o", "tokens"),
        ("OpenAI.GlobalProvisionedManaged", "provisioned"),
        ("OpenAI.S0.AccountCount", "other"),
        ("OpenAI.GlobalBatch.gpt-4o-EnqueuedTokens", "other"),
        ("AccountCount", "other"),
    ],
)
def test_only_rows_of_capacity_units_can_be_allocated(usage_name: str, kind: str) -> None:
    assert kind_of_pool(usage_name) == kind


def test_mapping_moves_the_holder_and_not_the_capacity(chat: Service) -> None:
    entries = LedgerEntry.objects.filter(deployment__name="chat")
    assert sum(e.units for e in entries) == 100
    assert sum(e.units for e in entries if e.service_id == chat.pk) == 100
    assert sum(e.units for e in entries if e.service_id is None) == 0
    assert reconcile.plan_all(at=LATER) == []


def test_what_is_mapped_cannot_be_mapped_again(chat: Service, cleo: User) -> None:
    with pytest.raises(DomainError, match="already belongs"):
        mapping.map_deployment(Deployment.objects.get(name="chat"), service=chat, by=cleo, at=LATER)


@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["quotas_ledgerentry", "portal_auditrow"])
def test_ledger_and_audit_are_append_only(synced: FakeAzure, statement: str, table: str) -> None:
    from django.db import connection

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))
