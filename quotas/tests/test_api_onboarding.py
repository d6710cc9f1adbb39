"""Registering by the API: the same services, sentences and limits as the page."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from portal.models import User
from quotas.domain.suggestion import ListPrice
from quotas.models import CapacityRequest, DeployableModel, Expectation, Pool, Service, Team
from quotas.services import decisions
from quotas.tests.conftest import Browse
from quotas.tests.factories import NOON, FakeEvidence
from quotas.tests.onboarding_world import CLAIMS_LETTERS, NEVER_USED, register, the_plan

SERVICES = "/api/v1/services/"
NEED = {
    "model": "gpt-4o",
    "model_version": "2024-11-20",
    "tokens_per_minute": 40_000,
    "home_region": "eastus",
    "latency": "interactive",
    "shape": "office_hours",
}
FACTS = {
    **CLAIMS_LETTERS,
    "team": "atlas",
    "owner": "ada",
    "deputy": "ben",
    "deployment": NEED,
}


@pytest.fixture(autouse=True)
def _prices(usage: FakeEvidence) -> None:
    usage.answer = NEVER_USED
    usage.prices["GlobalStandard"] = ListPrice(Decimal("2.5"), Decimal(10))


def post(client: Client, data: dict[str, Any], path: str = SERVICES) -> Any:
    return client.post(path, data, content_type="application/json")


def test_a_service_is_registered_with_the_plan_of_its_deployment(
    browse: Browse, pool: Pool, atlas: Team, ada: User
) -> None:
    answer = post(browse(ada), FACTS)
    assert answer.status_code == 201, answer.content
    told, asked = answer.json(), CapacityRequest.objects.get()
    assert told["lifecycle"] == "proposed"
    assert answer["Location"] == told["url"] == "http://testserver/services/claims-letters/"
    plan = told["plan"]
    assert (plan["account"], plan["deployment"], plan["units"]) == ("acme", "claims-letters", 40)
    assert (plan["request"], plan["is_held"]) == (asked.pk, False)
    assert "--sku-capacity=40" in plan["az"]
    assert "capacity: 40" in plan["bicep"]


def test_the_plan_is_held_once_it_is_approved(
    browse: Browse, pool: Pool, atlas: Team, ada: User, ben: User, cleo: User
) -> None:
    register(atlas, ada, ben, by=ada)
    decisions.approve(the_plan().request, by=cleo, note="", at=NOON)
    assert browse(ben).get(f"{SERVICES}claims-letters/plan/").json()["plan"]["is_held"] is True


def test_places_come_best_first_with_reasons_and_what_cannot_be_said(
    browse: Browse, pool: Pool, atlas: Team, ada: User
) -> None:
    answer = post(browse(ada), {**NEED, "data_residency": "anywhere"}, f"{SERVICES}suggestion/")
    [place] = answer.json()["places"]
    assert (place["sku"], place["region"], place["units"]) == ("GlobalStandard", "eastus", 40)
    assert {each["topic"] for each in place["reasons"]} == {
        "residency", "latency", "predictability", "cost",
    }  # fmt: skip
    assert all(each["known"] for each in place["reasons"])
    barred = post(browse(ada), {**NEED, "data_residency": "region"}, f"{SERVICES}suggestion/")
    assert barred.json()["places"] == []
    [refused] = barred.json()["not_possible"]
    assert "any region of the world" in refused["why"]
    assert not Service.objects.exists()


def test_without_a_deployment_of_its_own_nothing_is_asked_for(
    browse: Browse, pool: Pool, atlas: Team, ada: User
) -> None:
    answer = post(browse(ada), {**FACTS, "deployment": None})
    assert answer.json()["plan"] is None
    assert answer.json()["lifecycle"] == "active"


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        ({"owner": "dan"}, 400, "Nobody of this name is in the team"),
        ({"data_class": "secret"}, 400, "not a valid choice"),
        ({"deployment": {**NEED, "model": "gpt-9"}}, 400, "No account offers it"),
        ({"deployment": {**NEED, "latency": "soon"}}, 400, "not a valid choice"),
        ({"deployment": {**NEED, "place": "0-0"}}, 422, "It cannot be there."),
        ({"data_class": "restricted"}, 422, "class of data that fits"),
        ({"data_residency": "region"}, 422, "any region of the world"),
        ({"deployment": {**NEED, "deployment_name": "chat"}}, 422, "Choose another name."),
        ({"deployment": {**NEED, "tokens_per_minute": 900_000}}, 422, "700 are free for good"),
    ],
)
def test_refusals_say_what_is_wrong_and_nothing_is_written(
    wrong: dict[str, Any],
    code: int,
    said: str,
    browse: Browse,
    pool: Pool,
    atlas: Team,
    delta: Team,
    ada: User,
) -> None:
    answer = post(browse(ada), {**FACTS, **wrong})
    assert (answer.status_code, said in answer.content.decode()) == (code, True), answer.content
    assert not Service.objects.exists()


def test_a_plan_is_given_up_and_made_again(
    browse: Browse, pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    register(atlas, ada, ben, by=ada)
    path = f"{SERVICES}claims-letters/plan/"
    assert browse(ada).delete(path).status_code == 204
    assert browse(ada).get(path).json()["plan"] is None
    assert browse(ada).delete(path).status_code == 422
    place = f"{the_plan().deployment.account_id}-{DeployableModel.objects.get().pk}"
    again = post(browse(ada), {**NEED, "place": place, "tokens_per_minute": 20_000}, path)
    assert again.status_code == 201
    assert again.json()["plan"]["units"] == 20
    assert post(browse(ada), NEED, path).json()["code"] == "planned_already"


def test_i19_dan_of_another_team_registers_sees_and_ends_nothing_of_it(
    browse: Browse, pool: Pool, atlas: Team, delta: Team, ada: User, ben: User, dan: User
) -> None:
    register(atlas, ada, ben, by=ada)
    path = f"{SERVICES}claims-letters/plan/"
    assert post(browse(dan), {**FACTS, "name": "Mine"}).status_code == 422
    for answer in (browse(dan).get(path), post(browse(dan), NEED, path), browse(dan).delete(path)):
        assert answer.status_code == 404
    assert Expectation.objects.get().ended_at is None


def test_a_member_reads_the_plan_and_neither_plans_nor_is_told_of_places(
    browse: Browse, pool: Pool, atlas: Team, ada: User, ben: User
) -> None:
    eve = User.objects.create(username="eve", first_name="Eve")
    atlas.memberships.create(user=eve, role="member")
    register(atlas, ada, ben, by=ada)
    path = f"{SERVICES}claims-letters/plan/"
    assert browse(eve).get(path).json()["plan"]["deployment"] == "claims-letters"
    for answer in (
        post(browse(eve), NEED, path),
        browse(eve).delete(path),
        post(browse(eve), {**NEED, "data_residency": "anywhere"}, f"{SERVICES}suggestion/"),
        post(browse(eve), FACTS),
    ):
        assert answer.status_code == 422
    assert Expectation.objects.get().ended_at is None
