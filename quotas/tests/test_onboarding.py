"""Registering a service, the plan of its deployment, and what happens once Azure shows one."""

from dataclasses import replace

import pytest

from portal.kernel.errors import DomainError
from portal.models import AuditRow, User
from portal.outbox import Event
from quotas.models import (
    CapacityRequest,
    DeployableModel,
    Deployment,
    Expectation,
    LedgerEntry,
    Pool,
    Service,
    Team,
)
from quotas.selectors.expectations import plans_of
from quotas.services import (
    decisions,
    onboarding,
    planning,
)
from quotas.tests.factories import NOON, FakeEvidence, person
from quotas.tests.onboarding_world import (
    LATER,
    NEVER_USED,
    held,
    planned,
    register,
    registration,
    the_plan,
    told,
)

State = CapacityRequest.State


@pytest.fixture(autouse=True)
def _nothing_was_used(usage: FakeEvidence) -> None:
    usage.answer = NEVER_USED


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
