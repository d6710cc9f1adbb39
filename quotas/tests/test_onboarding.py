"""Registering a service, the plan of its deployment, and what happens once Azure shows one."""

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
    Expectation,
    LedgerEntry,
    Pool,
    Service,
    Team,
)
from quotas.selectors.expectations import open_plans, plans_of
from quotas.selectors.unmapped import unmapped
from quotas.services import (
    decisions,
    expectations,
    give_back,
    onboarding,
    planning,
    reconcile,
    requests,
)
from quotas.services.expectations import WAITED_FOR
from quotas.services.mapping import map_deployment
from quotas.tests.conftest import reconcile_at, sync
from quotas.tests.factories import NOON, FakeAzure, FakeEvidence, deployment_seen, person, utc
from quotas.tests.onboarding_world import NEVER_USED, planned, register, registration, the_plan

LATER = utc("2026-03-02 12:05")
State = CapacityRequest.State


@pytest.fixture(autouse=True)
def _nothing_was_used(usage: FakeEvidence) -> None:
    usage.answer = NEVER_USED


@pytest.fixture
def proposed(pool: Pool, atlas: Team, ada: User, ben: User, cleo: User) -> Service:
    return register(atlas, ada, ben, by=ada)


@pytest.fixture
def approved(proposed: Service, cleo: User) -> Service:
    decisions.approve(the_plan().request, by=cleo, note="Welcome.", at=NOON)
    return proposed


def told(event: Event) -> set[str]:
    rows = Message.objects.filter(notice__event=event)
    return set(rows.values_list("person__username", flat=True))


def held(at=LATER) -> int:  # type: ignore[no-untyped-def]
    rows = LedgerEntry.objects.filter(deployment__name="claims-letters").in_force_at(at)
    return sum(rows.values_list("units", flat=True))


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


def test_a_registered_service_waits_with_a_request_for_its_first_baseline(
    proposed: Service, ada: User, ben: User
) -> None:
    plan = the_plan()
    assert (proposed.lifecycle, proposed.slug) == ("proposed", "claims-letters")
    assert (proposed.owner, proposed.deputy, proposed.data_class) == (ada, ben, "internal")
    asked = plan.request
    assert (asked.kind, asked.units, asked.state) == ("baseline", 40, State.IN_REVIEW)
    assert (asked.requester, asked.on_behalf_of, asked.ends_at) == (ada, None, None)
    assert plan.deployment.is_expected
    assert not Deployment.objects.present().filter(pk=plan.deployment.pk).exists()


def test_it_is_audited_and_the_owner_the_deputy_and_the_platform_are_told(
    proposed: Service,
) -> None:
    verbs = set(AuditRow.objects.values_list("verb", flat=True))
    assert {"service.registered", "deployment.planned", "baseline.submitted"} <= verbs
    assert AuditRow.objects.filter(verb="service.registered").count() == 1
    assert told(Event.SERVICE_REGISTERED) == {"ben", "cleo"}  # Ada did it herself
    assert told(Event.REQUEST_SUBMITTED) == {"cleo"}


def test_nothing_is_held_before_the_approval_and_all_of_it_after(
    proposed: Service, cleo: User
) -> None:
    assert held() == 0
    decisions.approve(the_plan().request, by=cleo, note="", at=NOON)
    assert held() == 40
    entry = LedgerEntry.objects.get(deployment__name="claims-letters")
    assert (entry.kind, entry.service) == ("baseline", proposed)


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


def test_what_nobody_makes_in_thirty_days_goes_back_by_itself(approved: Service) -> None:
    almost = NOON + WAITED_FOR - timedelta(seconds=1)
    assert expectations.give_back_overdue(at=almost) == 0
    assert expectations.give_back_overdue(at=NOON + WAITED_FOR) == 1
    assert held(NOON + WAITED_FOR) == 0
    assert expectations.give_back_overdue(at=NOON + WAITED_FOR) == 0
    assert told(Event.EXPECTATION_ENDED) == {"ada", "ben", "cleo"}


def test_a_smaller_first_baseline_is_what_the_snippet_asks_for(
    proposed: Service, ada: User, cleo: User
) -> None:
    asked = the_plan().request
    part = decisions.part_of(asked, units=30)
    decisions.approve(asked, by=cleo, note="", at=NOON, part=part)
    [plan] = plans_of(proposed, ada, asks=True)
    assert "--sku-capacity=30" in plan.az


def test_an_open_request_for_a_first_baseline_may_be_edited(proposed: Service, ada: User) -> None:
    from quotas.services.asking import draft_of
    from quotas.services.edits import edit

    asked = the_plan().request
    edit(asked, replace(draft_of(asked), units=30, starts_now=True), by=ada, at=NOON)
    assert the_plan().request.units == 30


def test_a_platform_owner_registers_for_any_team_and_asks_for_the_owner(
    pool: Pool, atlas: Team, ada: User, ben: User, cleo: User
) -> None:
    register(atlas, ada, ben, by=cleo)
    asked = the_plan().request
    assert (asked.requester, asked.on_behalf_of) == (cleo, ada)
    with pytest.raises(DomainError):  # nobody approves their own
        decisions.approve(asked, by=cleo, note="", at=NOON)


@pytest.mark.parametrize("who", ["ben", "dan"])
def test_who_leads_no_team_or_another_one_registers_nothing(
    who: str, pool: Pool, atlas: Team, delta: Team, ada: User, ben: User
) -> None:
    with pytest.raises(DomainError, match="Only a lead of Atlas") as refused:
        register(atlas, ada, ben, by=person(who.capitalize()))
    assert refused.value.code == "not_a_lead"
    assert not Service.objects.exists()


def test_without_a_plan_it_is_active_and_asks_for_nothing(
    pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    found = onboarding.register(registration(atlas, ada, ben), None, by=ada, at=NOON)
    assert (found.lifecycle, Expectation.objects.count()) == ("active", 0)
    assert CapacityRequest.objects.count() == 0


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": " "}, "name_missing"),
        ({"name": "!!"}, "name_unclear"),
        ({"purpose": ""}, "purpose_missing"),
        ({"user_population": ""}, "user_population_missing"),
        ({"if_throttled": " "}, "if_throttled_missing"),
        ({"proof_metric": ""}, "proof_metric_missing"),
        ({"data_class": ""}, "class_unknown"),
        ({"data_class": "confidential"}, "too_far_for_its_class"),
        ({"data_class": "restricted", "data_residency": "data_zone"}, "too_far_for_its_class"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_written(
    wrong: dict[str, str], code: str, pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    with pytest.raises(DomainError) as refused:
        register(atlas, ada, ben, by=ada, **wrong)
    assert refused.value.code == code
    assert not Service.objects.exists()
    assert not Expectation.objects.exists()


def test_owner_and_deputy_are_two_people_of_the_team_who_are_there(
    pool: Pool, atlas: Team, ada: User, ben: User, dan: User
) -> None:
    with pytest.raises(DomainError, match="another person as deputy"):
        register(atlas, ada, ada, by=ada)
    with pytest.raises(DomainError, match="Dan is not in Atlas"):
        register(atlas, dan, ben, by=ada)
    User.objects.filter(pk=ben.pk).update(is_active=False)
    with pytest.raises(DomainError, match="Ben is not in Atlas, or is gone"):
        register(atlas, ada, ben, by=ada)


def test_a_name_is_given_once(proposed: Service, atlas: Team, ada: User, ben: User) -> None:
    with pytest.raises(DomainError, match="already") as refused:
        register(atlas, ada, ben, by=ada, name="claims LETTERS")
    assert refused.value.code == "name_taken"


@pytest.mark.parametrize("name", ["a", "-chat", "a b", "a/b", "a'b", "x" * 65, "", "chat\n"])
def test_a_deployment_has_a_name_that_azure_takes(
    name: str, pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    with pytest.raises(DomainError, match="Azure wants 2 to 64"):
        onboarding.register(registration(atlas, ada, ben), planned(name), by=ada, at=NOON)
    assert not Service.objects.exists()


@pytest.mark.parametrize("name", ["chat", "CHAT"])
def test_a_deployment_has_a_name_that_none_in_the_account_has(
    name: str, pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    with pytest.raises(DomainError, match="acme has, had or is to have"):
        onboarding.register(registration(atlas, ada, ben), planned(name), by=ada, at=NOON)


def test_two_plans_do_not_have_one_name(proposed: Service, atlas: Team, ada: User, ben: User):  # type: ignore[no-untyped-def]
    with pytest.raises(DomainError, match="another name"):
        register(atlas, ada, ben, by=ada, name="Other letters")


def test_more_than_is_free_is_not_asked_for(pool: Pool, atlas: Team, ada: User, ben: User) -> None:
    with pytest.raises(DomainError, match="do not fit"):
        onboarding.register(registration(atlas, ada, ben), planned(units=701), by=ada, at=NOON)
    assert not Service.objects.exists()


def test_a_place_that_residency_bars_is_refused_whatever_a_form_offers(
    pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    facts = registration(atlas, ada, ben, data_class="confidential", data_residency="data_zone")
    with pytest.raises(DomainError, match="any region of the world"):
        onboarding.register(facts, planned(), by=ada, at=NOON)
    assert not Service.objects.exists()


def test_units_come_in_the_steps_of_the_model(
    pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    DeployableModel.objects.update(minimum_units=15, step_units=5)
    with pytest.raises(DomainError, match="15 units and from there in steps of 5"):
        onboarding.register(registration(atlas, ada, ben), planned(units=17), by=ada, at=NOON)


def test_a_service_that_has_a_deployment_or_a_plan_is_not_planned_for_again(
    proposed: Service, chat: Service, ada: User, dan: User
) -> None:
    with pytest.raises(DomainError, match="planned already"):
        planning.plan_deployment(proposed, planned("other"), by=ada, at=LATER)
    with pytest.raises(DomainError, match="has a deployment"):
        planning.plan_deployment(chat, planned("other"), by=ada, at=LATER)
    with pytest.raises(DomainError, match="Only a lead"):
        planning.plan_deployment(proposed, planned("other"), by=dan, at=LATER)


def test_i01_what_is_held_for_a_plan_is_not_granted_to_anybody_else(
    approved: Service, search: Service, dan: User
) -> None:
    """1,000 units, 300 adopted, 40 for the plan: 660 are left for good."""
    from quotas.tests.conftest import ask

    with pytest.raises(DomainError, match="do not fit"):
        ask(search, dan, units=661)
    assert ask(search, dan, units=660).state == State.IN_REVIEW


def test_a_withdrawn_request_leaves_no_plan(proposed: Service, ada: User) -> None:
    requests.withdraw(the_plan().request, by=ada, at=LATER)
    assert plans_of(proposed, ada, asks=True) == []
