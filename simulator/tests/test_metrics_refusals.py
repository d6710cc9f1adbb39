"""Metric queries that Monitor refuses, each with a sentence."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.raw import raw_batch
from simulator.tests.sdk import NAMESPACE, Sdk, account_id
from simulator.tests.worlds import SUBSCRIPTION

BY_STATUS = "ModelDeploymentName eq '*' and StatusCode eq '*'"
REQUESTS = "AzureOpenAIRequests"
TOKENS = ["ProcessedPromptTokens", "GeneratedTokens"]


@pytest.mark.parametrize(
    ("names", "split", "sentence"),
    [
        (["Wishes"], "", "Failed to find metric configuration"),
        (TOKENS, "StatusCode eq '*'", "does not support requested dimension combination"),
        (TOKENS, "ModelDeploymentName ne 'x'", "Invalid filter near"),
        (TOKENS, "ModelDeploymentName eq 'x' ModelDeploymentName eq 'y'", "Invalid filter near"),
        ([REQUESTS], "StatusCode eq '200' or ModelDeploymentName eq 'x'", "one dimension only"),
    ],
)
def test_a_wrong_query_is_400_with_a_sentence(
    sdk: Sdk, names: list[str], split: str, sentence: str
):
    with pytest.raises(HttpResponseError, match=sentence) as caught:
        sdk.series(names, split)
    assert caught.value.status_code == 400


def test_an_unknown_account_or_a_wrong_region_is_refused(sdk: Sdk, simulator: SimulatorProcess):
    with pytest.raises(ResourceNotFoundError):
        sdk.series(TOKENS, account="none")
    token = simulator.token("https://metrics.monitor.azure.com")
    with simulator.http() as http:
        answer = http.post(
            f"/metrics/westus/subscriptions/{SUBSCRIPTION}/metrics:getBatch?api-version=1"
            f"&metricnamespace={NAMESPACE}&metricnames={REQUESTS}",
            headers={"Authorization": f"Bearer {token}"},
            json={"resourceids": [account_id("one")]},
        )
    assert answer.status_code == 400
    assert "not in 'westus'" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [([], "at least one resource"), ([account_id(f"a{n}") for n in range(51)], "maximum 50")],
)
def test_one_to_fifty_resources_are_allowed(
    simulator: SimulatorProcess, ids: list[str], sentence: str
):
    token = simulator.token("https://metrics.monitor.azure.com")
    with simulator.http() as http:
        answer = http.post(
            f"/metrics/eastus2/subscriptions/{SUBSCRIPTION}/metrics:getBatch?api-version=1"
            f"&metricnamespace={NAMESPACE}&metricnames={REQUESTS}",
            headers={"Authorization": f"Bearer {token}"},
            json={"resourceids": ids},
        )
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"interval": "PT7M"}, "Invalid time grain"),
        ({"endtime": NOW}, "start time is required"),
        ({"starttime": "2026-03-05", "endtime": "2026-03-04"}, "cannot be later"),
        ({"starttime": "soon", "endtime": NOW}, "not an ISO 8601 time"),
        ({"starttime": "2001-01-01", "endtime": NOW}, "too many points"),
        ({"filter": BY_STATUS, "top": "all"}, "Invalid top"),
        ({"metricnamespace": "Microsoft.Storage/storageAccounts"}, "is not played here"),
    ],
)
def test_a_wrong_window_is_refused(
    simulator: SimulatorProcess, query: dict[str, str], sentence: str
):
    with pytest.raises(AssertionError, match=sentence):
        raw_batch(simulator, REQUESTS, **query)
