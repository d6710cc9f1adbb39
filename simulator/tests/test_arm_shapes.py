"""Every ARM answer has the names and types of the API's description, and all its examples' fields.

A new route takes one line in ``ANSWERS``: the operation's name in the description, and what the
path, query and body need beyond the common values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from simulator.arm import ARM_PLANE
from simulator.arm_gateways import API_MANAGEMENT_ROUTES
from simulator.arm_provider import PROVIDER_ROUTES
from simulator.tests.definitions import official, operation, problems
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP
from simulator.tests.shapes import assert_has_fields
from simulator.tests.worlds import REGION, SUBSCRIPTION
from simulator.write_forms import OPERATION_ROUTES

COMMON = {
    "subscriptionId": SUBSCRIPTION,
    "resourceGroupName": GROUP,
    "accountName": "one",
    "deploymentName": "chat",
    "location": REGION,
    "default": "default",
}


@dataclass(frozen=True)
class Asked:
    """One call. ``path`` differs from COMMON; ``before`` are the calls that prepare it."""

    operation: str
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    example: str | None = None
    before: tuple[Asked, ...] = ()

    @property
    def words(self) -> str:
        """For the test's name."""
        return " ".join([self.operation, *self.path.values()])


FOUNDRY = {"accountName": "foundry"}
MODEL = {"modelFormat": "OpenAI", "modelName": "gpt-4o", "modelVersion": "2024-11-20"}
CALCULATED = {
    "model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"},
    "skuName": "ProvisionedManaged",
    "workloads": [
        {
            "requestPerMinute": 10,
            "requestParameters": {"avgPromptTokens": 30, "avgGeneratedTokens": 50},
        }
    ],
}
WITHOUT_BODY = (
    "deployments.begin_delete", "accounts.begin_delete", "deleted_accounts.begin_purge",
)  # fmt: skip
UPGRADE_POLICY = {"properties": {"tierUpgradePolicy": "NoAutoUpgrade"}}
NEW = {
    "sku": {"name": "GlobalStandard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}},
}
DELETED = Asked("accounts.begin_delete")
RESTORE = {"location": REGION, "properties": {"restore": True}}
ANSWERS = (
    Asked("accounts.list", example="ListAccountsBySubscription"),
    Asked("accounts.list_by_resource_group"),
    Asked("accounts.get"),
    Asked("accounts.get", FOUNDRY),
    Asked("accounts.get", {"accountName": "speech"}),
    Asked("accounts.list_models"),
    Asked("accounts.list_models", FOUNDRY),
    Asked("deployments.list", example="ListDeployments"),
    Asked("deployments.list", FOUNDRY),
    Asked("deployments.get", example="GetDeployment"),
    Asked("deployments.get", {"deploymentName": "ptu"}),
    Asked("deployments.begin_update", body={"sku": {"name": "GlobalStandard", "capacity": 40}}),
    # Its example has every field of a capacity rule at once; ours have what the SKU's rule says.
    Asked("deployments.list_skus"),
    Asked("deployments.begin_create_or_update", {"deploymentName": "new"}, body=NEW),
    Asked("deployments.begin_delete", {"deploymentName": "follows"}),
    Asked("accounts.begin_delete"),
    Asked("accounts.begin_create", body=RESTORE, before=(DELETED,)),
    Asked("deleted_accounts.list", before=(DELETED,)),
    Asked("deleted_accounts.get", before=(DELETED,)),
    Asked("deleted_accounts.begin_purge", before=(DELETED,)),
    Asked("usages.list", example="ListUsages"),
    Asked("accounts.list_usages"),
    Asked("models.list"),
    Asked("model_capacities.list", query=MODEL),
    Asked(
        "location_based_model_capacities.list", query=MODEL,
        example="ListLocationBasedModelCapacities",
    ),
    Asked(
        "cognitive_services_management_client.calculate_model_capacity", body=CALCULATED,
        example="CalculateModelCapacity",
    ),
    Asked("quota_tiers.list_by_subscription", example="ListQuotaTiers"),
    Asked("quota_tiers.get"),
    Asked("quota_tiers.update", body=UPGRADE_POLICY),
    Asked("quota_tiers.create_or_update", body=UPGRADE_POLICY),
    Asked("resource_skus.list"),
)  # fmt: skip
REFUSED = (
    Asked("accounts.get", {"accountName": "none"}),
    Asked("accounts.list", {"subscriptionId": "none"}),
    Asked("deployments.get", {"deploymentName": "none"}),
    Asked("usages.list", {"location": "atlantis"}),
    Asked("deployments.begin_update", body={"sku": {"name": "GlobalStandard", "capacity": -1}}),
    Asked("accounts.begin_create", body={"location": REGION}),
)


def ask(simulator: SimulatorProcess, asked: Asked, version: str = "2025-09-01") -> httpx.Response:
    for each in asked.before:
        assert ask(simulator, each).status_code < 300
    method, template, _ = operation(asked.operation)
    path = template.format(**{**COMMON, **asked.path})
    token = simulator.token("https://management.azure.com")
    with simulator.http() as http:
        return http.request(
            method, path, params={"api-version": version, **asked.query}, json=asked.body,
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip


def definition_of(asked: Asked, status: int) -> str:
    responses = operation(asked.operation)[2]
    described = responses.get(str(status), responses["default"])
    return str(described["schema"]["$ref"]).rpartition("/")[2]


@pytest.mark.parametrize("asked", ANSWERS, ids=lambda asked: asked.words)
def test_an_answer_has_the_names_and_types_of_the_api(foundry: SimulatorProcess, asked: Asked):
    answer = ask(foundry, asked)
    assert answer.status_code < 300, answer.text
    if asked.operation in WITHOUT_BODY:
        assert answer.content == b""
        return
    assert problems(answer.json(), definition_of(asked, answer.status_code)) == []


@pytest.mark.parametrize("asked", REFUSED, ids=lambda asked: asked.words)
def test_a_refusal_has_arms_envelope(foundry: SimulatorProcess, asked: Asked):
    answer = ask(foundry, asked)
    assert answer.status_code >= 400
    assert problems(answer.json(), "ErrorResponse") == []
    assert all(answer.json()["error"][name] for name in ("code", "message"))


@pytest.mark.parametrize(
    "asked", [each for each in ANSWERS if each.example], ids=lambda asked: asked.example
)
def test_an_answer_has_every_field_of_the_official_example(foundry: SimulatorProcess, asked: Asked):
    answer = ask(foundry, asked, "2025-10-01-preview").json()
    assert_has_fields(answer, official(asked.example or ""))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"value": {}}, "is no array"),
        ({"value": [{"kind": 1}]}, "1 is no string"),
        ({"value": [{"colour": "blue"}]}, "colour is not in Account"),
        ({"value": [{"sku": {"tier": "Standard"}}]}, "name is missing"),
        ({"value": [{"tags": {"a": 1}}]}, "1 is no string"),
        ({"value": [{"systemData": {"createdAt": "soon"}}]}, "'soon' is no time"),
        ({"value": [{"properties": {"publicNetworkAccess": "Open"}}]}, "'Open' is not among"),
        ({"value": [{"properties": {"disableLocalAuth": "no"}}]}, "'no' is no boolean"),
        ({"value": [{"sku": {"name": "S0", "capacity": True}}]}, "True is no integer"),
    ],
)
def test_a_wrong_shape_would_be_seen(wrong: dict[str, Any], words: str):
    (found,) = problems(wrong, "AccountListResult")
    assert words in found


@pytest.mark.parametrize("name", ["accounts.list", "deployments.list", "models.list"])
def test_a_page_with_more_to_come_is_described_too(foundry: SimulatorProcess, name: str):
    foundry.control("POST", "/knobs", {"page_size": 1})
    answer = ask(foundry, Asked(name)).json()
    assert "nextLink" in answer
    assert problems(answer, definition_of(Asked(name), 200)) == []


def test_the_example_of_models_has_no_field_that_ours_never_have(foundry: SimulatorProcess):
    foundry.control("POST", "/models", {
        "model": "gpt-4o", "version": "2024-08-06", "retires_at": "2027-01-01T00:00:00Z",
        "replacement": {"model": "gpt-4o", "version": "2024-11-20"},
    })  # fmt: skip
    theirs = keys(official("ListLocationModels")["value"])
    assert theirs <= keys(ask(foundry, Asked("models.list")).json()["value"])


def keys(node: Any, path: str = "", free: tuple[str, ...] = ("capabilities",)) -> set[str]:
    """Paths of all keys, list positions and the entries of free dictionaries left out."""
    if isinstance(node, list):
        return {each for row in node for each in keys(row, path, free)}
    if not isinstance(node, dict) or path.rpartition(".")[2] in free:
        return set()
    below = {each for name, value in node.items() for each in keys(value, f"{path}.{name}", free)}
    return below | {f"{path}.{name}" for name in node}


def test_every_route_of_arm_is_in_the_table():
    """But for those of ARM itself and of API Management, which the description of this provider
    does not have; the latter are asked through their own SDK in `test_product_policies`.
    """
    asked = {operation(each.operation)[:2] for each in ANSWERS}
    concrete = {(method, path.format(**COMMON)) for method, path in asked}
    missing = [
        f"{route.method} {route.pattern}"
        for route in ARM_PLANE.routes
        if route not in (*PROVIDER_ROUTES, *OPERATION_ROUTES, *API_MANAGEMENT_ROUTES)
        and not any(m == route.method and route.regex.fullmatch(p) for m, p in concrete)
    ]
    assert missing == []
