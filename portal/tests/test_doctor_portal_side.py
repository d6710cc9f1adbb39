"""`manage.py doctor`: the portal's own side of the checks, and the guard of its one write."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError

from portal.kernel.clock import real_now
from portal.kernel.findings import Finding, Outcome
from portal.management.doctor import portal_side
from portal.management.doctor.guard import NO_DATABASE, ON_ITS_WAY, write_guard
from portal.tests.test_doctor import ACCOUNT, CHAT, SUBSCRIPTION
from quotas.models import AccountLease, AzureAccount
from quotas.services import leases


@pytest.mark.django_db(transaction=True)
def test_database_migrations_cache_and_broker_are_well(settings: Any) -> None:
    settings.HEADROOM_SUBSCRIPTIONS = [SUBSCRIPTION]
    found = {finding.check: finding for finding in portal_side.examine_portal()}
    assert {finding.outcome for finding in found.values()} == {Outcome.OK}
    assert set(found) == {
        "portal.settings",
        "portal.subscriptions",
        "portal.database",
        "portal.migrations",
        "portal.cache",
        "portal.broker",
    }
    assert str(found["portal.database"].facts["version"]).split(".")[0].isdigit()


@pytest.mark.parametrize(
    ("subscriptions", "outcome"),
    [
        ([], Outcome.FAILED),
        (["Contoso AI"], Outcome.FAILED),
        ([SUBSCRIPTION, SUBSCRIPTION], Outcome.WARNING),
        ([SUBSCRIPTION], Outcome.OK),
    ],
)
def test_subscription_ids_are_looked_at_before_azure_is_asked(
    settings: Any, subscriptions: list[str], outcome: Outcome
) -> None:
    settings.HEADROOM_SUBSCRIPTIONS = subscriptions
    assert portal_side.examine_subscription_ids().outcome is outcome


def test_migrations_that_wait_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal_side, "pending_migrations", lambda: 3)
    finding = portal_side._migrations()
    assert finding.outcome is Outcome.FAILED
    assert finding.fix == "Run manage.py migrate."
    assert finding.facts == {"pending": 3}


def test_a_cache_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise ConnectionError("Error 111 connecting to redis:6379.\nConnection refused.")

    monkeypatch.setattr(portal_side, "cache", SimpleNamespace(get=refused))
    [finding] = portal_side.in_time("portal.cache", "The cache", "REDIS_URL", portal_side._cache)
    assert finding.outcome is Outcome.FAILED
    assert finding.sentence == "The cache does not work: Error 111 connecting to redis:6379."
    assert "REDIS_URL" in finding.fix


def test_a_server_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal_side, "ANSWER_SECONDS", 0.1)
    over = threading.Event()

    def hang(_check: str) -> list[Finding]:
        over.wait(5)
        return []

    [finding] = portal_side.in_time("portal.broker", "The broker", "REDIS_URL", hang)
    over.set()
    assert "gave no answer" in finding.sentence


# ── The guard of writes ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def account(db: None) -> AzureAccount:
    at = real_now()
    return AzureAccount.objects.create(
        resource_id=ACCOUNT,
        resource_key=ACCOUNT.lower(),
        subscription_id=SUBSCRIPTION,
        resource_group="rg-ai-east",
        name="contoso-east",
        region="eastus2",
        kind="OpenAI",
        first_seen_at=at,
        last_seen_at=at,
    )


def test_a_write_holds_the_accounts_lease_and_gives_it_back(account: AzureAccount) -> None:
    with write_guard(CHAT.upper().replace("/DEPLOYMENTS/", "/deployments/")) as why_not:
        assert why_not == ""
        assert not leases.take(account.pk, "somebody else")
    assert leases.take(account.pk, "somebody else")


def test_no_write_while_somebody_else_writes_to_the_account(account: AzureAccount) -> None:
    leases.take(account.pk, "a worker")
    with write_guard(CHAT) as why_not:
        assert why_not == ON_ITS_WAY
    assert AccountLease.objects.get(account=account).holder == "a worker"


def test_an_account_that_the_portal_has_never_seen_is_free(db: None) -> None:
    with write_guard(CHAT) as why_not:
        assert why_not == ""


def test_no_write_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_database(**_: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(AzureAccount.objects, "filter", no_database)
    with write_guard(CHAT) as why_not:
        assert why_not == NO_DATABASE
