"""Lists in pages: links are absolute on the host that was asked and keep the query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk
from simulator.tests.worlds import REGION, SUBSCRIPTION

ACCOUNTS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/accounts"
LISTS: dict[str, Callable[[Sdk], Any]] = {
    "accounts": lambda sdk: sdk.arm.accounts.list(),
    "accounts of a group": lambda sdk: sdk.arm.accounts.list_by_resource_group(GROUP),
    "deployments": lambda sdk: sdk.arm.deployments.list(GROUP, "one"),
    "usages": lambda sdk: sdk.arm.usages.list(REGION),
    "models of an account": lambda sdk: sdk.arm.accounts.list_models(GROUP, "one"),
    "kinds of account": lambda sdk: sdk.arm.resource_skus.list(),
    "models": lambda sdk: sdk.arm.models.list(REGION),
}


def get(simulator: SimulatorProcess, path: str, **headers: str) -> httpx.Response:
    token = simulator.token("https://management.azure.com")
    with simulator.http() as http:
        return http.get(path, headers={"Authorization": f"Bearer {token}", **headers})


@pytest.mark.parametrize("name", LISTS)
def test_the_sdk_follows_every_list_to_its_end(sdk: Sdk, simulator: SimulatorProcess, name: str):
    whole = [each.as_dict() for each in LISTS[name](sdk)]
    simulator.control("POST", "/knobs", {"page_size": 1 if len(whole) < 10 else 7})
    simulator.control("DELETE", "/log")
    assert [each.as_dict() for each in LISTS[name](sdk)] == whole
    asked = [row["path"] for row in simulator.control("GET", "/log")]
    assert len(asked) > 1
    assert all("skiptoken" in path for path in asked[1:])
    assert all(path.count("api-version=2025-09-01") == 1 for path in asked)


def test_a_link_keeps_the_query_and_the_host_that_was_asked(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"page_size": 1})
    query = "api-version=2099-01-01&%24filter=x%20eq%20'1'"
    link = get(simulator, f"{ACCOUNTS}?{query}").json()["nextLink"]
    assert link == f"{simulator.ready['arm_endpoint']}{ACCOUNTS}?{query}&$skiptoken=1"
    last = get(simulator, link).json()
    assert [each["name"] for each in last["value"]] == ["two"]
    assert "nextLink" not in last


def test_behind_a_proxy_links_name_the_host_of_azure(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"page_size": 1})
    answer = get(simulator, f"{ACCOUNTS}?api-version=1", Host="management.azure.com").json()
    assert answer["nextLink"].startswith(f"https://management.azure.com{ACCOUNTS}?api-version=1&")


def test_a_second_token_replaces_the_first(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"page_size": 1})
    path = f"{ACCOUNTS.removesuffix('/accounts')}/locations/{REGION}/models?api-version=1"
    link = get(simulator, f"{path}&%24skipToken=4").json()["nextLink"]
    assert link.endswith(f"{path}&$skiptoken=5")


def test_a_token_of_somebody_else_is_refused(simulator: SimulatorProcess):
    answer = get(simulator, f"{ACCOUNTS}?api-version=1&$skiptoken=abc")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidSkipToken")
