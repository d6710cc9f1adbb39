"""One write at a time per account; what is out, dead or endless in one keeps no other waiting."""

from datetime import timedelta

import pytest

from portal.kernel.errors import CloudError, CloudReason
from portal.models import User
from quotas.gateway import WriteAnswer
from quotas.models import AccountLease, Change, Deployment, Plan, Pool, Service, Team
from quotas.services import apply
from quotas.services.mapping import map_deployment
from quotas.services.retries import LONGEST_OPERATION
from quotas.tests import factories
from quotas.tests.conftest import ask, reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, deployment_seen, utc

START, END = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
SECOND = timedelta(seconds=1)


def state_of(name: str) -> str:
    return str(Change.objects.get(deployment__name=name).state)


@pytest.fixture
def lab(applying: Pool, azure: FakeAzure, atlas: Team, ada: User, cleo: User) -> Service:
    """Ada's second service; its deployment lies in an account of its own."""
    azure.add(deployment_seen("lab", 50, account="beta"))
    sync(azure, NOON)
    found = factories.service("Lab", atlas, ada)
    map_deployment(Deployment.objects.get(name="lab"), service=found, by=cleo, at=NOON)
    return found


@pytest.fixture
def three(chat: Service, search: Service, lab: Service, ada: User, dan: User) -> None:
    """A burst of each begins at 10: chat and search share an account."""
    ask(chat, ada)
    ask(search, dan, units=50)
    ask(lab, ada, units=20)


def test_while_a_write_is_out_no_other_is_sent_to_its_account(
    three: None, azure: FakeAzure
) -> None:
    azure.slow = True
    reconcile_at(azure, START)
    assert azure.writes == [("lab", 70), ("chat", 140)]
    assert state_of("search") == "planned"
    reconcile_at(azure, START + 5 * SECOND)
    assert azure.writes == [("lab", 70), ("chat", 140), ("search", 250)]


def test_whoever_found_the_change_before_looks_at_its_account_again(
    three: None, azure: FakeAzure
) -> None:
    azure.slow = True
    reconcile_at(azure, START)
    late = Change.objects.select_related("deployment").get(deployment__name="search")
    assert not apply.step(late, gateway=azure, now=lambda: START)
    assert len(azure.writes) == 2


def test_an_account_that_somebody_holds_keeps_no_other_waiting(
    three: None, azure: FakeAzure
) -> None:
    account = Deployment.objects.get(name="chat").account
    forever = NOON + timedelta(days=3650)
    AccountLease.objects.create(account=account, holder="who died", expires_at=forever)
    reconcile_at(azure, START)
    assert azure.writes == [("lab", 70)]


def test_an_operation_without_an_end_gives_its_account_free(
    three: None, azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.slow = True
    reconcile_at(azure, START)
    azure.slow = False
    poll = azure.poll

    def never_done(resource_id: str, operation: str, **more: str) -> WriteAnswer:
        if resource_id.endswith("/chat"):
            return WriteAnswer(done=False, retry_after=30 * SECOND)
        return poll(resource_id, operation, **more)

    monkeypatch.setattr(azure, "poll", never_done)
    reconcile_at(azure, START + LONGEST_OPERATION - SECOND)
    assert (state_of("chat"), state_of("search")) == ("polling", "planned")
    reconcile_at(azure, START + LONGEST_OPERATION + 30 * SECOND)
    assert "still shows 100" in Change.objects.get(deployment__name="chat").sentence
    reconcile_at(azure, START + LONGEST_OPERATION + 60 * SECOND)
    assert (state_of("chat"), state_of("search")) == ("succeeded", "succeeded")


def test_what_waits_for_a_yes_is_not_stepped_by_whoever_found_it_before(
    three: None, azure: FakeAzure
) -> None:
    reconcile_at(azure, START - SECOND)
    azure.refusals = [CloudError(CloudReason.CONFLICT, "Busy.")] * 3
    reconcile_at(azure, START)
    late = Change.objects.select_related("deployment").get(deployment__name="lab")
    Change.objects.filter(pk=late.pk).update(state="needs_human")
    assert not apply.step(late, gateway=azure, now=lambda: START + timedelta(hours=1))
    assert state_of("lab") == "needs_human"


def test_the_edges_of_bursts_do_not_wait_with_edits_that_are_found_in_the_same_run(
    chat: Service, applying: Pool, azure: FakeAzure, ada: User
) -> None:
    ask(chat, ada)
    azure.add(*(deployment_seen(f"app{n}", 10) for n in range(8)))
    sync(azure, NOON)
    reconcile_at(azure, START)
    for n in range(8):
        azure.edit(f"app{n}", 12)
    sync(azure, END)
    reconcile_at(azure, END)
    assert azure.units("chat") == 100
    stopped = Plan.objects.exclude(stopped_because="").get()
    assert stopped.changes.count() == 8
    assert {azure.units(f"app{n}") for n in range(8)} == {12}
