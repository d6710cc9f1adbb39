"""A deployment that is planned: what happens when Azure shows it, and when nobody makes it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.kernel.errors import DomainError
from portal.models import AuditRow, Message, User
from portal.outbox import Event
from quotas.models import (
    CapacityRequest,
    Change,
    DeployableModel,
    Deployment,
    LedgerEntry,
    Pool,
    Service,
)
from quotas.selectors.expectations import open_plans, plans_of
from quotas.selectors.unmapped import unmapped
from quotas.services import (
    decisions,
    expectations,
    give_back,
    planning,
    reconcile,
    requests,
)
from quotas.services.expectations import WAITED_FOR
from quotas.services.mapping import map_deployment
from quotas.tests.conftest import reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, FakeEvidence, deployment_seen
from quotas.tests.onboarding_world import LATER, NEVER_USED, held, planned, the_plan, told
from quotas.tests.test_concurrency import at_once

State = CapacityRequest.State


@pytest.fixture(autouse=True)
def _nothing_was_used(usage: FakeEvidence) -> None:
    usage.answer = NEVER_USED


def make(azure: FakeAzure, units: int = 40, **more: object) -> None:
    azure.add(deployment_seen("claims-letters", units, **more))
    sync(azure, LATER)


def deployment() -> Deployment:
    return Deployment.objects.get(name="claims-letters")


def test_what_azure_offers_is_kept_and_only_what_differs_is_written(synced: FakeAzure) -> None:
    row = DeployableModel.objects.get()
    assert (row.model_name, row.sku_name, row.region) == ("gpt-4o", "GlobalStandard", "eastus")
    assert (row.pool, row.minimum_units, row.rate.tokens_per_minute) == (
        Pool.objects.get(), 1, 1000,
    )  # fmt: skip
    sync(synced, LATER)
    assert DeployableModel.objects.get() == row


def test_what_azure_offers_no_more_goes_and_a_region_that_is_silent_keeps_its_rows(
    synced: FakeAzure,
) -> None:
    class Silent(FakeAzure):
        def inventory(self, subscription_id):  # type: ignore[no-untyped-def]
            return replace(super().inventory(subscription_id), model_skus=())

    sync(Silent(deployments=synced.deployments), LATER)
    assert DeployableModel.objects.count() == 1
    for key, seen in synced.deployments.items():
        synced.deployments[key] = replace(seen, model_name="gpt-4.1")
    sync(synced, LATER + timedelta(minutes=5))
    assert DeployableModel.objects.get().model_name == "gpt-4.1"


def test_nothing_is_planned_nor_written_for_what_is_not_there(
    approved: Service, applying: Pool, azure: FakeAzure
) -> None:
    sync(azure, LATER)
    reconcile_at(azure, LATER)
    assert not Change.objects.exists()
    assert azure.writes == []
    assert deployment().is_expected


def test_once_azure_shows_it_it_is_the_service_s_with_what_was_granted(
    approved: Service, azure: FakeAzure
) -> None:
    make(azure)
    approved.refresh_from_db()
    assert (deployment().service, deployment().gone_at) == (approved, None)
    assert (approved.lifecycle, held()) == ("active", 40)
    assert not LedgerEntry.objects.filter(deployment=deployment(), kind="adopted").exists()
    assert reconcile.plan_all(at=LATER) == []
    assert told(Event.DEPLOYMENT_ARRIVED) == {"ada", "ben"}
    assert AuditRow.objects.filter(verb="deployment.arrived").count() == 1
    sync(azure, LATER + timedelta(minutes=5))
    assert AuditRow.objects.filter(verb="deployment.arrived").count() == 1


def test_what_is_granted_is_written_where_it_was_made_with_less(
    approved: Service, applying: Pool, azure: FakeAzure
) -> None:
    make(azure, units=10)
    reconcile_at(azure, LATER)
    assert azure.units("claims-letters") == 40
    assert Change.objects.get().because == [{"request": the_plan().request.pk, "edge": "start"}]


def test_what_was_made_before_the_approval_is_adopted_and_its_request_ends(
    proposed: Service, azure: FakeAzure, cleo: User
) -> None:
    make(azure, units=300)
    assert (deployment().service, held()) == (None, 300)
    plan = the_plan()
    assert plan.request.state == State.WITHDRAWN
    with pytest.raises(DomainError):
        decisions.approve(plan.request, by=cleo, note="", at=LATER)
    assert told(Event.DEPLOYMENT_NOT_AS_PLANNED) == {"ada", "ben", "cleo"}
    [row] = [row for row in unmapped(cleo, at=LATER).rows if row.name == "claims-letters"]
    assert row.suggested == proposed.pk
    map_deployment(deployment(), service=proposed, by=cleo, at=LATER)
    proposed.refresh_from_db()
    assert proposed.lifecycle == "active"


def test_another_type_under_the_name_is_nobody_s_and_what_was_held_goes_back(
    approved: Service, azure: FakeAzure
) -> None:
    make(azure, units=25, sku_name="Standard")
    assert (deployment().service, held()) == (None, 25)
    assert (
        "Standard"
        in Message.objects.filter(notice__event=Event.DEPLOYMENT_NOT_AS_PLANNED).values_list(
            "notice__facts", flat=True
        )[0]["why"]
    )


def test_what_is_made_under_a_name_that_was_denied_is_adopted_like_anything(
    proposed: Service, azure: FakeAzure, cleo: User
) -> None:
    decisions.deny(the_plan().request, by=cleo, note="Too much.", at=NOON)
    assert not open_plans().exists()
    make(azure)
    assert (deployment().service, held()) == (None, 40)


def test_what_was_given_up_is_free_again_and_another_plan_may_have_the_name(
    approved: Service, ada: User, azure: FakeAzure
) -> None:
    expectations.give_up(the_plan(), by=ada, reason="Another way.", at=LATER)
    assert held(LATER) == 0
    assert not open_plans().exists()
    again = planning.plan_deployment(approved, planned(units=20), by=ada, at=LATER)
    assert Deployment.objects.filter(name="claims-letters").count() == 1
    assert [each.id for each in plans_of(approved, ada, asks=True)] == [again.pk]


def test_a_plan_that_waits_is_withdrawn_by_giving_it_up(proposed: Service, ada: User) -> None:
    expectations.give_up(the_plan(), by=ada, reason="", at=LATER)
    assert the_plan().request.state == State.WITHDRAWN
    assert AuditRow.objects.filter(verb="expectation.given_up").count() == 1


def test_only_the_team_gives_up_its_plan(approved: Service, dan: User, cleo: User) -> None:
    for other in (dan, cleo):
        with pytest.raises(DomainError, match="Only the team"):
            expectations.give_up(the_plan(), by=other, reason="", at=LATER)
    assert held() == 40


def test_a_grant_that_was_given_back_is_no_plan_any_more(
    approved: Service, ada: User, azure: FakeAzure
) -> None:
    give_back.give_back(the_plan().request, by=ada, reason="", at=LATER)
    assert not open_plans().exists()
    make(azure)
    assert (deployment().service, held()) == (None, 40)


def test_i01_what_is_held_for_a_plan_goes_with_its_model_into_another_pool(
    approved: Service, azure: FakeAzure, pool: Pool
) -> None:
    azure.usage_name = "OpenAI.GlobalStandard.gpt-4o-shared"
    sync(azure, LATER)
    new = Pool.objects.exclude(pk=pool.pk).get()
    assert deployment().pool == new
    for each, units in ((pool, 0), (new, 340)):
        rows = LedgerEntry.objects.filter(pool=each).in_force_at(LATER)
        assert sum(rows.values_list("units", flat=True)) == units
    later = LATER + timedelta(minutes=5)
    azure.add(deployment_seen("claims-letters", 40))
    sync(azure, later)
    assert (deployment().service, held(later)) == (approved, 40)


def test_what_nobody_makes_in_thirty_days_goes_back_by_itself(approved: Service) -> None:
    almost = NOON + WAITED_FOR - timedelta(seconds=1)
    assert expectations.give_back_overdue(at=almost) == 0
    assert expectations.give_back_overdue(at=NOON + WAITED_FOR) == 1
    assert held(NOON + WAITED_FOR) == 0
    assert expectations.give_back_overdue(at=NOON + WAITED_FOR) == 0
    assert told(Event.EXPECTATION_ENDED) == {"ada", "ben", "cleo"}


def test_a_withdrawn_request_leaves_no_plan(proposed: Service, ada: User) -> None:
    requests.withdraw(the_plan().request, by=ada, at=LATER)
    assert plans_of(proposed, ada, asks=True) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(4))
def test_a_sync_that_shows_it_while_it_is_approved_counts_it_once(
    turn: int, proposed: Service, azure: FakeAzure, cleo: User
) -> None:
    """Whoever is first: it is the service's as granted, or nobody's as adopted; never both."""
    azure.add(deployment_seen("claims-letters", 40))
    asked = the_plan().request
    said = at_once(
        [
            lambda: decisions.approve(asked, by=cleo, note="", at=NOON),
            lambda: sync(azure, NOON),
        ]
    )
    assert (held(), said[1]) == (40, "")
    asked.refresh_from_db()
    is_its = asked.state == State.APPROVED
    assert (deployment().service is not None, said[0] == "") == (is_its, is_its)
