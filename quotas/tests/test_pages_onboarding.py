"""The page on which a service is registered, and what its own page says then."""

from decimal import Decimal
from typing import Any

import pytest

from portal.models import User
from quotas.domain.suggestion import ListPrice
from quotas.models import (
    CapacityRequest,
    DeployableModel,
    Expectation,
    LedgerEntry,
    Pool,
    PoolLimit,
    Service,
    Team,
)
from quotas.services import decisions
from quotas.tests.conftest import HTMX, Browse, sync, words_of
from quotas.tests.factories import NOON, FakeAzure, FakeEvidence, deployment_seen, team, utc
from quotas.tests.onboarding_world import (
    CLAIMS_LETTERS,
    NEVER_USED,
    planned,
    register,
    registration,
    the_plan,
)

PAGE = "/services/register/"
LATER = utc("2026-03-02 12:05")


@pytest.fixture(autouse=True)
def _prices(usage: FakeEvidence) -> None:
    usage.answer = NEVER_USED
    usage.prices["GlobalStandard"] = ListPrice(Decimal("2.5"), Decimal(10))


@pytest.fixture
def zone(pool: Pool) -> Pool:
    """The same model in the data zone, with a limit of 100 units and no price."""
    found = Pool.objects.create(
        subscription_id=pool.subscription_id, scope_id="eastus", region="eastus", kind="tokens",
        usage_name="OpenAI.DataZoneStandard.gpt-4o", first_seen_at=NOON, last_seen_at=NOON,
    )  # fmt: skip
    PoolLimit.objects.create(pool=found, observed_at=NOON, limit_units=100, azure_used_units=0)
    row = DeployableModel.objects.get()
    row.pk, row.pool, row.sku_name = None, found, "DataZoneStandard"
    row.save(force_insert=True)
    return found


def typed(of: Team, owner: User, deputy: User, **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        **CLAIMS_LETTERS,
        "typed": "yes",
        "team": of.pk,
        "owner": owner.pk,
        "deputy": deputy.pk,
        "plan": "new",
        "home": "eastus",
        "latency": "interactive",
        "shape": "office_hours",
        "model": "OpenAI|gpt-4o|2024-11-20",
        "tokens_per_minute": "40k",
        "requests_per_minute": "",
        "deployment_name": "",
        "place": _place("GlobalStandard"),
    }
    return {**facts, **more}


def _place(sku: str) -> str:
    from quotas.models import AzureAccount

    return f"{AzureAccount.objects.get().pk}-{DeployableModel.objects.get(sku_name=sku).pk}"


def test_a_lead_sees_the_page_and_the_list_leads_to_it(
    browse: Browse, pool: Pool, atlas: Team, ada: User
) -> None:
    assert PAGE in browse(ada).get("/services/").content.decode()
    said = words_of(browse(ada).get(PAGE))
    assert "Register a service" in said
    assert "Say where its data may be, the model, how much" in said


def test_who_leads_no_team_neither_sees_the_button_nor_the_page(
    browse: Browse, pool: Pool, atlas: Team, ben: User
) -> None:
    assert PAGE not in browse(ben).get("/services/").content.decode()
    answer = browse(ben).get(PAGE)
    assert answer.status_code == 422
    assert "Only a lead of a team" in words_of(answer)


def test_people_and_teams_of_others_are_not_offered(
    browse: Browse, pool: Pool, atlas: Team, delta: Team, ada: User, dan: User
) -> None:
    said = browse(ada).get(PAGE).content.decode()
    assert "Ben" in said
    assert "Dan" not in said
    assert "Delta" not in said


def test_the_suggestion_answers_while_somebody_types(
    browse: Browse, zone: Pool, atlas: Team, ada: User, ben: User
) -> None:
    answer = browse(ada).get(PAGE, typed(atlas, ada, ben), headers=HTMX)
    said = words_of(answer)
    assert "Global Standard in eastus suggested" in said
    assert "40k TPM in acme" in said
    assert "$2.50 for a million tokens in, $10.00 out" in said
    assert "What it costs cannot be said" in said  # of the data zone
    assert "<html" not in answer.content.decode()


def test_what_residency_bars_stands_below_with_its_reason(
    browse: Browse, zone: Pool, atlas: Team, ada: User, ben: User
) -> None:
    data = typed(atlas, ada, ben, data_residency="data_zone")
    said = words_of(browse(ada).get(PAGE, data, headers=HTMX))
    assert "Data Zone Standard in eastus suggested" in said
    assert "Not possible: 1" in said
    assert "may process it in any region of the world" in said


def test_where_nothing_is_possible_it_says_why(
    browse: Browse, zone: Pool, atlas: Team, ada: User, ben: User
) -> None:
    data = typed(atlas, ada, ben, data_residency="region", place="")
    said = words_of(browse(ada).get(PAGE, data, headers=HTMX))
    assert "Nowhere, as it is described." in said
    answer = browse(ada).post(PAGE, {**data, "send": "yes"})
    assert answer.status_code == 422
    assert "Nowhere can it be as it is described" in words_of(answer)


def test_sent_it_is_registered_and_its_page_says_what_happens_next(
    browse: Browse, pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    answer = browse(ada).post(PAGE, {**typed(atlas, ada, ben), "send": "yes"}, follow=True)
    said = words_of(answer)
    asked = CapacityRequest.objects.get()
    assert answer.redirect_chain[-1][0] == "/services/claims-letters/"
    assert f"Request #{asked.pk} waits for Platform owners" in said
    assert "What happens next" in said
    assert "Make it once that is approved" in said
    assert "--deployment-name=claims-letters" in said
    assert (asked.units, asked.deployment.name) == (40, "claims-letters")


def test_once_granted_the_page_says_to_make_it_and_then_that_it_is_there(
    browse: Browse, azure: FakeAzure, pool: Pool, atlas: Team, ada: User, ben: User, cleo: User
) -> None:
    register(atlas, ada, ben, by=ada)
    decisions.approve(the_plan().request, by=cleo, note="", at=NOON)
    said = words_of(browse(ada).get("/services/claims-letters/"))
    assert "40k TPM are held for it" in said
    assert "within 5 min Headroom sees it by its name" in said
    azure.add(deployment_seen("claims-letters", 40))
    sync(azure, LATER)
    said = words_of(browse(ada).get("/services/claims-letters/"))
    assert "What happens next" not in said
    assert "Request burst" in said


def test_without_script_the_suggestion_is_asked_for_by_a_button(
    browse: Browse, zone: Pool, atlas: Team, ada: User, ben: User
) -> None:
    data = typed(atlas, ada, ben, place="", name="")
    answer = browse(ada).post(PAGE, {**data, "check": "yes"})
    assert answer.status_code == 200
    assert "Global Standard in eastus suggested" in words_of(answer)
    assert not Service.objects.exists()


def test_what_is_missing_stands_beside_its_field_and_nothing_is_lost(
    browse: Browse, pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    data = typed(atlas, ada, ben, if_throttled="", proof_metric="", place="")
    answer = browse(ada).post(PAGE, {**data, "send": "yes"})
    said = words_of(answer)
    assert answer.status_code == 422
    assert "Say what happens to these people when calls are refused." in said
    assert "Say by what number one sees" in said
    assert "Writes letters on claims." in answer.content.decode()
    assert not Service.objects.exists()


def test_a_place_has_to_be_chosen_as_it_is_shown(
    browse: Browse, zone: Pool, atlas: Team, ada: User, ben: User
) -> None:
    for place, sentence in (("", "Choose where it is to be"), ("0-0", "no longer possible")):
        answer = browse(ada).post(PAGE, {**typed(atlas, ada, ben, place=place), "send": "yes"})
        assert answer.status_code == 422
        assert sentence in words_of(answer)
    assert not Service.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"deployment_name": "chat"}, "Choose another name."),
        ({"deployment_name": "a b"}, "Azure wants 2 to 64"),
        ({"data_class": "restricted"}, "Choose that, or a class of data that fits."),
        ({"tokens_per_minute": "lots"}, "Write a whole number"),
        ({"tokens_per_minute": "0"}, "Say how many tokens"),
        ({"model": "OpenAI|gpt-9|1"}, "Choose one of the list."),
    ],
)
def test_refusals_stand_on_the_form(
    wrong: dict[str, str],
    sentence: str,
    browse: Browse,
    pool: Pool,
    atlas: Team,
    ada: User,
    ben: User,
) -> None:
    answer = browse(ada).post(PAGE, {**typed(atlas, ada, ben, **wrong), "send": "yes"})
    assert answer.status_code == 422
    assert sentence in words_of(answer)
    assert not Service.objects.exists()


def test_deputy_of_another_team_is_refused_where_one_leads_two(
    browse: Browse, pool: Pool, atlas: Team, ada: User, dan: User
) -> None:
    team("Delta", lead=ada, member=dan)
    answer = browse(ada).post(PAGE, {**typed(atlas, ada, dan), "send": "yes"})
    assert answer.status_code == 422
    assert "Dan is not in Atlas" in words_of(answer)


def test_a_service_without_a_deployment_of_its_own_needs_none_of_the_rest(
    browse: Browse, pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    data = typed(atlas, ada, ben, plan="none")
    for name in ("model", "tokens_per_minute", "latency", "shape", "home", "place"):
        data.pop(name)
    answer = browse(ada).post(PAGE, {**data, "send": "yes"}, follow=True)
    assert "Claims letters is registered." in words_of(answer)
    assert not Expectation.objects.exists()


def test_a_denied_plan_is_planned_again_from_the_service_s_page(
    browse: Browse, pool: Pool, atlas: Team, ada: User, ben: User, cleo: User
) -> None:
    register(atlas, ada, ben, by=ada)
    decisions.deny(the_plan().request, by=cleo, note="Half of it.", at=NOON)
    assert "Plan its deployment" in words_of(browse(ada).get("/services/claims-letters/"))
    page = "/services/claims-letters/plan/"
    assert "What it needs" in words_of(browse(ada).get(page))
    data = typed(atlas, ada, ben, tokens_per_minute="20k")
    assert "20k TPM in acme" in words_of(browse(ada).get(page, data, headers=HTMX))
    answer = browse(ada).post(page, {**data, "send": "yes"}, follow=True)
    assert "waits for Platform owners" in words_of(answer)
    assert CapacityRequest.objects.first().units == 20  # type: ignore[union-attr]


def test_i19_dan_of_another_team_sees_and_does_nothing_of_it(
    browse: Browse, pool: Pool, atlas: Team, delta: Team, ada: User, ben: User, dan: User
) -> None:
    register(atlas, ada, ben, by=ada)
    plan = the_plan()
    assert browse(dan).get("/services/claims-letters/").status_code == 404
    assert browse(dan).get("/services/claims-letters/plan/").status_code == 404
    assert browse(dan).post(f"/plans/{plan.pk}/give-up/").status_code == 404
    answer = browse(dan).post(PAGE, {**typed(atlas, ada, ben, name="Mine"), "send": "yes"})
    assert answer.status_code == 422
    assert Service.objects.count() == 1


def test_a_member_reads_the_plan_and_gives_nothing_up(
    browse: Browse, pool: Pool, atlas: Team, ada: User, cleo: User
) -> None:
    eve = User.objects.create(username="eve", first_name="Eve")
    atlas.memberships.create(user=eve, role="member")
    register(atlas, ada, User.objects.get(username="ben"), by=ada)
    decisions.approve(the_plan().request, by=cleo, note="", at=NOON)
    said = words_of(browse(eve).get("/services/claims-letters/"))
    assert "What happens next" in said
    assert "It will not be made" not in said
    assert browse(eve).post(f"/plans/{the_plan().pk}/give-up/").status_code == 422
    assert LedgerEntry.objects.filter(kind="reversal").count() == 0


def test_a_plan_is_given_up_with_one_click(
    browse: Browse, pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    register(atlas, ada, ben, by=ada)
    answer = browse(ada).post(f"/plans/{the_plan().pk}/give-up/", follow=True)
    assert "acme/claims-letters is not expected any more." in words_of(answer)
    assert the_plan().ended_at == NOON


def test_a_deployment_under_a_planned_name_is_offered_to_that_service(
    browse: Browse,
    azure: FakeAzure,
    pool: Pool,
    atlas: Team,
    ada: User,
    ben: User,
    cleo: User,
) -> None:
    from quotas.services import onboarding

    onboarding.register(registration(atlas, ada, ben), planned("zz-17"), by=ada, at=NOON)
    azure.add(deployment_seen("zz-17", 40))
    sync(azure, LATER)
    said = words_of(browse(cleo).get("/unmapped/?q=zz-17"))
    assert "suggested by its plan" in said
